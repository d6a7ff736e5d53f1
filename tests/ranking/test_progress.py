"""Progress is read from tallies, never counted, and stays what counting would give."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from annotator.models import Project
from ranking.models import Assignment, Judgment, Round, Tally
from ranking.services import claim_next, skip_comparison, submit_judgment
from tests.factories import make_member
from tests.racing import at_once

from .making import make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


def counted(current, volunteer):
    """(done, own, total) by counting."""
    return (
        current.assignments.filter(state=Assignment.State.DONE).count(),
        Judgment.objects.in_round(current).filter(volunteer=volunteer).count(),
        current.assignments.count(),
    )


def shown(current, volunteer):
    progress = Tally.objects.progress(Round.objects.get(pk=current.pk), volunteer)
    return progress.done, progress.own, progress.total


def test_a_new_round_has_all_its_assignments_to_go():
    current = make_round(prompts=3, judgments_per_comparison=2)
    assert shown(current, make_member(current.project)) == (0, 0, 6)


def test_judging_counts_once_and_skipping_and_sending_twice_do_not():
    current = make_round(prompts=5, answers=2)
    one, other = make_member(current.project), make_member(current.project)
    assignment = make_assignment(current, one)
    for _ in range(2):
        make_judgment(assignment, 1, 2)
    skip_comparison(assignment=make_assignment(current, one), volunteer=one)
    make_judgment(make_assignment(current, one), 2, 1)
    make_judgment(make_assignment(current, other), 1, 1)
    assert shown(current, one) == counted(current, one) == (3, 2, 5)
    assert shown(current, other) == (3, 1, 5)


def test_a_judgment_that_could_not_be_stored_is_not_counted():
    current = make_round(answers=2)
    assignment = make_assignment(current, make_member(current.project))
    with transaction.atomic():
        make_judgment(assignment, 1, 2)
        transaction.set_rollback(True)
    assert shown(current, assignment.volunteer) == (0, 0, 1)


def test_today_is_what_was_given_since_midnight_in_all_rounds_of_the_project():
    current, elsewhere = make_round(prompts=3, answers=2), make_round(answers=2)
    volunteer = make_member(current.project)
    for _ in range(2):
        make_judgment(make_assignment(current, volunteer), 1, 2)
    Tally.objects.create(
        round=current, volunteer=volunteer, day=timezone.localdate() - timedelta(days=1), judgments=7
    )
    Tally.objects.create(round=elsewhere, volunteer=volunteer, day=timezone.localdate(), judgments=5)
    own = Tally.objects.of(volunteer, current.project)
    assert own.today().total() == 2
    assert own.total() == 9


@pytest.mark.django_db(transaction=True)
def test_of_judgments_that_many_give_at_once_none_is_lost_or_counted_twice():
    current = make_round(prompts=12, answers=2)
    volunteers = [make_member(current.project) for _ in range(4)]

    def judge_three(volunteer):
        for _ in range(3):
            assignment = claim_next(project=current.project, volunteer=volunteer)
            ranks = dict(zip(assignment.order, (1, 2), strict=True))
            for _ in range(2):
                submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)

    at_once(judge_three, volunteers)
    assert Tally.objects.aggregate(all=Sum("judgments"))["all"] == 12
    assert [shown(current, one) for one in volunteers] == [(12, 3, 12)] * 4


@pytest.mark.django_db(transaction=True)
def test_first_judgments_of_the_day_that_are_counted_at_once_share_a_row():
    current = make_round()
    volunteer = make_member(current.project)
    at_once(
        lambda _: Tally.objects.add_one(round_id=current.pk, volunteer=volunteer, day=date(2026, 1, 5)),
        range(6),
    )
    assert Tally.objects.get().judgments == 6


@pytest.mark.parametrize(("zone", "day"), [("Asia/Tokyo", 2), ("UTC", 1), ("Pacific/Honolulu", 1)])
def test_a_judgment_counts_for_the_day_in_the_projects_time_zone(monkeypatch, zone, day):
    current = make_round()
    Project.objects.filter(pk=current.project_id).update(timezone=zone)
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 1, 20, tzinfo=UTC))
    current.refresh_from_db()
    make_judgment(make_assignment(current, make_member(current.project)), 1, 2, 3, 4)
    assert Tally.objects.get().day == date(2026, 3, day)
