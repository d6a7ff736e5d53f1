"""Intervals and ranks of ratings: votes of one person, and about one prompt, go together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, stdtrit

from ranking.statistics import ratings
from ranking.statistics.bradley_terry import Counts, Votes, fit
from ranking.statistics.ratings import rate

from .test_bradley_terry import ODD, make_random_votes, make_votes


def by_hand(votes: Votes, items: int) -> np.ndarray:
    """Half the widths, from the equations: one cluster after the other, of full matrices."""
    found = fit(Counts.of(votes, items), items)
    moves = (np.eye(items) - 1 / items) @ np.linalg.inv(found.hessian)
    scores = np.zeros((len(votes.first), items))
    sizes = np.zeros((len(votes.first), items))
    for vote, (first, second, outcome, *_ids) in enumerate(zip(*votes, strict=True)):
        residual = outcome - expit(found.rating[first] - found.rating[second])
        scores[vote, first], scores[vote, second] = residual, -residual
        sizes[vote, [first, second]] = 1

    def clustered(ids):
        within = [[vote for vote, own in enumerate(ids) if own == one] for one in dict.fromkeys(ids)]
        meat = sum(np.outer(scores[each].sum(axis=0), scores[each].sum(axis=0)) for each in within)
        counts = np.array([sizes[each].sum(axis=0) for each in within])
        number = counts.sum(axis=0) ** 2 / (counts**2).sum(axis=0)
        return np.diag(moves @ meat @ moves.T), number

    person, prompt = votes.person.tolist(), votes.prompt.tolist()
    by = [clustered(ids) for ids in (person, prompt, list(zip(person, prompt, strict=True)))]
    people, prompts = (variance * number / (number - 1) for variance, number in by[:2])
    judgments, number = by[2][0], np.minimum(by[0][1], by[1][1])
    won = expit(found.rating)
    prior = np.diag(moves @ np.diag(won**2 + (1 - won) ** 2) @ moves.T)
    variance = np.maximum(people + prompts - judgments, judgments) + prior
    return np.sqrt(variance) * stdtrit(number - 1, 0.975)


@pytest.mark.parametrize("wide", [0, 10**6])  # both ways to the same product
def test_intervals_are_what_the_equations_give(monkeypatch, wide):
    monkeypatch.setattr(ratings, "WIDE", wide)
    monkeypatch.setattr(ratings, "ROWS", 7)
    votes = make_random_votes(7, 300, 3, ties=0.1)
    found = rate(votes, 7)
    assert found.high - found.rating == pytest.approx(by_hand(votes, 7))
    assert found.rating - found.low == pytest.approx(by_hand(votes, 7))


@pytest.mark.parametrize("column", ["person", "prompt"])
def test_saying_the_same_ten_times_tells_no_more(column):
    """Ten times as many votes of the same people, or about the same prompts, do not narrow an interval."""
    other = "prompt" if column == "person" else "person"
    votes = make_random_votes(5, 600, 4)._replace(**{other: np.arange(600)})
    again = Votes(*(np.tile(each, 10) for each in votes))._replace(**{other: np.arange(6000)})
    once, often = (found.high - found.rating for found in (rate(votes, 5), rate(again, 5)))
    assert often == pytest.approx(once, rel=0.1)


def test_the_votes_of_one_person_or_about_one_prompt_tell_nothing_of_the_next():
    votes = make_random_votes(4, 200, 5)
    for column in ("person", "prompt"):
        found = rate(votes._replace(**{column: np.zeros(200, int)}), 4)
        assert np.isinf(found.high).all() and np.isinf(found.low).all() and (found.rank == 1).all()
        assert np.isfinite(found.rating).all()


def test_an_item_that_one_person_knows_has_no_interval_and_the_others_keep_theirs():
    votes = make_random_votes(4, 300, 6)
    own = make_votes(*[(4, item % 4, float(item % 2)) for item in range(40)])._replace(person=np.full(40, 99))
    joint = Votes(*(np.concatenate(columns) for columns in zip(votes, own, strict=True)))
    found = rate(joint, 5)
    assert np.isinf(found.high).tolist() == [False] * 4 + [True]


def test_a_million_votes_of_one_account_do_not_look_like_a_million_opinions():
    few = make_random_votes(3, 60, 7)
    many = Votes(*(np.resize(column, 10**6) for column in make_votes((0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0))))
    many = many._replace(person=np.full(10**6, 99), prompt=np.arange(10**6) % 1000)
    found = rate(Votes(*(np.concatenate(columns) for columns in zip(few, many, strict=True))), 3)
    assert np.isinf(found.high).all() and (found.rank == 1).all()


def test_an_item_that_never_loses_has_a_wide_interval():
    """That nobody has preferred another one so far does not mean that nobody will."""
    found = rate(make_votes(*[(0, 1, 1.0)] * 5), 2)
    assert found.high[0] - found.rating[0] > 1


def test_a_rank_is_one_more_than_the_items_whose_intervals_lie_wholly_above():
    votes = make_random_votes(9, 900, 8)
    found = rate(votes, 9)
    assert found.rank.tolist() == [1 + int((found.low > high).sum()) for high in found.high]
    assert found.rank.max() > 3


def test_ranks_are_within_components():
    one, other = make_random_votes(3, 200, 9), make_random_votes(3, 200, 9)
    joint = Votes(*(np.concatenate(columns) for columns in zip(one, other, strict=True)))
    joint = joint._replace(first=np.concatenate([one.first, other.first + 3]))
    joint = joint._replace(second=np.concatenate([one.second, other.second + 3]))
    found = rate(joint, 6)
    assert found.component.tolist() == [0] * 3 + [1] * 3
    assert found.rank[:3].tolist() == found.rank[3:].tolist() and found.rank.min() == 1
    assert found.rating[:3].sum() == pytest.approx(0) and found.rating[3:].sum() == pytest.approx(0)


@given(ODD, st.integers(1, 4), st.integers(1, 4))
def test_whatever_the_votes_there_is_an_answer(said, people, prompts):
    votes = make_votes(*said)
    found = rate(votes._replace(person=votes.person % people, prompt=votes.prompt % prompts), 6)
    assert not any(np.isnan(column).any() for column in vars(found).values())
    assert (found.low <= found.rating).all() and (found.rating <= found.high).all()
    assert ((found.rank >= 1) & (found.rank <= 6)).all()


def test_without_votes_all_stand_alone():
    found = rate(make_votes(), 3)
    assert found.component.tolist() == [0, 1, 2] and found.rating.tolist() == [0, 0, 0]
    assert np.isinf(found.high).all() and found.rank.tolist() == [1, 1, 1]
    assert len(rate(make_votes(), 0).rating) == 0
