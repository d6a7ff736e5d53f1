"""When a cron expression comes due, in a time zone: five fields, and Debian's rules for clock changes.

A fixed time that a spring clock change leaves out comes when the clock has moved on; one that an autumn
change repeats comes once. With * or */n as its minute or hour, an expression goes by the clock on the wall.
Nothing here knows the database.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from django.utils.translation import gettext as _

FIELDS = 5
# Looking back in growing steps finds the newest time without walking through a year of minutes.
WINDOWS = (
    timedelta(hours=1),
    timedelta(days=2),
    timedelta(days=32),
    timedelta(days=400),
    timedelta(days=3000),
)


class CronError(ValueError):
    """An expression or a time zone that cannot be used; the message says why."""


def next_times(expression: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """The next times strictly after a moment, in the zone; raises CronError when there are none."""
    times = list(islice(_times(expression, _zone(zone), after), count))
    if not times:
        raise CronError(_("This expression never comes due: it names a date that does not exist."))
    return times


def latest_time(expression: str, zone: str, since: datetime, until: datetime) -> datetime | None:
    """The newest time after `since` and up to `until`, or None; what came due before it is passed over."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    for window in WINDOWS:
        start = max(since, until - window)
        *_, newest = [None, *takewhile(lambda time: time <= until, _times(expression, _zone(zone), start))]
        if newest is not None or start == since:
            return newest
    return None


def _times(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    if len(expression.split()) != FIELDS:
        raise CronError(
            _("A cron expression has five fields: minute, hour, day of month, month, day of week.")
        )
    try:
        times = CronSim(expression, after.astimezone(zone))
    except CronSimError as error:
        raise CronError(_("%(error)s: check that field of the expression.") % {"error": error}) from error
    except (AssertionError, TypeError, ValueError) as error:  # what its parser lets slip for odd fields
        raise CronError(_("This is not a cron expression.")) from error
    # In the hour that an autumn clock change repeats, the simulator may begin one hour too early; and times
    # in one zone compare by the face of the clock, so that only UTC tells what was before.
    start = after.astimezone(UTC)
    return (time for time in times if time.astimezone(UTC) > start)


@cache
def zone_names() -> frozenset[str]:
    """Every time zone this machine knows."""
    return frozenset(available_timezones())


def _zone(name: str) -> ZoneInfo:
    if name not in zone_names():
        raise CronError(_("There is no time zone %(name)s.") % {"name": f"{name!r:.60}"})
    return ZoneInfo(name)
