"""How few votes turn what a blind test says: by hand, by trying everything, and with many votes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.leverage import Leverage, find_leverage
from ranking.statistics.sequential import Verdict, look


def make_votes(*shares, prompts=50):
    """People with so many wins, ties and losses each, all about prompts in turn."""
    outcome = np.concatenate([np.repeat([1.0, 0.5, 0.0], share) for share in shares])
    person = np.repeat(np.arange(len(shares)), [sum(share) for share in shares])
    return outcome, person, np.arange(len(outcome)) % prompts


def side(votes):
    found = look(*votes)
    return (found.low > 0.5) - (found.high < 0.5)


def without(votes, gone):
    return [np.delete(column, gone) for column in votes]


@st.composite
def small_tests(draw):
    people = draw(st.lists(st.tuples(*[st.integers(0, 12)] * 3), min_size=2, max_size=12))
    votes = make_votes(*people, prompts=draw(st.integers(2, 30)))
    return votes if len(votes[0]) else make_votes((1, 0, 0))


def test_the_votes_of_one_person_who_carried_the_verdict_are_enough_to_turn_it():
    votes = make_votes((8, 0, 0), *[(5, 2, 2)] * 7)
    assert look(*votes).verdict is Verdict.BETTER
    assert look(*without(votes, votes[1] == 0)).low <= 0.5
    found = find_leverage(*votes)
    assert found.one_person and found.votes <= 8
    assert found.share == found.votes / 71


def test_the_votes_of_one_person_who_held_a_verdict_back_are_enough_to_turn_it():
    votes = make_votes((0, 0, 20), *[(9, 1, 2)] * 10)
    assert look(*votes).verdict is Verdict.GO_ON
    assert look(*without(votes, votes[1] == 0)).verdict is Verdict.BETTER
    found = find_leverage(*votes)
    assert found.one_person and found.votes <= 20


def test_no_single_person_turns_what_nearly_all_agree_about():
    found = find_leverage(*make_votes(*[(8, 1, 1)] * 10))
    assert found.votes > 10 and not found.one_person


def test_wins_go_one_by_one_until_the_interval_takes_in_a_half():
    # Everyone votes once and each prompt is asked once, so that all wins are alike.
    outcome = np.repeat([1.0, 0.0], [70, 30])
    alone = np.arange(100)
    lows = [look(outcome[gone:], alone[gone:], alone[gone:]).low for gone in range(13)]
    assert lows[11] > 0.5 >= lows[12]
    assert find_leverage(outcome, alone, alone) == Leverage(12, 100, one_person=False)
    assert find_leverage(1 - outcome, alone, alone) == Leverage(12, 100, one_person=False)


@pytest.mark.parametrize("people", [[(4, 1, 1)] * 6, [(4, 0, 1)] * 6])
def test_no_choice_of_fewer_votes_turns_a_verdict_that_hangs_on_two(people):
    votes = make_votes(*people)
    found = find_leverage(*votes)
    assert found.votes == 2
    fewer = (side(without(votes, gone)) for gone in range(found.of))
    assert set(fewer) == {side(votes)} == {1}


@given(small_tests())
def test_one_person_is_found_by_leaving_out_each_of_them(votes):
    found = find_leverage(*votes)
    turned = [
        side(rest) != side(votes) and (side(votes) or len(rest[0]) >= 60)
        for rest in (without(votes, votes[1] == one) for one in set(votes[1]))
    ]
    finite = np.isfinite(look(*votes).variance)
    assert found.one_person == bool(finite and any(turned))


@given(small_tests())
def test_swapping_sides_leaves_the_leverage_as_it_is(votes):
    outcome, person, prompt = votes
    one, other = find_leverage(*votes), find_leverage(1 - outcome, person, prompt)
    assert one.one_person == other.one_person
    assert (one.votes is None) == (other.votes is None)


@given(small_tests())
def test_a_leverage_is_a_share_of_the_votes(votes):
    found = find_leverage(*votes)
    assert found.of == len(votes[0])
    if found.votes is None:
        assert found.share is None and not found.one_person and not side(votes)
    else:
        assert 0 < found.share < 1


def test_what_cannot_be_turned_has_no_leverage():
    assert find_leverage(*make_votes((0, 40, 0), (0, 40, 0))) == Leverage(None, 80, one_person=False)
    assert find_leverage(*make_votes((70, 0, 0))) == Leverage(None, 70, one_person=False)
    nothing = (np.array([], dtype) for dtype in (float, int, int))
    assert find_leverage(*nothing) == Leverage(None, 0, one_person=False)


def test_the_leverage_of_a_hundred_thousand_votes_is_found():
    rng = np.random.default_rng(0)
    person, prompt = rng.integers(0, 2000, 100_000), rng.integers(0, 5000, 100_000)
    taste = rng.random(2000)[person]
    outcome = (rng.random(100_000) < 0.4 + 0.3 * taste).astype(float)
    found = find_leverage(outcome, person, prompt)
    assert look(outcome, person, prompt).low > 0.5
    assert 0.02 < found.share < 0.1 and not found.one_person
