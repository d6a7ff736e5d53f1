"""From ranks to pairs, and from many judgments to majorities."""

from collections import Counter
from itertools import combinations, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.consensus import find_majorities
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


def majorities(votes):
    rows = [
        (judgment, comparison, completion, rank)
        for judgment, (comparison, given_ranks) in enumerate(votes)
        for completion, rank in zip(COMPLETIONS, given_ranks, strict=True)
    ]
    return find_majorities(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


@given(judgments)
def test_majorities_are_what_counting_by_hand_gives(votes):
    expected = {}
    for comparison in {1, 2}:
        cast = [given_ranks for where, given_ranks in votes if where == comparison]
        for a, b in combinations(range(3), 2):
            wins = sum(one[a] < one[b] for one in cast)
            losses = sum(one[a] > one[b] for one in cast)
            ties = len(cast) - wins - losses
            if wins > losses:
                expected[comparison, COMPLETIONS[a], COMPLETIONS[b]] = (wins, losses, ties)
            if losses > wins:
                expected[comparison, COMPLETIONS[b], COMPLETIONS[a]] = (losses, wins, ties)
    found = majorities(votes)
    keys = list(zip(found.comparison.tolist(), found.chosen.tolist(), found.rejected.tolist(), strict=True))
    values = zip(found.votes_chosen.tolist(), found.votes_rejected.tolist(), found.ties.tolist(), strict=True)
    assert dict(zip(keys, values, strict=True)) == expected
    assert keys == sorted(keys)
    for key, weight in zip(keys, found.weight.tolist(), strict=True):
        wins, losses, ties = expected[key]
        assert weight == (wins - losses) / (wins + losses + ties)


def test_an_even_split_decides_nothing():
    assert len(majorities([(1, (1, 2, 2)), (1, (2, 1, 1))]).comparison) == 0


def test_no_ranks_give_no_pairs():
    assert len(majorities([]).comparison) == 0


def test_a_tie_lowers_the_weight():
    found = majorities([(1, (1, 2, 3)), (1, (1, 1, 1))])
    assert found.weight.tolist() == [0.5, 0.5, 0.5]
