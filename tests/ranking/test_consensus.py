"""From ranks to pairs, and from many judgments to what people prefer."""

import math
from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.ballots import Ballots, votes_of
from ranking.statistics.consensus import Fit, Known, find_consensus
from ranking.statistics.pairs import dense_ranks, preferred_pairs

ranks = st.dictionaries(st.integers(1, 10**6), st.integers(1, 8), min_size=2, max_size=8)
COMPLETIONS = (11, 12, 13)
judgments = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.tuples(*[st.integers(1, 3)] * 3)), min_size=1, max_size=12
)


@given(ranks)
def test_dense_ranks_keep_order_and_ties_and_leave_no_gap(given_ranks):
    dense = dense_ranks(given_ranks)
    assert set(dense.values()) == set(range(1, len(set(given_ranks.values())) + 1))
    for a, b in permutations(given_ranks, 2):
        assert (given_ranks[a] < given_ranks[b]) == (dense[a] < dense[b])


@given(ranks)
def test_every_pair_is_preferred_one_way_unless_tied(given_ranks):
    pairs = preferred_pairs(given_ranks)
    ties = sum(count * (count - 1) // 2 for count in Counter(given_ranks.values()).values())
    assert len(pairs) == len(set(pairs)) == len(given_ranks) * (len(given_ranks) - 1) // 2 - ties
    for chosen, rejected in pairs:
        assert given_ranks[chosen] < given_ranks[rejected]


@given(ranks)
def test_preferences_of_one_judgment_are_transitive(given_ranks):
    pairs = set(preferred_pairs(given_ranks))
    assert all((a, d) in pairs for a, b in pairs for c, d in pairs if b == c)


@given(ranks)
def test_dense_ranks_prefer_the_same_pairs(given_ranks):
    assert set(preferred_pairs(dense_ranks(given_ranks))) == set(preferred_pairs(given_ranks))


def ballots_of(votes, places=None):
    """Judgments (comparison, ranks), each by a person of their own who saw the answers in order."""
    rows = [
        (judgment, comparison, judgment, completion, rank, place)
        for judgment, (comparison, given_ranks) in enumerate(votes)
        for completion, rank, place in zip(COMPLETIONS, given_ranks, places or range(9), strict=False)
    ]
    return Ballots.of(rows)


@given(judgments)
def test_the_votes_are_what_counting_by_hand_gives_and_strangers_count_alike(votes):
    found = find_consensus(ballots_of(votes), Fit({}))
    pairs = zip(*(column.tolist() for column in (*vars(found.votes).values(), found.first)), strict=True)
    counted = {
        pair: counts
        for *pair_, wins, losses, ties, first in pairs
        for pair, counts in [(tuple(pair_), (wins, losses, ties, first))]
    }
    for comparison in {1, 2} & {where for where, _ranks in votes}:
        cast = [given_ranks for where, given_ranks in votes if where == comparison]
        for a, b in combinations(range(3), 2):
            wins, losses = sum(one[a] < one[b] for one in cast), sum(one[a] > one[b] for one in cast)
            *counts, first = counted.pop((comparison, COMPLETIONS[a], COMPLETIONS[b]))
            assert counts == [wins, losses, len(cast) - wins - losses]
            assert np.sign(round(first - 1 / 2, 9)) == np.sign(wins - losses)
    assert not counted


@given(judgments)
def test_the_more_probable_answer_is_preferred_with_the_votes_of_its_own(votes):
    found = find_consensus(ballots_of(votes), Fit({}))
    preferred, probability = found.preferred()
    assert np.all(probability >= 1 / 2) and np.all(preferred.for_first >= preferred.for_second)
    assert np.array_equal(
        np.sort([preferred.first, preferred.second], axis=0), [found.votes.first, found.votes.second]
    )
    assert np.array_equal(found.decided, preferred.for_first > preferred.for_second)


def test_a_vote_moves_the_odds_by_what_is_known_of_its_person():
    known = {0: Known(0.6, 0.9, 0.1, 0.0), 1: Known(0.2, 0.3, 0.1, 0.0)}
    rows = [(0, 1, 0, 11, 1, 0), (0, 1, 0, 12, 2, 1), (1, 1, 1, 11, 1, 1), (1, 1, 1, 12, 2, 0)]
    found = find_consensus(Ballots.of(rows), Fit(known, temperature=2.0))
    # The first saw 11 first: right with 0.9 if it is better, wrong with 0.4 if not. The second saw it second.
    odds = math.log(0.9 / 0.4) + math.log(0.2 / 0.7)
    assert found.first == pytest.approx([1 / (1 + math.exp(-odds / 2))])


def test_a_ranking_of_many_answers_is_less_evidence_about_its_person():
    votes = votes_of(ballots_of([(1, (1, 2, 3)), (2, (1, 2))]))[1]
    assert np.where(votes.person == 0, 9 / 11, 1) == pytest.approx(votes.evidence)
    assert votes.first_on_top.all() and votes.for_first.all()
    assert not votes_of(ballots_of([(1, (1, 2))], places=(1, 0)))[1].first_on_top.any()


def test_groups_of_people_count_by_their_shares():
    known = {one: Known(0.9, 0.9, 0.1, float(one > 1)) for one in range(4)}
    votes = [(1, (1, 2)), (1, (1, 2)), (1, (2, 1)), (1, (2, 1))]
    found = find_consensus(ballots_of(votes), Fit(known, temperature=1.0, contested=0.5, share=0.25))
    assert found.first == pytest.approx([0.75], abs=0.02) and found.divided.all()
    alike = find_consensus(ballots_of(votes), Fit(known, temperature=1.0))
    assert alike.first == pytest.approx([0.5]) and not alike.divided.any()


def test_where_votes_alone_divide_people_the_probability_is_their_share():
    votes = [(1, (1, 2))] * 12 + [(1, (2, 1))] * 8
    found = find_consensus(ballots_of(votes), Fit({}))
    assert found.divided.all() and found.first == pytest.approx([0.6])


def test_an_even_split_and_ties_decide_nothing():
    for votes in ([(1, (1, 2, 2)), (1, (2, 1, 1))], [(1, (1, 1, 1))]):
        found = find_consensus(ballots_of(votes), Fit({}))
        assert found.first == pytest.approx(np.full(3, 0.5)) and not found.decided.any()


def test_no_ballots_have_no_pairs():
    found = find_consensus(ballots_of([]), Fit({}))
    assert len(found.first) == len(found.preferred()[1]) == 0
