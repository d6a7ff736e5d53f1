"""Coordinators with the same pages open who press at the same moment, and a link of one who is let go."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx2
import pytest

from tests.pressing import FormReader

from .site import Site
from .tables import show

PEOPLE = 4
TIMES = 8
SLUG = "drill"
_MAKE = """
import json
from django.conf import settings
from django.test import Client
from annotator.models import Role
from tests.factories import make_member
from tests.training.making import make_candidate, make_judged
from tests.drills.test_acts import PEOPLE, SLUG, TIMES

project = make_judged()
project.slug = SLUG
project.save()
for number in range(1, 2 * TIMES + 1):
    make_candidate(project, number)
sessions = []
for number in range(PEOPLE):
    browser = Client()
    browser.force_login(make_member(project, Role.COORDINATOR, name=f"Coordinator {number}"))
    sessions.append(browser.cookies[settings.SESSION_COOKIE_NAME].value)
print(json.dumps([settings.SESSION_COOKIE_NAME, sessions]))
"""
_COUNT = """
import json
from annotator.models import AuditEvent, Project
project = Project.objects.get(slug="drill")
print(json.dumps({
    "rounds": project.rounds.count(),
    "open": project.rounds.open().count(),
    "releases": project.releases.count(),
    "live": project.versions.live().count(),
    "saved": AuditEvent.objects.filter(verb="project.changed").count(),
}))
"""
_INVITE = """
import json
from annotator.models import Project, Role
from annotator.services.invitations.inviting import invite
from tests.drills.test_acts import TIMES
from tests.factories import make_member
project = Project.objects.get(slug="drill")
made = []
for number in range(TIMES):
    maker = make_member(project, Role.COORDINATOR, f"maker{number}@example.org", f"Maker {number}")
    token = invite(project=project, role=Role.COORDINATOR, email="", actor=maker)[1]
    made.append([project.memberships.get(user=maker).pk, token])
print(json.dumps(made))
"""
_CAME_BACK = """
import json
from annotator.models import AuditEvent, Invitation
late = 0
for joined in AuditEvent.objects.filter(verb="invitation.accepted"):
    maker = Invitation.objects.get(pk=joined.target.rpartition(":")[2]).created_by
    removed = AuditEvent.objects.filter(verb="member.removed", target=f"user:{maker.pk}", pk__lt=joined.pk)
    late += removed.exists()
print(json.dumps(late))
"""


def ask(site: Site, code: str) -> Any:
    return json.loads(site.python(code).splitlines()[-1])


def at_once(acts: Sequence[Callable[[], httpx2.Response]]) -> list[httpx2.Response]:
    """What came back of requests that were sent at the same moment."""
    barrier = Barrier(len(acts))

    def send(act: Callable[[], httpx2.Response]) -> httpx2.Response:
        barrier.wait(timeout=30)
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(send, acts))


def ready(browser: httpx2.Client, page: str, address: str = "", **entered: str) -> Callable[[], Any]:
    """A form that is open in a browser, filled in, and not sent yet."""
    forms = FormReader(browser.get(page).text).forms
    sent = next(fields for action, fields in forms if (action or page) == (address or page)) | entered
    return lambda: browser.post(address or page, data=sent)


@pytest.mark.both_databases
def test_of_those_who_press_at_once_one_does_it_and_the_others_are_told(site: Site):
    cookie, sessions = ask(site, _MAKE)
    browsers = [
        httpx2.Client(base_url=site.url, cookies={cookie: session}, timeout=60) for session in sessions
    ]
    base = f"/p/{SLUG}/"
    rows = []

    def press(title: str, opened: Callable[[httpx2.Client, int], Callable[[], Any]]) -> None:
        answers: Counter[int] = Counter()
        for time in range(TIMES):
            # All have the page open before the first one presses.
            acts = [opened(browser, PEOPLE * time + number) for number, browser in enumerate(browsers)]
            answers.update(answer.status_code for answer in at_once(acts))
        rows.append({"pressed": title, "times": TIMES, **{str(each): answers[each] for each in (302, 409)}})
        assert answers == {302: TIMES, 409: TIMES * (PEOPLE - 1)}, answers

    before = ask(site, _COUNT)
    press("open the next round", lambda browser, _: ready(browser, base, f"{base}rounds/open/"))
    press("save the settings", lambda browser, n: ready(browser, f"{base}settings/", name=f"Drill {n}"))
    press(
        "release one of two versions",
        lambda browser, n: ready(
            browser,
            f"{base}training/versions/{2 * (n // PEOPLE) + n % 2 + 1}/",
            f"{base}training/versions/{2 * (n // PEOPLE) + n % 2 + 1}/release/",
        ),
    )
    after = ask(site, _COUNT)
    show(f"{PEOPLE} coordinators press the same at the same moment", rows)
    show("What came of it", [{"": "before", **before}, {"": "after", **after}])
    assert after == {
        "rounds": before["rounds"] + TIMES + 1,  # releases have one prepared
        "open": 1,
        "releases": before["releases"] + TIMES,
        "live": 1,
        "saved": before["saved"] + TIMES,
    }


@pytest.mark.both_databases
def test_nobody_comes_in_by_a_link_whose_maker_was_let_go_before(site: Site):
    cookie, sessions = ask(site, _MAKE)
    coordinator = httpx2.Client(base_url=site.url, cookies={cookie: sessions[0]}, timeout=60)
    answers: Counter[str] = Counter()
    for number, (membership, token) in enumerate(ask(site, _INVITE)):
        remove = ready(coordinator, f"/p/{SLUG}/people/", f"/p/{SLUG}/people/{membership}/remove/")
        visitor = httpx2.Client(base_url=site.url, timeout=60, follow_redirects=True)
        forms = FormReader(visitor.get(f"/join/{token}/").text).forms
        form = next(fields for _action, fields in forms if "password" in fields)
        form |= {"name": "Back", "email": f"back{number}@example.org", "password": "a long drill phrase"}
        visitor.follow_redirects = False
        join = lambda visitor=visitor, form=form: visitor.post("/join/", data=form)  # noqa: E731
        removed, joined = at_once([remove, join])
        assert removed.status_code == 302
        if joined.status_code == 302:
            answers["let in before"] += 1
        else:
            answers["refused"] += 1
            assert "no longer coordinates the project" in joined.text, joined.status_code
    late = ask(site, _CAME_BACK)
    show("A coordinator is let go while somebody opens their link", [{**answers, "came in after": late}])
    assert late == 0
