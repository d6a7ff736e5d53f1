"""Two clocks of a site walk through nights in which clocks change, and are set back on the way.

`walk` runs inside a site and prints what was started, beside what the clock on the wall of each zone says.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
AROUND = timedelta(hours=8)
SET_BACK = timedelta(hours=2)
CHANGES = {
    "Europe/Paris": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "America/Havana": ("2026-03-08T05:00", "2026-11-01T05:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
}
"""The moments, in UTC, when the clocks of a zone change."""
WALL = {
    "30 2 * * *": (2, 30),
    "0 0 * * *": (0, 0),
    "*/30 * * * *": None,
}
"""Expressions, with the time of day that a fixed one names."""


def walk() -> None:
    """Print a row for each zone, change and expression."""
    from tests.training.making import make_judged

    chance = random.Random(12)
    projects = {cron: make_judged() for cron in WALL}
    rows = []
    for zone, moments in CHANGES.items():
        for moment in moments:
            change = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)  # noqa: UP017
            ticks = list(_ticks(change, chance))
            started = _walk_through(projects, zone, ticks, change)
            for cron, slots in started.items():
                expected = set(_expected(zone, change, cron))
                rows.append(
                    {
                        "zone": zone,
                        "change": moment,
                        "cron": cron,
                        "ticks": 2 * len(ticks),
                        "slots": len(expected),
                        "started": len(slots),
                        "twice": sum(times > 1 for times in Counter(slots).values()),
                        "lost": len(expected - set(slots)),
                        "others": len(set(slots) - expected),
                    }
                )
    print(json.dumps(rows))


def _ticks(change: datetime, chance: random.Random) -> Iterator[datetime]:
    """Moments at which the clocks look; now and then the machine's clock is two hours behind for a while."""
    now = change - AROUND
    while now < change + AROUND:
        yield now
        if chance.random() < 0.03:
            yield from (now - SET_BACK + n * 7 * MINUTE for n in range(4))
        now += chance.uniform(1, 14) * MINUTE
    yield change + AROUND


Slots = dict[str, list[datetime]]
"""What was started, by expression."""


def _walk_through(projects: dict, zone: str, ticks: list[datetime], change: datetime) -> Slots:
    from tests.factories import coordinator_of
    from tests.racing import at_once
    from training.models import Schedule, Update
    from training.services.clock import tick
    from training.services.schedules import save_schedule

    Update.objects.all().delete()
    for cron, project in projects.items():
        project.timezone = zone
        project.save()
        save_schedule(
            project=project, actor=coordinator_of(project), cron=cron, is_enabled=True,
            min_new_judgments=0, settings={},
        )  # fmt: skip
    Schedule.objects.update(checked_at=change - AROUND - MINUTE)
    for now in ticks:
        at_once(tick, (now, now + timedelta(seconds=1)))
        Update.objects.active().update(state=Update.State.FAILED)
    return {
        cron: list(Update.objects.filter(project=project).values_list("slot", flat=True))
        for cron, project in projects.items()
    }


def _expected(zone: str, change: datetime, cron: str) -> Iterator[datetime]:
    """Each minute at which the expression is due, by a look at the wall every minute."""
    moment, seen = change - AROUND, set()
    while moment <= change + AROUND:
        wall = moment.astimezone(ZoneInfo(zone))
        if (at := WALL[cron]) is None:
            if wall.minute % 30 == 0:
                yield moment
        # The first minute of the day at or after the time, whether or not the wall shows that time.
        elif (wall.hour, wall.minute) >= at and wall.date() not in seen:
            if moment > change - AROUND:
                yield moment
            seen.add(wall.date())
        moment += MINUTE
