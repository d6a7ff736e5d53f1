"""A minority with another taste: whether it is found, and whether its members are taken for bad people.

A person is branded whose reliability is doubted (`People.doubted`). The oracle knows everybody's ability,
kind and taste, and how tastes are correlated, but no pair: nobody finds more contested pairs by votes alone.

With few votes there is also a minority whose members state it. Where 20 % of the people are bad and all have
one taste, a group of people by chance and the group of all bad ones must not be believed.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.quality.consensus import area_under_curve
from benchmarks.quality.people import Simulation, chance_of_top, simulate, spread
from benchmarks.quality.table import Options, Row
from ranking.statistics.groups import find_groups
from ranking.statistics.reliability import fit_people, vote_weights
from ranking.statistics.votes import Floats

MINORITY, CORRELATION = 0.3, 0.3
KINDS: dict[str, dict[str, Any]] = {
    "3 votes a pair": {"pairs": 10_000, "overlap": 3, "bad": 0.0},
    "6 votes a pair": {"pairs": 5000, "overlap": 6, "bad": 0.0},
    "6 votes a pair, 20 % bad": {"pairs": 5000, "overlap": 6, "bad": 0.2},
}
FEW: dict[str, Any] = {"pairs": 2500, "overlap": 4}
"""20 votes of each of 500 people."""
BARS: dict[str, dict[str, Any]] = {
    "few votes: stated groups found": {"least": 1.0},
    "few votes: groups of chance believed": {"most": 0.0},
    "few votes: groups of bad people believed": {"most": 0.0},
    **{f"{kind}: members branded": {"most": 0.05} for kind in KINDS},
    "3 votes a pair: contested pairs, AUC": {"least": 0.75},
    "6 votes a pair: contested pairs, AUC": {"least": 0.75},
    "6 votes a pair, 20 % bad: AUC of finding bad people": {"least": 0.95},
}


def rows(options: Options) -> Iterator[Row]:
    found = defaultdict(list)
    for seed in range(options.seeds):
        for name, kind in KINDS.items():
            for figure, value in _of_minority(seed, kind):
                found[name, figure].append(value)
            alike = find_groups(simulate(seed, **kind).votes)
            found[name, "one taste: groups found"].append(float(alike is not None))
        for figure, value in _of_stated(seed):
            found["few votes", figure].append(value)
    for (name, figure), values in found.items():
        yield Row(f"{name}: {figure}", tuple(values), **BARS.get(f"{name}: {figure}", {}))


def _of_minority(seed: int, kind: dict[str, Any]) -> Iterator[tuple[str, float]]:
    drawn = simulate(seed, minority=MINORITY, correlation=CORRELATION, **kind)
    votes, honest, bad = drawn.votes, drawn.people.minority & ~drawn.people.bad, drawn.people.bad
    groups = find_groups(votes)
    alone, people = fit_people(votes), fit_people(votes, groups=groups)
    yield "groups found", float(groups is not None)
    yield "members' reliability against all", float(alone.reliability[honest].mean())
    yield "members' reliability within groups", float(people.reliability[honest].mean())
    yield "members branded", float(people.doubted[honest].mean())
    if bad.any():
        yield "AUC of finding bad people", area_under_curve(-people.reliability, bad)
    if groups is not None:
        odds = groups.odds(votes, vote_weights(votes, people.right))
        yield "contested pairs, AUC", area_under_curve(groups.differ(odds), drawn.contested)
        yield "contested pairs, AUC of the oracle", area_under_curve(_know_all(drawn), drawn.contested)


def _of_stated(seed: int) -> Iterator[tuple[str, float]]:
    drawn = simulate(seed, minority=MINORITY, correlation=CORRELATION, bad=0.0, **FEW)
    yield "groups found by votes alone", float(find_groups(drawn.votes) is not None)
    yield (
        "stated groups found",
        float(find_groups(drawn.votes, stated=[drawn.people.minority]) is not None),
    )
    alike = simulate(seed, bad=0.2, **FEW)
    chance = np.random.default_rng(seed).random(alike.votes.people) < MINORITY
    for name, group in (("chance", chance), ("bad people", alike.people.bad)):
        yield f"groups of {name} believed", float(find_groups(alike.votes, stated=[group]) is not None)


def _know_all(drawn: Simulation) -> Floats:
    """(P,): how likely a pair is contested for whoever knows all about people, and no pair."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(16)
    ours, fresh = (each.ravel() * spread() for each in np.meshgrid(nodes, nodes))
    others = CORRELATION * ours + np.sqrt(1 - CORRELATION**2) * fresh
    votes, member = drawn.votes, drawn.people.minority[drawn.votes.person]
    took_top = votes.for_first == votes.first_on_top
    joint = np.empty((len(ours), votes.pairs))
    for number, (one, other) in enumerate(zip(ours, others, strict=True)):
        found = np.where(member, other, one) * np.where(votes.first_on_top, 1, -1)
        top = chance_of_top(drawn.people, votes.person, found)
        joint[number] = votes.by_pair(np.log(np.where(took_top, top, 1 - top)))
    joint += np.log(np.outer(weights, weights).ravel())[:, None]
    shares = np.exp(joint - joint.max(axis=0))
    return np.asarray((shares[(ours > 0) != (others > 0)].sum(axis=0)) / shares.sum(axis=0))
