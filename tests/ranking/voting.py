"""Votes for tests of statistics."""

import numpy as np
from hypothesis import strategies as st

from ranking.statistics.votes import Votes

VOTES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.booleans(), st.booleans()),
    max_size=30,
)


def make_votes(*given: tuple[int, int, bool, bool]) -> Votes:
    """Votes (pair, person, whether for its first answer, whether that one was shown first)."""
    pair, person, for_first, on_top = np.array(given, dtype=np.int64).reshape(-1, 4).T
    return Votes.of(pair, person, for_first == 1, on_top == 1, np.ones(len(pair)))


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
    for_first = (rng.random(len(pair)) < chance) == first_is_better[pair]
    return Votes.of(pair, person, for_first, on_top, np.ones(len(pair)))
