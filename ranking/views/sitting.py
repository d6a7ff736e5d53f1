"""How long somebody has been ranking without a pause, known by a cookie of theirs and stored nowhere else.

The cookie holds when the sitting began and is set anew with each judgment. It ends by itself when none has
come for as long as a pause takes, so that nothing has to be counted or cleared away.
"""

import time

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

COOKIE = "sitting"
LONG = 45 * 60
PAUSE = 10 * 60
LONGEST = 24 * 60 * 60
TOLD = "told"


def minutes_at_a_stretch(request: HttpRequest) -> int:
    """How long the sitting lasts in minutes once that is long; else 0."""
    seconds = time.time() - _read(request)[0]
    return int(seconds // 60) if seconds >= LONG else 0


def advise_rest(request: HttpRequest) -> str:
    """Words for who has sat long, once a sitting; empty else."""
    minutes = minutes_at_a_stretch(request)
    if not minutes or _read(request)[1]:
        return ""
    return _(
        "You have ranked for %(minutes)d minutes without a pause: thank you. A good moment to stop for today."
    ) % {"minutes": minutes}


def note_sitting(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the sitting go on, or begin, with the judgment that was answered by this response."""
    began, was_told = _read(request)
    is_told = was_told or bool(minutes_at_a_stretch(request))
    value = f"{int(began)}{'.' + TOLD if is_told else ''}"
    response.set_cookie(
        COOKIE, value, max_age=PAUSE, httponly=True, secure=request.is_secure(), samesite="Lax"
    )
    return response


def _read(request: HttpRequest) -> tuple[float, bool]:
    """When the sitting began, and whether its length was told; without a valid cookie it begins now."""
    now = time.time()
    began, _dot, told = request.COOKIES.get(COOKIE, "").partition(".")
    is_number = began.isascii() and began.isdigit() and len(began) < 12
    if not (is_number and now - LONGEST < int(began) <= now):
        return now, False
    return float(began), told == TOLD
