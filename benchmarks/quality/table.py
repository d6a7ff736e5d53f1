"""Rows of figures with their bars, printed and as JSON."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Options:
    """What all tables are asked for: how many seeds, and the folder of the real votes, if there is one."""

    seeds: int
    llmfao: Path | None


@dataclass(frozen=True)
class Row:
    """A figure, its value for each seed, and the least or the most that their mean should be.

    With a confidence interval all of that has to be within the bar.
    """

    figure: str
    values: tuple[float, ...]
    least: float = -np.inf
    most: float = np.inf
    interval: tuple[float, float] | None = None

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def bar(self) -> str:
        parts = [f"≥ {self.least:g}"] if np.isfinite(self.least) else []
        parts += [f"≤ {self.most:g}"] if np.isfinite(self.most) else []
        return ", ".join(parts)

    @property
    def is_met(self) -> bool:
        low, high = self.interval or (self.mean, self.mean)
        return self.least <= low and high <= self.most


Table = Callable[[Options], Iterable[Row]]


def show(name: str, rows: list[Row]) -> None:
    """Print the rows as a table in Markdown."""
    print(f"\n| {name} | mean | range | bar | |\n|---|---|---|---|---|")
    for row in rows:
        met = ("met" if row.is_met else "missed") if row.bar else ""
        low, high = row.interval or (min(row.values), max(row.values))
        print(f"| {row.figure} | {row.mean:.3f} | {low:.3f} to {high:.3f} | {row.bar} | {met} |", flush=True)


def as_json(row: Row) -> dict[str, Any]:
    facts = {"figure": row.figure, "mean": row.mean, "values": list(row.values), "interval": row.interval}
    return {**facts, "bar": row.bar, "met": row.is_met}
