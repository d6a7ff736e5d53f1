"""From the ranks of one judgment to the pairs it prefers."""

from collections.abc import Mapping
from itertools import combinations


def dense_ranks(ranks: Mapping[int, int]) -> dict[int, int]:
    """The same order and ties as ranks 1, 2, 3 … without gaps."""
    dense = {rank: place for place, rank in enumerate(sorted(set(ranks.values())), start=1)}
    return {item: dense[rank] for item, rank in ranks.items()}


def preferred_pairs(ranks: Mapping[int, int]) -> list[tuple[int, int]]:
    """Every (chosen, rejected) with a strictly better rank on the left; ties give no pair."""
    return [
        (first, second) if ranks[first] < ranks[second] else (second, first)
        for first, second in combinations(ranks, 2)
        if ranks[first] != ranks[second]
    ]
