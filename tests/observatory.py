"""The score that Mozilla's HTTP Observatory gives a site for its headers and cookies.

Rules and points are those of github.com/mdn/mdn-http-observatory, `src/analyzer` and `src/grader/charts.js`,
as far as they tell apart what a site of our kind can answer. Two bonuses are left out: being on the list of
preloaded hosts (+5), and scripts with integrity hashes (+5).
"""

from http.cookies import Morsel

from django.http import HttpResponse

HALF_A_YEAR = 15_768_000
FOR_BONUS = 90
PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
BROAD = {"*", "http:", "https:", "ftp:"}
UNSAFE = {"'unsafe-inline'", "'unsafe-eval'", "data:", *BROAD}


def score(page: HttpResponse) -> int:
    """The points of a page over https: 100, less penalties, and from 90 on also the bonuses."""
    points = [
        of_policy(page),
        of_cookies(list(page.cookies.values())),
        of_transport(page.get("Strict-Transport-Security", "")),
        of_referrer(page.get("Referrer-Policy", "")),
        of_resource_policy(page.get("Cross-Origin-Resource-Policy", "")),
        of_frames(page),
        0 if page.get("X-Content-Type-Options") == "nosniff" else -5,
        -50 if page.get("Access-Control-Allow-Credentials") else 0,
    ]
    base = 100 + sum(min(each, 0) for each in points)
    return base + sum(max(each, 0) for each in points) if base >= FOR_BONUS else max(base, 0)


def directives(page: HttpResponse) -> dict[str, set[str]]:
    policy = page.get("Content-Security-Policy", "")
    parts = [part.split() for part in policy.split(";") if part.strip()]
    return {name: set(sources) for name, *sources in parts}


def of_policy(page: HttpResponse) -> int:
    policy = directives(page)
    if not policy:
        return -25
    default = policy.get("default-src", {"*"})
    scripts, objects = policy.get("script-src", default), policy.get("object-src", default)
    if scripts & (UNSAFE - {"'unsafe-eval'"}) or objects & BROAD:
        return -20
    if "'unsafe-eval'" in scripts | policy.get("style-src", default):
        return -10
    if policy.get("style-src", default) & UNSAFE:
        return 0
    return 10 if default == {"'none'"} else 5


def of_cookies(cookies: list[Morsel]) -> int:
    points = 5 if cookies else 0
    for cookie in cookies:
        is_session = any(word in cookie.key.lower() for word in ("login", "sess"))
        if not cookie["samesite"]:
            points = min(points, -20 if "csrf" in cookie.key.lower() else 0)
        if not cookie["secure"]:
            points = min(points, -40 if is_session else -20)
        if is_session and not cookie["httponly"]:
            points = min(points, -30)
    return points


def of_transport(header: str) -> int:
    ages = [part.partition("=")[2] for part in header.split(";") if part.strip().startswith("max-age")]
    if not ages or not ages[0].isdigit():
        return -20
    return 0 if int(ages[0]) >= HALF_A_YEAR else -10


def of_referrer(header: str) -> int:
    if not header:
        return 0
    return 5 if header.rpartition(",")[2].strip() in PRIVATE else -5


def of_resource_policy(header: str) -> int:
    if not header or header == "cross-origin":
        return 0
    return 10 if header in {"same-origin", "same-site"} else -5


def of_frames(page: HttpResponse) -> int:
    if not directives(page).get("frame-ancestors", BROAD) & BROAD:
        return 5
    return 0 if page.get("X-Frame-Options", "").upper() in {"DENY", "SAMEORIGIN"} else -20
