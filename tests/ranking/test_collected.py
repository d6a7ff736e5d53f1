"""What judgments amount to: people, decided pairs, agreement."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.models import User
from ranking.models import Judgment, Round
from ranking.models.collected import collected_in
from ranking.statistics.agreement import pairwise_agreement
from ranking.statistics.consensus import Fit
from tests.factories import make_member
from tests.ranking.making import make_assignment, make_judgment, make_round

BALLOTS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)), max_size=6)


def by_counting(ballots: list[tuple[int, ...]]) -> tuple[int, int]:
    """Every two ballots and every two answers, one after the other."""
    agreed = compared = 0
    for one, other in itertools.combinations(ballots, 2):
        for a, b in itertools.combinations(range(3), 2):
            sides = [np.sign(ballot[a] - ballot[b]) for ballot in (one, other)]
            compared += all(sides)
            agreed += all(sides) and sides[0] == sides[1]
    return agreed, compared


@given(st.lists(BALLOTS, max_size=3))
def test_agreement_is_that_of_all_pairs_of_votes_counted_one_by_one(comparisons):
    numbers = itertools.count()
    rows = [
        (judgment, comparison, completion, rank)
        for comparison, ballots in enumerate(comparisons)
        for ballot in ballots
        for judgment in [next(numbers)]
        for completion, rank in enumerate(ballot)
    ]
    found = pairwise_agreement(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)
    expected = [by_counting(ballots) for ballots in comparisons]
    assert tuple(found) == (sum(agreed for agreed, _ in expected), sum(number for _, number in expected))


@pytest.mark.django_db
def test_people_pairs_and_agreement_of_a_round_leave_others_out():
    current, other = make_round(answers=3, judgments_per_comparison=3), make_round()
    make_judgment(make_assignment(other, make_member(other.project)), 1, 2, 3, 4)
    for ranks in ((1, 2, 3), (1, 3, 2), (3, 2, 1)):
        volunteer = make_member(current.project)
        make_judgment(make_assignment(current, volunteer), *ranks)
    volunteer.is_simulated = True
    volunteer.save()
    judgments = Judgment.objects.in_round(Round.objects.get(pk=current.pk))
    found = collected_in(judgments, Fit({}))
    assert (found.judgments, found.of_simulated, found.people, found.simulated) == (3, 1, 2, 1)
    assert found.pairs == 3, "the simulated vote decides between the second and the third"
    assert found.agreement == (2, 3) and found.agreement.share == pytest.approx(2 / 3)
    assert not found.all_simulated
    User.objects.update(is_simulated=True)
    found = collected_in(judgments, Fit({}))
    assert found.all_simulated and found.agreement.share is None


@pytest.mark.django_db
def test_without_judgments_there_is_nothing_and_no_agreement():
    found = collected_in(Judgment.objects.in_round(make_round()), Fit({}))
    assert (found.judgments, found.people, found.pairs, found.agreement.share) == (0, 0, 0, None)
    assert not found.all_simulated
