"""When cron expressions come due, across clock changes."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.cron import CronError, latest_time, next_times, weekly_expression, weekly_of

PARIS = "Europe/Paris"
NIGHTLY = "30 2 * * *"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def in_utc(times: list[datetime]) -> list[str]:
    return [time.astimezone(UTC).strftime("%m-%d %H:%M") for time in times]


def test_monday_is_monday():
    first = next_times("0 3 * * 1", "UTC", utc("2026-11-21 00:00"), 1)[0]
    assert first == utc("2026-11-23 03:00")


def test_a_time_that_spring_leaves_out_comes_when_the_clock_has_moved_on():
    times = next_times(NIGHTLY, PARIS, utc("2026-03-27 12:00"), 3)
    assert in_utc(times) == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_a_time_that_autumn_repeats_comes_once():
    times = next_times(NIGHTLY, PARIS, utc("2026-10-23 12:00"), 4)
    assert in_utc(times) == ["10-24 00:30", "10-25 00:30", "10-26 01:30", "10-27 01:30"]


def test_an_expression_with_a_star_goes_by_the_clock_on_the_wall():
    half_hours = "*/30 2 * * *"
    assert in_utc(next_times(half_hours, PARIS, utc("2026-03-28 12:00"), 1)) == ["03-30 00:00"]
    autumn = in_utc(next_times(half_hours, PARIS, utc("2026-10-24 12:00"), 5))
    assert autumn == ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-26 01:00"]


def test_the_repeated_hour_is_not_fired_again_from_within_it():
    # 02:40 for the second time: 02:50 of the first time is over.
    assert latest_time("50 2 * * *", PARIS, utc("2026-10-25 01:40"), utc("2026-10-25 02:30")) is None
    assert in_utc(next_times("50 2 * * *", PARIS, utc("2026-10-25 01:40"), 1)) == ["10-26 01:50"]


def test_a_slot_of_the_repeated_hour_is_found_while_it_repeats():
    # 02:30 for the second time, after the machine was off: 02:50 of the first time is the newest.
    slot = latest_time("50 2 * * *", PARIS, utc("2026-10-24 12:00"), utc("2026-10-25 01:30"))
    assert slot is not None and in_utc([slot]) == ["10-25 00:50"]


@pytest.mark.parametrize("expression", ["30 2 * * *", "*/20 * * * *", "0 0 29 2 *", "15 1-3 * 3,10 *"])
@pytest.mark.parametrize("zone", ["UTC", PARIS, "Australia/Lord_Howe"])
def test_the_latest_time_is_the_last_of_the_next_times(expression, zone):
    since = utc("2026-03-27 00:00")
    for earlier, later in pairwise(next_times(expression, zone, since, 30)):
        earlier, later = earlier.astimezone(UTC), later.astimezone(UTC)
        if earlier < later:
            newest = latest_time(expression, zone, since, later - timedelta(seconds=1))
            assert newest is not None and newest.astimezone(UTC) == earlier


@pytest.mark.parametrize("night", ["2026-03-28", "2026-10-24"])
def test_watching_every_20_seconds_sees_each_slot_once(night):
    now, seen, mark = utc(f"{night} 22:00"), [], utc(f"{night} 22:00")
    while now < utc(f"{night} 22:00") + timedelta(hours=6):
        now += timedelta(seconds=20)
        if slot := latest_time(NIGHTLY, PARIS, mark, now):
            seen.append(slot)
            mark = slot
    assert len(seen) == 1


def test_of_missed_slots_only_the_newest_is_given():
    slot = latest_time("0 3 * * 1", "UTC", utc("2026-01-01 00:00"), utc("2026-11-21 00:00"))
    assert slot == utc("2026-11-16 03:00")


def test_a_slot_is_due_at_its_very_second_and_not_before():
    assert latest_time("0 3 * * *", "UTC", utc("2026-11-01 12:00"), utc("2026-11-02 02:59:59")) is None
    assert latest_time("0 3 * * *", "UTC", utc("2026-11-01 12:00"), utc("2026-11-02 03:00")) is not None
    assert latest_time("0 3 * * *", "UTC", utc("2026-11-02 03:00"), utc("2026-11-02 03:00:01")) is None


def test_a_minutely_slot_after_a_year_off_is_found():
    slot = latest_time("* * * * *", "UTC", utc("2025-11-21 00:00"), utc("2026-11-21 00:00"))
    assert slot == utc("2026-11-21 00:00")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "often",
        "61 * * * *",
        "* * * *",
        "* * * * * *",
        "0 0 30 2 *",
        "* * * * MON#2/3",
        "\0 * * * *",
        "\ud800 * * * *",
        "\u0663 * * * *",
        "9" * 5000 + " * * * *",
        "*/0 * * * *",
    ],
)
def test_what_is_no_cron_expression_is_named_as_such(wrong):
    with pytest.raises(CronError):
        next_times(wrong, "UTC", utc("2026-11-21 00:00"), 1)


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "\0", "europe/paris"])
def test_an_unknown_time_zone_is_named_as_such(zone):
    with pytest.raises(CronError, match="no time zone"):
        next_times(NIGHTLY, zone, utc("2026-11-21 00:00"), 1)


@given(st.sets(st.integers(0, 6), min_size=1), st.times())
def test_days_and_a_time_are_read_from_the_expression_made_of_them(days, at):
    expression = weekly_expression(days, at)
    assert weekly_of(expression) == (sorted(days), at.replace(second=0, microsecond=0))
    [first] = next_times(expression, "UTC", utc("2026-11-21 00:00"), 1)
    assert first.weekday() in days and (first.hour, first.minute) == (at.hour, at.minute)


@pytest.mark.parametrize(
    ("expression", "weekly"),
    [
        ("0 3 * * 1", ([0], time(3))),
        ("30 22 * * 5,0", ([4, 6], time(22, 30))),
        ("5 4 * * *", (list(range(7)), time(4, 5))),
        ("0 3 1 * 1", None),
        ("*/5 3 * * 1", None),
        ("0 24 * * 1", None),
        ("0 3 * * 1-5", None),
        ("", None),
    ],
)
def test_an_expression_of_weekdays_and_one_time_is_told_from_others(expression, weekly):
    assert weekly_of(expression) == weekly
