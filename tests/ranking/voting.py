"""Votes for tests of statistics."""

import numpy as np
from hypothesis import strategies as st

from ranking.statistics.votes import Votes

VOTES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0]), st.booleans()),
    max_size=30,
)


def make_votes(*given: tuple[int, int, float], top: bool | list[bool] = True) -> Votes:
    """Votes (pair, person, outcome); `top` is whether each saw the pair's first answer first."""
    pair, person, outcome = np.array(given).reshape(-1, 3).T
    on_top = np.broadcast_to(np.array(top, dtype=bool), pair.shape)
    return Votes.of(pair.astype(np.int64), person.astype(np.int64), outcome, on_top, np.ones(len(pair)))


def draw_votes(
    rng: np.random.Generator, right: list[tuple[float, float]], pairs: int, better: np.ndarray | None = None
) -> Votes:
    """Each person votes once on each pair, with the coins of theirs: better answer shown second, first.

    The first answer is the better one where `better` is true, by default of all pairs.
    """
    pair, person = (each.ravel() for each in np.indices((pairs, len(right))))
    first_is_better = np.ones(pairs, dtype=bool) if better is None else better
    on_top = rng.random(len(pair)) < 1 / 2
    chance = np.array(right)[person, (on_top == first_is_better[pair]).astype(int)]
    outcome = ((rng.random(len(pair)) < chance) == first_is_better[pair]).astype(float)
    return Votes.of(pair, person, outcome, on_top, np.ones(len(pair)))


def some_votes(given: list[tuple[int, int, float, bool]]) -> Votes:
    return make_votes(*(vote[:3] for vote in given), top=[vote[3] for vote in given])
