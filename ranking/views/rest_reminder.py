"""Reminds volunteers to rest after a long sitting, which only a cookie of theirs records.

The cookie holds when the sitting began and is set anew with each judgment. It ends by itself when none has
come for as long as a pause takes, so that nothing has to be counted or cleared away.
"""

import time
from enum import StrEnum
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

COOKIE = f"{settings.COOKIE_PREFIX}sitting"
LONG = 45 * 60
PAUSE = 10 * 60
LONGEST = 24 * 60 * 60


class Reminder(StrEnum):
    """Whether the volunteer was reminded in this sitting that it is a long one."""

    NOT_YET = ""
    SHOWN = "desk"
    CLOSED = "closed"


class Sitting(NamedTuple):
    """Start of a sitting, in seconds since 1970, and whether the reminder was shown."""

    began: int
    reminder: Reminder

    @property
    def minutes(self) -> int:
        """Its length once that is long; else 0."""
        seconds = int(time.time()) - self.began
        return seconds // 60 if seconds >= LONG else 0


def long_sitting(request: HttpRequest) -> int:
    """Minutes of a long sitting; 0 while it is short or after the reminder was closed."""
    sitting = _read(request)
    return 0 if sitting.reminder == Reminder.CLOSED else sitting.minutes


def advise_rest(request: HttpRequest) -> str:
    """The reminder after a long sitting, once; empty otherwise."""
    sitting = _read(request)
    if not sitting.minutes or sitting.reminder:
        return ""
    return _(
        "You have ranked for %(minutes)d minutes without a pause: thank you. A good moment to stop for today."
    ) % {"minutes": sitting.minutes}


def note_judgment(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Start or extend the sitting by the judgment that this response answers."""
    sitting = _read(request)
    if sitting.minutes and not sitting.reminder:
        sitting = sitting._replace(reminder=Reminder.SHOWN)
    return _write(sitting, response)


def close_advice(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Do not show the reminder again in this sitting."""
    return _write(_read(request)._replace(reminder=Reminder.CLOSED), response)


def _read(request: HttpRequest) -> Sitting:
    """The sitting of a valid cookie; without one it begins now."""
    now = int(time.time())
    began, _dot, reminder = request.COOKIES.get(COOKIE, "").partition(".")
    is_number = began.isascii() and began.isdigit() and len(began) < 12
    if not (is_number and now - LONGEST < int(began) <= now and reminder in list(Reminder)):
        return Sitting(now, Reminder.NOT_YET)
    return Sitting(int(began), Reminder(reminder))


def _write(sitting: Sitting, response: HttpResponse) -> HttpResponse:
    response.set_cookie(
        COOKIE,
        f"{sitting.began}.{sitting.reminder}" if sitting.reminder else str(sitting.began),
        max_age=PAUSE,
        httponly=True,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        samesite="Lax",
    )
    return response
