"""How many people judge a comparison."""

import pytest

from ranking.errors import RoundClosedError
from ranking.models import Reliability, Round, Tally
from ranking.models.contested import standing_of
from ranking.models.reliability import fit_of
from ranking.services import add_assignment, claim_next, close_round, leave_project
from tests.factories import make_member
from tests.racing import at_once

from .making import make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


def numbers_of(comparison):
    return sorted(comparison.assignments.values_list("number", flat=True))


def test_one_more_person_can_judge_a_comparison_that_is_judged_to_its_end():
    current = make_round(answers=2)
    judged = make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    added = add_assignment(comparison=judged.comparison)
    other = make_member(current.project)
    assert claim_next(project=current.project, volunteer=judged.volunteer) is None
    assert claim_next(project=current.project, volunteer=other) == added
    current.refresh_from_db()
    assert Tally.objects.progress(current, other).total == 2


def test_the_added_assignment_comes_after_those_that_wait():
    current = make_round(prompts=2, answers=2, judgments_per_comparison=2)
    first = current.comparisons.first()
    added = add_assignment(comparison=first)
    assert numbers_of(first) == [0, 1, 2] and added.language == "en"
    given = [make_assignment(current, make_member(current.project)).number for _ in range(5)]
    assert sorted(given) == [0, 0, 1, 1, 2] and given[-1] == 2


def test_nothing_is_added_in_a_closed_round():
    current = make_round(answers=2)
    close_round(project=current.project)
    with pytest.raises(RoundClosedError):
        add_assignment(comparison=current.comparisons.get())
    assert Round.objects.get().assignment_count == 1 and numbers_of(current.comparisons.get()) == [0]


@pytest.mark.django_db(transaction=True)
def test_of_assignments_that_are_added_at_once_each_has_its_number():
    current = make_round(answers=2)
    at_once(lambda _: add_assignment(comparison=current.comparisons.get()), range(4))
    assert numbers_of(current.comparisons.get()) == list(range(5))
    assert Round.objects.get().assignment_count == 5


def judged(current, *rankings):
    """The round's one comparison, ranked by so many people one after the other."""
    for ranks in rankings:
        make_judgment(make_assignment(current, make_member(current.project)), *ranks)
    return current.comparisons.get()


def adaptive(least, most, answers=2):
    return make_round(answers=answers, judgments_per_comparison=least, most_judgments_per_comparison=most)


FIRST, SECOND, TIE = (1, 2), (2, 1), (1, 1)


@pytest.mark.parametrize(
    ("rankings", "assignments"),
    [
        ([FIRST], 2),
        ([FIRST, FIRST], 2),
        ([TIE, TIE], 2),
        ([FIRST, SECOND], 3),
        ([FIRST, TIE], 3),
        ([FIRST, SECOND, FIRST], 4),
        ([FIRST, SECOND, FIRST, FIRST], 4),
        ([FIRST, SECOND, FIRST, SECOND], 5),
        ([FIRST, SECOND, FIRST, SECOND, FIRST], 5),
    ],
)
def test_one_more_person_is_asked_until_a_verdict_leads_by_two_votes(rankings, assignments):
    current = adaptive(1, 5)
    assert len(numbers_of(judged(current, *rankings))) == assignments


@pytest.mark.parametrize(("right", "assignments"), [(0.9, 2), (0.5, 3)])
def test_the_vote_of_somebody_who_is_doubted_settles_nothing(right, assignments):
    current = adaptive(2, 3)
    person = make_member(current.project)
    Reliability.objects.create(
        project=current.project,
        volunteer=person,
        if_first=right,
        if_second=right,
        deviation=0.02,
        in_second=0,
    )
    make_judgment(make_assignment(current, person), *FIRST)
    assert len(numbers_of(judged(current, FIRST))) == assignments
    current.refresh_from_db()
    standing = standing_of(current, fit_of(current.project), most=5)
    assert standing.settled == (assignments == 2)


def test_of_several_answers_most_pairs_have_to_be_settled():
    alike, other = (1, 2, 3), (1, 3, 2)
    assert len(numbers_of(judged(adaptive(2, 4, answers=3), alike, other))) == 2
    assert len(numbers_of(judged(adaptive(2, 4, answers=3), alike, (2, 3, 1)))) == 3


def test_nobody_else_is_asked_unless_the_project_allows_more():
    current = make_round(answers=2, judgments_per_comparison=2)
    assert numbers_of(judged(current, FIRST, SECOND)) == [0, 1]


def test_nobody_is_asked_while_somebody_still_can_answer():
    current = adaptive(3, 5)
    assert numbers_of(judged(current, FIRST, SECOND)) == [0, 1, 2]
    assert numbers_of(judged(current, TIE)) == [0, 1, 2, 3]


def test_progress_counts_what_was_added_also_after_a_withdrawal():
    current = adaptive(1, 3)
    comparison = judged(current, FIRST, SECOND)
    volunteer = comparison.judgments.first().volunteer
    assert Tally.objects.progress(current, volunteer).total == 3
    leave_project(membership=volunteer.memberships.get(), withdraw=True)
    current.refresh_from_db()
    progress = Tally.objects.progress(current, volunteer)
    assert (progress.done, progress.total) == (1, 3) and numbers_of(comparison) == [0, 1, 2]


@pytest.mark.django_db(transaction=True)
def test_of_votes_that_are_cast_at_once_the_last_one_asks_for_more():
    current = adaptive(2, 3)
    assignments = [make_assignment(current, make_member(current.project)) for _ in range(2)]
    ranks = {assignments[0].pk: FIRST, assignments[1].pk: SECOND}
    at_once(lambda assignment: make_judgment(assignment, *ranks[assignment.pk]), assignments)
    assert numbers_of(current.comparisons.get()) == [0, 1, 2]
    assert Tally.objects.progress(current, assignments[0].volunteer).total == 3
