"""How many people judge a comparison."""

import pytest

from ranking.errors import RoundClosedError
from ranking.models import Round, Tally
from ranking.services import add_assignment, claim_next, close_round
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
