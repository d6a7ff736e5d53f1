"""A measured proportion, with its interval and the value expected by chance."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Self

LEVEL = 0.99


def wilson(share: float, trials: float, level: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share of so many trials; everything without trials.

    Five lines here save a web process the 75 MB that importing scipy.stats takes.
    """
    if not trials:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials * trials))) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Share:
    """`hits` (a tie may be half of one) of `trials`, where chance alone would give the share `chance`."""

    hits: float
    trials: int
    chance: float

    @classmethod
    def total(cls, shares: Iterable[Self]) -> Self:
        """The shares pooled; chance is the mean over all trials."""
        shares = list(shares)
        trials = sum(one.trials for one in shares)
        expected = sum(one.chance * one.trials for one in shares)
        return cls(sum(one.hits for one in shares), trials, expected / trials if trials else 0.0)

    @property
    def value(self) -> float:
        return self.hits / self.trials if self.trials else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The interval at `LEVEL`."""
        return self.interval_at(LEVEL)

    def interval_at(self, level: float) -> tuple[float, float]:
        """Wilson's; where chance differs between the trials it is wider than need be, never narrower."""
        return wilson(self.value, self.trials, level)

    @property
    def is_above_chance(self) -> bool:
        return self.interval[0] > self.chance

    @property
    def is_below_chance(self) -> bool:
        return self.interval[1] < self.chance

    @property
    def percents(self) -> dict[str, int]:
        """The share, its interval and chance, in whole percent."""
        low, high = self.interval
        shares = {"value": self.value, "low": low, "high": high, "chance": self.chance}
        return {name: round(100 * share) for name, share in shares.items()}
