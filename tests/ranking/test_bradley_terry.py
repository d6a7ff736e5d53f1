"""Ratings of Bradley and Terry: against other packages, and where the votes are odd."""

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from ranking.statistics.bradley_terry import PRIOR, Counts, Votes, centred, find_components, fit

NO_PRIOR = 1e-9  # with none at all the ratings have no zero


def make_votes(*said: tuple[int, int, float]) -> Votes:
    """(first, second, outcome), each by another person and about another prompt."""
    first, second, outcome = zip(*said, strict=True) if said else ((), (), ())
    ids = np.arange(len(said))
    return Votes(np.array(first, int), np.array(second, int), np.array(outcome, float), ids, ids)


def make_random_votes(items: int, number: int, seed: int, ties: float = 0.0) -> Votes:
    """Votes after ratings that are drawn, of which such a share are ties."""
    chance = np.random.default_rng(seed)
    first = chance.integers(0, items, number)
    second = (first + chance.integers(1, items, number)) % items
    rating = chance.normal(0, 1, items)
    outcome = (chance.random(number) < expit(rating[first] - rating[second])).astype(float)
    outcome[chance.random(number) < ties] = 0.5
    return Votes(first, second, outcome, chance.integers(0, 20, number), chance.integers(0, 50, number))


def unregularised(votes: Votes, items: int) -> np.ndarray:
    found = fit(Counts.of(votes, items), items, prior=NO_PRIOR).rating
    return found - found.mean()


@pytest.mark.parametrize("seed", range(5))
def test_without_the_prior_they_are_those_of_choix(seed):
    votes = make_random_votes(8, 400, seed)
    wins = [
        (first, second) if outcome else (second, first)
        for first, second, outcome in zip(*(column.tolist() for column in votes[:3]), strict=True)
    ]
    expected = choix.ilsr_pairwise(8, wins, tol=1e-12, max_iter=1000)
    assert unregularised(votes, 8) == pytest.approx(expected - expected.mean(), abs=1e-6)


@pytest.mark.parametrize("ties", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_without_the_prior_they_are_those_of_evalica_with_ties_as_half(seed, ties):
    votes = make_random_votes(8, 400, seed, ties)
    winners = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    found = evalica.bradley_terry(
        votes.first.tolist(),
        votes.second.tolist(),
        [winners[one] for one in votes.outcome.tolist()],
        tie_weight=0.5,
        tolerance=1e-14,
        limit=100_000,
    )
    expected = np.log(found.scores.sort_index().to_numpy())
    assert unregularised(votes, 8) == pytest.approx(expected - expected.mean(), abs=1e-6)


def test_each_item_gets_the_points_that_its_rating_foretells():
    votes = make_random_votes(6, 200, 1, 0.2)
    rating = fit(Counts.of(votes, 6), 6).rating
    surprise = votes.outcome - expit(rating[votes.first] - rating[votes.second])
    total = np.bincount(votes.first, surprise) - np.bincount(votes.second, surprise)
    assert total + PRIOR * (1 - 2 * expit(rating)) == pytest.approx(0, abs=1e-8)


def test_which_one_stands_first_in_a_vote_does_not_matter():
    votes = make_random_votes(6, 200, 1, 0.2)
    turned = votes._replace(first=votes.second, second=votes.first, outcome=1 - votes.outcome)
    assert fit(Counts.of(votes, 6), 6).rating == pytest.approx(fit(Counts.of(turned, 6), 6).rating)


def test_a_single_vote_says_little_and_where_all_tie_all_are_alike():
    first, second = fit(Counts.of(make_votes((0, 1, 1.0)), 2), 2).rating
    assert 0.5 < expit(first - second) < 0.75
    assert fit(Counts.of(make_votes(*[(0, 1, 0.5), (1, 2, 0.5)] * 9), 3), 3).rating == pytest.approx(0)


@pytest.mark.parametrize("votes", [10, 10**3, 10**9])
def test_an_item_that_never_loses_has_a_rating(votes):
    counts = Counts(np.array([0]), np.array([1]), np.array([float(votes)]), np.array([float(votes)]))
    better, worse = fit(counts, 2).rating
    assert better == pytest.approx(-worse) and 0.5 < better < 25


def test_the_largest_component_comes_first_and_an_item_without_votes_is_one_of_its_own():
    votes = make_votes((0, 1, 1.0), (2, 3, 1.0), (3, 5, 0.0))
    assert find_components(Counts.of(votes, 6), 6).tolist() == [1, 1, 0, 0, 2, 0]


def test_components_are_rated_each_by_itself():
    one, other = make_random_votes(4, 100, 1), make_random_votes(5, 100, 2)
    joint = Votes(*(np.concatenate(columns) for columns in zip(one, other, strict=True)))
    joint = joint._replace(
        first=np.concatenate([one.first, other.first + 4]),
        second=np.concatenate([one.second, other.second + 4]),
    )
    alone = [fit(Counts.of(votes, items), items).rating for votes, items in ((one, 4), (other, 5))]
    assert fit(Counts.of(joint, 9), 9).rating == pytest.approx(np.concatenate(alone))


def test_the_mean_of_a_component_is_taken_from_its_ratings():
    assert centred(np.array([1.0, 3.0, 7.0]), np.array([0, 0, 1])).tolist() == [-1, 1, 0]


ODD = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0, 1 / 3])).filter(
        lambda vote: vote[0] != vote[1]
    ),
    max_size=40,
)


@given(ODD, st.sampled_from([1, 1000]))
def test_whatever_the_votes_ratings_are_numbers(said, times):
    found = fit(Counts.of(make_votes(*said * times), 6), 6)
    assert np.isfinite(found.rating).all() and np.abs(found.rating).max() < 25
    assert np.linalg.eigvalsh(found.hessian).min() > 0
