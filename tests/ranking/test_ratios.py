"""Ratios over clusters, with their intervals."""

import random
from statistics import NormalDist, fmean, stdev

import pytest

from ranking.statistics.ratios import Estimate, ratio_of


def test_of_clusters_of_one_it_is_the_mean_with_its_standard_error():
    values = [0.2, 0.9, 0.4, 0.7, 0.7]
    found = ratio_of(values, [1] * 5, 0.95)
    half = NormalDist().inv_cdf(0.975) * stdev(values) / 5**0.5
    assert (found.value, found.low, found.high) == pytest.approx(
        (fmean(values), fmean(values) - half, fmean(values) + half)
    )


def test_too_little_gives_no_interval_or_nothing():
    assert ratio_of([3], [4], 0.95) == Estimate(0.75, None, None)
    assert ratio_of([], [], 0.95) is None and ratio_of([0], [0], 0.95) is None


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    chance, hits = random.Random(1), 0
    for _ in range(400):
        sizes = [chance.randint(1, 9) for _ in range(60)]
        rates = [min(1, max(0, chance.gauss(0.6, 0.2))) for _ in sizes]
        agreed = [
            sum(chance.random() < rate for _ in range(size)) for size, rate in zip(sizes, rates, strict=True)
        ]
        found = ratio_of(agreed, sizes, 0.95)
        hits += found.low <= 0.6 <= found.high
    assert 0.92 <= hits / 400 <= 0.98
