"""People who vote unlike others: how many honest ones are named, and how many of the bad ones.

Named is whose p-value is below 1 %, for voting against others or for one side, or whose reliability is
doubted.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.quality.people import ADVERSARY, HONEST, ONE_SIDED, RANDOM, simulate
from benchmarks.quality.table import Options, Row
from ranking.statistics.anomalies import FALSE_ALARMS, unlike_others
from ranking.statistics.groups import find_groups
from ranking.statistics.reliability import fit_people

BAD = {"answer at random": RANDOM, "take one side": ONE_SIDED, "answer the opposite": ADVERSARY}
KINDS: dict[str, dict[str, Any]] = {
    "nobody bad, 60 votes each": {"bad": 0.0},
    "20 % bad, 12 votes each": {"pairs": 2000},
    "20 % bad, 60 votes each": {},
    "20 % bad, 240 votes each": {"people": 125},
    "minority of 30 %": {"bad": 0.0, "minority": 0.3, "correlation": 0.3},
    "minority of 10 %": {"bad": 0.0, "minority": 0.1, "correlation": 0.3},
    "minority of 30 %, 20 % bad": {"minority": 0.3, "correlation": 0.3},
}


def rows(options: Options) -> Iterator[Row]:
    found = defaultdict(list)
    for seed in range(options.seeds):
        for name, kind in KINDS.items():
            for figure, value in _named(seed, kind):
                found[name, figure].append(value)
    for (name, figure), values in found.items():
        most = {"honest": FALSE_ALARMS, "of the minority": 0.05}.get(figure, np.inf)
        yield Row(f"{name}: {figure}", tuple(values), most=most)


def _named(seed: int, kind: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The share of each kind of people that are named."""
    drawn = simulate(seed, **kind)
    votes, honest, minority = drawn.votes, drawn.people.kind == HONEST, drawn.people.minority
    people = fit_people(votes, groups=find_groups(votes))
    nobody_divides = np.zeros(votes.pairs, dtype=bool)
    found = unlike_others(votes, people, nobody_divides, np.arange(votes.people))
    named = (np.minimum(found.against, found.one_sided) < FALSE_ALARMS) | people.doubted
    yield "honest", float(named[honest & ~minority].mean())
    if minority.any():
        yield "of the minority", float(named[honest & minority].mean())
    for name, one in BAD.items():
        if (drawn.people.kind == one).any():
            yield name, float(named[drawn.people.kind == one].mean())
            yield f"{name}, by reliability alone", float(people.doubted[drawn.people.kind == one].mean())
