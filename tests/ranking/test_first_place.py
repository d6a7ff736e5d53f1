"""How few votes would change the first place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.bradley_terry import Counts, Votes, fit
from ranking.statistics.first_place import leverage_of_first
from ranking.statistics.leverage import Leverage

from .test_bradley_terry import ODD, make_random_votes, make_votes


def first_of(votes: Votes, items: int) -> int:
    return int(np.argmax(fit(Counts.of(votes, items), items).rating))


def test_with_two_items_it_is_half_of_the_lead():
    """Of 30 against 20 votes 10 must go until they are even."""
    votes = make_votes(*[(0, 1, 1.0)] * 30, *[(0, 1, 0.0)] * 20)
    assert leverage_of_first(votes, 2) == Leverage(10, 50, one_person=False)


def test_one_person_may_be_enough():
    votes = make_votes(*[(0, 1, 1.0)] * 30, *[(0, 1, 0.0)] * 20)
    assert leverage_of_first(votes._replace(person=np.maximum(votes.person - 9, 0)), 2).one_person
    assert not leverage_of_first(votes._replace(person=np.maximum(votes.person - 8, 0)), 2).one_person


def test_that_all_are_alike_needs_no_vote_to_go():
    assert leverage_of_first(make_votes(*[(0, 1, 0.5)] * 8), 2).votes == 0


def test_an_item_that_is_first_by_every_vote_is_first_until_none_is_left():
    assert leverage_of_first(make_votes(*[(0, 1, 1.0)] * 8), 2).votes == 8


@pytest.mark.parametrize("seed", range(4))
def test_the_number_is_near_the_smallest_that_a_greedy_search_finds(seed):
    """The search takes away the vote that hurts the first one most, again and again, each time exactly."""
    votes = make_random_votes(4, 60, seed)
    first, left, gone = first_of(votes, 4), np.arange(60), 0
    while first_of(votes.at(left), 4) == first:
        leads = []
        for one in range(len(left)):
            rating = fit(Counts.of(votes.at(np.delete(left, one)), 4), 4).rating
            leads.append(rating[first] - np.delete(rating, first).max())
        left, gone = np.delete(left, int(np.argmin(leads))), gone + 1
    found = leverage_of_first(votes, 4).votes
    assert found is not None and abs(found - gone) <= max(1, gone // 4)


@given(ODD.filter(lambda said: len(said) > 0), st.integers(1, 3))
def test_whatever_the_votes_there_is_an_answer(said, people):
    votes = make_votes(*said)
    found = leverage_of_first(votes._replace(person=votes.person % people), 6)
    assert found.of == len(said) and (found.votes is None or 0 <= found.votes <= len(said))
