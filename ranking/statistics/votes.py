"""Votes on pairs of answers as columns: who preferred which one, and which one was shown first."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Amounts = NDArray[np.floating[Any]] | Bools


@dataclass(frozen=True)
class Votes:
    """N votes by M people on P pairs of answers. A tie is no vote.

    `for_first` is whether a vote prefers the pair's first answer, and `first_on_top` whether the person saw
    that one before the second. `evidence` is how much a vote counts as evidence about its person: 1 where a
    judgment is one vote, see `evidence_of_ranking`; `weight` is as how many votes it counts on its pair.
    """

    pair: Ids
    person: Ids
    for_first: Bools
    first_on_top: Bools
    evidence: Floats
    weight: Floats
    pairs: int
    people: int

    @classmethod
    def of(cls, pair: Ids, person: Ids, for_first: Bools, first_on_top: Bools, evidence: Floats) -> Self:
        """Votes on all pairs and by all people up to the highest number."""
        sizes = (int(ids.max(initial=-1)) + 1 for ids in (pair, person))
        return cls(pair, person, for_first, first_on_top, evidence, np.ones(len(pair)), *sizes)

    def __len__(self) -> int:
        return len(self.pair)

    @cached_property
    def kind(self) -> Ids:
        """(N,): votes of one kind say the same of one person: 4 * person + 2 * first_on_top + for_first."""
        return self.person * 4 + self.first_on_top * 2 + self.for_first

    def by_kind(self, amounts: Amounts) -> Floats:
        """(M, 2, 2): the sums of an amount of each vote by person, `first_on_top` and `for_first`."""
        sums = np.bincount(self.kind, amounts, 4 * self.people).reshape(-1, 2, 2)
        return sums.astype(np.float64, copy=False)

    def by_pair(self, amounts: Amounts) -> Floats:
        """(P,): the sums of an amount of each vote by pair."""
        return np.bincount(self.pair, amounts, self.pairs).astype(np.float64, copy=False)

    def among(self, chosen: Bools | Ids) -> Self:
        """Some of the votes; pairs and people keep their numbers."""
        columns = {name: getattr(self, name)[chosen] for name in COLUMNS}
        return replace(self, **columns)


COLUMNS = ("pair", "person", "for_first", "first_on_top", "evidence", "weight")


def evidence_of_ranking(answers: Ids) -> Floats:
    """How much each vote counts as evidence about its person, where a judgment ranks so many answers at once.

    The votes of one ranking go together. How many pairs a random ranking has right varies (2 k + 5) / 9 times
    as much as so many independent votes (Kendall 1938), so each counts for 9 / (2 k + 5) of one.
    """
    return 9 / (2 * answers + 5.0)
