"""When a cron expression comes due, in a time zone: five fields, and Debian's rules for clock changes.

A fixed time that a spring clock change leaves out comes when the clock has moved on; one that an autumn
change repeats comes once. With * or */n as its minute or hour, an expression goes by the clock on the wall.
Nothing here knows the database.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.utils.translation import gettext as _

from annotator.codes.time_zones import no_such_zone, zone_names

FIELDS = 5
# In the hour that an autumn clock change repeats, the simulator takes both for the first one.
REPEATED = timedelta(hours=1)
_WEEKLY = re.compile(r"([0-5]?\d) ([01]?\d|2[0-3]) \* \* (\*|[0-6](?:,[0-6])*)")


class CronError(ValueError):
    """An expression or a time zone that cannot be used; the message says why."""


def weekly_expression(days: Iterable[int], at: time) -> str:
    """The expression for one time of day on some days of the week, of which 0 is Monday."""
    named = sorted({(day + 1) % 7 for day in days})  # cron's 0 is Sunday
    return f"{at.minute} {at.hour} * * {'*' if len(named) == 7 else ','.join(map(str, named))}"


def weekly_of(expression: str) -> tuple[list[int], time] | None:
    """The days and the time of an expression such as `weekly_expression` makes; None for any other."""
    read = _WEEKLY.fullmatch(expression)
    if read is None:
        return None
    days = range(7) if read[3] == "*" else {(int(day) - 1) % 7 for day in read[3].split(",")}
    return sorted(days), time(int(read[2]), int(read[1]))


def next_times(expression: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """The next times strictly after a moment, in the zone; raises CronError when there are none."""
    # Times in one zone compare by the face of the clock, so the order is that in UTC.
    start = after.astimezone(UTC)
    times = (due for due in _simulate(expression, zone, after) if due.astimezone(UTC) > start)
    found = list(islice(times, count))
    if not found:
        raise CronError(_("This expression never comes due: it names a date that does not exist."))
    return found


def latest_time(expression: str, zone: str, since: datetime, until: datetime) -> datetime | None:
    """The newest time after `since` and up to `until`, or None."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    start = until.replace(microsecond=0) + timedelta(seconds=1) + REPEATED
    for due in _simulate(expression, zone, start, reverse=True):
        if due.astimezone(UTC) <= until:
            return due if due.astimezone(UTC) > since else None
    return None


def _simulate(expression: str, zone: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """The simulator, with its errors as CronError."""
    moment = start.astimezone(_zone(zone))
    if len(expression.split()) != FIELDS:
        raise CronError(
            _("A cron expression has five fields: minute, hour, day of month, month, day of week.")
        )
    try:
        return CronSim(expression, moment, reverse=reverse)
    except CronSimError as error:
        raise CronError(_("%(error)s: check that field of the expression.") % {"error": error}) from error
    except (AssertionError, TypeError, ValueError) as error:  # what its parser lets slip for odd fields
        raise CronError(_("This is not a cron expression.")) from error


def _zone(name: str) -> ZoneInfo:
    if name not in zone_names():
        raise CronError(no_such_zone(name))
    return ZoneInfo(name)
