"""Judgments that come after the time of their assignment had run out."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ranking.errors import (
    AlreadyJudgedError,
    AssignmentLostError,
    KeyReusedError,
    NotYourAssignmentError,
    RoundClosedError,
    SkippedError,
    WrongKeyError,
)
from ranking.models import Assignment, Judgment, LapsedAssignment, Tally
from ranking.services import (
    claim_next,
    close_round,
    renew_assignments,
    skip_comparison,
    snapshot_preferences,
    submit_judgment,
)
from tests.factories import coordinator_of, make_member

from .making import assert_refused, let_lapse, make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def assignment():
    current = make_round(answers=3)
    return make_assignment(current, make_member(current.project))


def take_over(assignment):
    """Someone else has the assignment now."""
    let_lapse(assignment)
    taken = make_assignment(assignment.round, make_member(assignment.round.project))
    assert taken.pk == assignment.pk and taken.key != assignment.key
    return taken


def test_a_judgment_in_time_is_not_late(assignment):
    assert not make_judgment(assignment, 1, 2, 3).late


def test_after_the_time_of_an_assignment_that_nobody_took_it_takes_the_assignment_and_is_late(assignment):
    let_lapse(assignment)
    judgment = make_judgment(assignment, 1, 2, 3)
    assert (judgment.late, judgment.assignment, len(judgment.preferences())) == (True, assignment, 3)
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.DONE


def test_who_came_back_and_was_given_the_assignment_anew_is_not_late(assignment):
    let_lapse(assignment)
    assert not make_judgment(make_assignment(assignment.round, assignment.volunteer), 1, 2, 3).late


@pytest.mark.parametrize("finished", [False, True])
def test_a_late_judgment_counts_beside_the_assignment_that_someone_else_has_or_finished(assignment, finished):
    taken = take_over(assignment)
    if finished:
        make_judgment(taken, 3, 2, 1)
    late = make_judgment(assignment, 1, 2, 3)
    assert (late.late, late.assignment, late.volunteer) == (True, None, assignment.volunteer)
    assert len(late.preferences()) == 3 and late.is_current
    if not finished:
        make_judgment(taken, 3, 2, 1)
    taken.refresh_from_db()
    assert taken.state == Assignment.State.DONE
    regular = Judgment.objects.filter(late=False)
    assert [one.assignment for one in regular] == [taken]
    progress = Tally.objects.progress(assignment.round, assignment.volunteer)
    assert (progress.done, progress.total) == (1, 1)


def test_sent_twice_a_late_judgment_is_stored_once(assignment):
    take_over(assignment)
    first = make_judgment(assignment, 1, 2, 3)
    assert make_judgment(assignment, 1, 2, 3) == first
    with pytest.raises(KeyReusedError):
        make_judgment(assignment, 3, 2, 1)
    assert Judgment.objects.count() == 1


def test_a_late_judgment_can_be_corrected_and_stays_late(assignment):
    take_over(assignment)
    late = make_judgment(assignment, 1, 2, 3)
    revision = make_correction(late, 1, 1, 1)
    assert (revision.late, revision.assignment, revision.lapsed_assignment) == (
        True,
        None,
        late.lapsed_assignment,
    )
    assert Judgment.objects.get(is_current=True) == revision


def test_the_page_of_a_correction_shows_the_order_of_the_late_one(client, assignment):
    take_over(assignment)
    late = make_judgment(assignment, 1, 2, 3)
    client.force_login(assignment.volunteer)
    html = client.get(
        reverse("correct-judgment", args=[assignment.round.project.slug, late.pk])
    ).content.decode()
    texts = dict(assignment.comparison.completions.values_list("pk", "text"))
    places = [html.index(texts[completion]) for completion in assignment.order]
    assert places == sorted(places)


def test_a_comparison_that_was_judged_late_is_not_offered_again():
    current = make_round(judgments_per_comparison=3)
    volunteer = make_member(current.project)
    assignment = make_assignment(current, volunteer)
    let_lapse(assignment)
    taken = [make_assignment(current, make_member(current.project)) for _ in range(3)]
    assert assignment.pk in {one.pk for one in taken}
    make_judgment(assignment, 1, 2, 3, 4)
    skip_comparison(assignment=taken[0], volunteer=taken[0].volunteer)
    assert claim_next(project=current.project, volunteer=volunteer) is None


def test_who_holds_another_assignment_at_the_comparison_by_then_finishes_that_one_late():
    current = make_round(judgments_per_comparison=2)
    volunteer = make_member(current.project)
    first = make_assignment(current, volunteer)
    take_over(first)
    second = make_assignment(current, volunteer)
    assert second.pk != first.pk and second.comparison == first.comparison
    late = make_judgment(first, 1, 2, 3, 4)
    assert (late.late, late.assignment) == (True, second)
    with pytest.raises(AlreadyJudgedError):
        make_judgment(second, 4, 3, 2, 1)
    assert Judgment.objects.filter(volunteer=volunteer).count() == 1


def test_a_volunteer_who_judged_since_is_told_so():
    current = make_round(answers=2)
    volunteer, other = make_member(current.project), make_member(current.project)
    first = make_assignment(current, volunteer)
    let_lapse(first)
    let_lapse(make_assignment(current, other))
    again = make_assignment(current, volunteer)
    make_judgment(again, 1, 2)
    with pytest.raises(AlreadyJudgedError):
        make_judgment(first, 2, 1)
    assert Judgment.objects.count() == 1


def test_nothing_late_is_taken_from_strangers_to_the_assignment_nor_after_a_skip(assignment):
    taken = take_over(assignment)
    stranger = make_member(assignment.round.project)
    ranks = dict.fromkeys(assignment.order, 1)
    for volunteer, key, error in (
        (stranger, assignment.key, NotYourAssignmentError),
        (assignment.volunteer, uuid.uuid4(), AssignmentLostError),
        (taken.volunteer, assignment.key, WrongKeyError),
    ):
        with pytest.raises(error):
            submit_judgment(assignment=assignment, volunteer=volunteer, key=key, ranks=ranks)
    skip_comparison(assignment=taken, volunteer=taken.volunteer)
    with pytest.raises(SkippedError):
        make_judgment(taken, 1, 2, 3)
    assert not Judgment.objects.exists()


def test_a_closed_round_takes_no_late_judgment(assignment):
    take_over(assignment)
    close_round(project=assignment.round.project)
    with pytest.raises(RoundClosedError):
        make_judgment(assignment, 1, 2, 3)
    assert not Judgment.objects.exists()


def test_the_time_an_assignment_is_held_is_the_projects(client, assignment):
    project = assignment.round.project
    assert assignment.held_until - assignment.claimed_at == timedelta(minutes=30)
    project.assignment_minutes = 5
    project.save()
    now = timezone.now()
    [renewed] = renew_assignments(project=project, volunteer=assignment.volunteer, now=now)
    assert renewed.held_until == now + timedelta(minutes=5)


def test_late_judgments_are_counted_apart(client, assignment):
    taken = take_over(assignment)
    make_judgment(taken, 1, 2, 3)
    make_judgment(assignment, 1, 2, 3)
    dataset = snapshot_preferences(project=assignment.round.project)
    assert (dataset.judgments, dataset.manifest["counts"]["late_judgments"]) == (2, 1)
    assert "| of these late | 1 |" in (dataset.folder / "README.md").read_text()
    client.force_login(coordinator_of(assignment.round.project))
    html = client.get(reverse("rankings", args=[assignment.round.project.slug])).content.decode()
    assert "1 of them came late" in html


# What the database refuses by itself


def begin(at, **fields):
    values = {
        "comparison": at.comparison,
        "volunteer": at.volunteer,
        "verdict": "all_bad",
        "seconds": 1,
        "key": uuid.uuid4(),
    }
    return Judgment.objects.create(**values | fields)


def test_a_judgment_has_an_assignment_or_one_that_lapsed_and_then_is_late(assignment):
    taken = take_over(assignment)
    lapsed = LapsedAssignment.objects.get()
    assert_refused(begin, assignment)
    assert_refused(begin, assignment, late=True)
    assert_refused(begin, assignment, lapsed_assignment=lapsed)
    assert_refused(begin, taken, lapsed_assignment=lapsed, late=True)
    assert_refused(begin, assignment, assignment=assignment, lapsed_assignment=lapsed, late=True)
    stored = begin(assignment, lapsed_assignment=lapsed, late=True)
    assert_refused(begin, assignment, lapsed_assignment=lapsed, late=True)
    rows = Judgment.objects.filter(pk=stored.pk)
    assert_refused(rows.update, late=False)
    assert_refused(rows.update, lapsed_assignment=None)
    assert_refused(rows.update, assignment=taken)


def test_an_assignment_lapses_only_for_who_no_longer_has_it_and_that_stays(assignment):
    fields = {"assignment": assignment, "comparison": assignment.comparison, "order": assignment.order}
    assert_refused(
        LapsedAssignment.objects.create, volunteer=assignment.volunteer, key=uuid.uuid4(), **fields
    )
    taken = take_over(assignment)
    rows = LapsedAssignment.objects.all()
    assert_refused(rows.update, volunteer=taken.volunteer)
    assert_refused(rows.update, key=uuid.uuid4())
    assert_refused(LapsedAssignment.objects.create, volunteer=taken.volunteer, key=uuid.uuid4(), **fields)
