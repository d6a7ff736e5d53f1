"""A mean or a ratio over clusters whose observations go together, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class Estimate:
    """A value, and between which ones it lies; without ends where there is too little to tell."""

    value: float
    low: float | None
    high: float | None


def ratio_of(numerators: Sequence[float], denominators: Sequence[float], level: float) -> Estimate | None:
    """Σ numerators / Σ denominators over n clusters; None where there is nothing to divide by.

    The variance is that of a ratio estimate (Cochran 1977, equation 6.12):
    n/(n − 1) · Σ(yᵢ − r xᵢ)² / (Σxᵢ)². With one cluster it is unknown.
    """
    whole, n = sum(denominators), len(denominators)
    if not whole:
        return None
    ratio = sum(numerators) / whole
    if n < 2:
        return Estimate(ratio, None, None)
    squares = sum((y - ratio * x) ** 2 for y, x in zip(numerators, denominators, strict=True))
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt(n / (n - 1) * squares) / whole
    return Estimate(ratio, ratio - half, ratio + half)
