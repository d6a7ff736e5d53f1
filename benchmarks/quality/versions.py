"""Ratings of versions: their order, their intervals, and what they take; beside choix and evalica.

*Order*: 20 versions, evenly spaced, so close that the best one wins 68 of 100 votes against the worst one,
and neighbours 51. Their answers differ more than they do: a pair of answers has the difference of its
versions and a normal one of its own, so that people agree as on other pairs. The truth is what honest
people's votes on all pairs of answers would come to. As on the site, people whose reliability is doubted are
left out.

*Intervals*: people rank 4 answers at a time, by ratings to which each person adds a taste for each version,
and each prompt a luck of each version. The truth is what all such people would say about all such prompts.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import choix
import evalica
import numpy as np
from scipy.special import expit
from scipy.stats import kendalltau

from benchmarks.quality.people import chance_of_top, simulate, spread
from benchmarks.quality.table import Options, Row
from ranking.statistics.bradley_terry import Counts, Votes, centred, fit
from ranking.statistics.ratings import rate
from ranking.statistics.reliability import fit_people
from ranking.statistics.votes import Floats, Ids

VERSIONS = 20
RATINGS = np.linspace(0.8, -0.8, VERSIONS)
"""In logits of an average person's choice between two answers."""
PAIRS, OVERLAP = 10_000, 3
ANSWERS, REPEATS = 4, 40
CROWDS: dict[str, dict[str, Any]] = {
    "500 people": {"people": 500, "prompts": 1000, "judgments": 2500, "taste": 0.7, "luck": 0.0},
    "500 people, luck of prompts": {
        "people": 500,
        "prompts": 200,
        "judgments": 2500,
        "taste": 0.7,
        "luck": 0.5,
    },
    "30 people": {"people": 30, "prompts": 300, "judgments": 900, "taste": 0.7, "luck": 0.0},
}
BARS: dict[str, dict[str, Any]] = {
    "nobody bad: Kendall's tau": {"least": 0.87},
    "nobody bad: slope": {"least": 0.9, "most": 1.1},
    "20 % bad: Kendall's tau": {"least": 0.87},
    "20 % bad: slope": {"least": 0.9, "most": 1.1},
    **{f"{crowd}: coverage": {"least": 0.92, "most": 0.97} for crowd in CROWDS},
    "largest difference from choix": {"most": 1e-6},
    "largest difference from evalica": {"most": 1e-6},
    "1,000,000 votes on 2,000 versions: seconds": {"most": 5},
    "1,000,000 votes on 2,000 versions: MB": {"most": 500},
}


def rows(options: Options) -> Iterator[Row]:
    found = defaultdict(list)
    for seed in range(options.seeds):
        for name, value in [*_order(seed), *_coverage(seed), *_oracles(seed), *_load(seed)]:
            found[name].append(value)
    for name, values in found.items():
        yield Row(name, tuple(values), **BARS.get(name, {}))


def _order(seed: int) -> Iterator[tuple[str, float]]:
    chance = np.random.default_rng(seed)
    first = chance.integers(0, VERSIONS, PAIRS)
    second = (first + chance.integers(1, VERSIONS, PAIRS)) % VERSIONS
    own = np.sqrt(spread() ** 2 - 2 * RATINGS.var())  # so that the differences have the deviation of others
    difference = RATINGS[first] - RATINGS[second] + chance.normal(0, own, PAIRS)
    truth = _rated(np.subtract.outer(RATINGS, RATINGS), own)
    for name, bad in (("nobody bad", 0.0), ("20 % bad", 0.2)):
        said = simulate(seed, pairs=PAIRS, overlap=OVERLAP, bad=bad, known=difference).votes
        versions = (first[said.pair], second[said.pair], said.for_first.astype(float))
        votes = Votes(*versions, said.person, said.pair)
        doubted = fit_people(said).doubted[said.person]
        for whose, counted in ((name, votes.at(~doubted)), (f"{name}, everybody counted", votes)):
            found = rate(counted, VERSIONS).rating
            yield f"{whose}: Kendall's tau", float(kendalltau(truth, found).statistic)
            yield f"{whose}: slope", float(np.polyfit(truth, found, 1)[0])


def _rated(differences: Floats, own: float) -> Floats:
    """The ratings of honest people's votes on all pairs of answers, by the differences of versions (M, M)."""
    grid = np.linspace(-15, 15, 601)
    honest = simulate(0, pairs=1000, people=1000, bad=0.0).people
    person, found = np.arange(1000), np.tile(grid, (1000, 1))
    chances = (chance_of_top(honest, person, found) + 1 - chance_of_top(honest, person, -found)) / 2
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    first, second = np.triu_indices(len(differences), 1)
    met = differences[first, second][:, None] + own * nodes
    won = np.interp(met, grid, chances.mean(axis=0)) @ weights / weights.sum()
    return _of_shares(won, len(differences))


def _of_shares(won: Floats, items: int) -> Floats:
    """The ratings where each first item of two wins this share of endless votes."""
    first, second = np.triu_indices(items, 1)
    found = fit(Counts(first, second, np.full(len(won), 1e9), 1e9 * won), items).rating
    return found - found.mean()


def _coverage(seed: int) -> Iterator[tuple[str, float]]:
    """How many intervals hold the truth, ours and those of independent votes."""
    for name, crowd in CROWDS.items():
        chance = np.random.default_rng(seed)
        ours, independent = [], []
        for _ in range(REPEATS):
            ratings = chance.normal(0, 0.4, VERSIONS)
            nodes, weights = np.polynomial.hermite_e.hermegauss(61)
            apart = np.subtract.outer(ratings, ratings)[np.triu_indices(VERSIONS, 1)][:, None]
            won = expit(apart + np.sqrt(2 * (crowd["taste"] ** 2 + crowd["luck"] ** 2)) * nodes) @ weights
            truth = _of_shares(won / weights.sum(), VERSIONS)
            votes = _rank(chance, ratings, **crowd)
            found, naive = rate(votes, VERSIONS), fit(Counts.of(votes, VERSIONS), VERSIONS)
            ours.append(np.mean((found.low <= truth) & (truth <= found.high)))
            moves = centred(naive.inverse, np.zeros(VERSIONS, dtype=int))
            half = 1.96 * np.sqrt(np.diag(moves @ naive.hessian @ moves.T))
            independent.append(np.mean(np.abs(found.rating - truth) <= half))
        yield f"{name}: coverage", float(np.mean(ours))
        yield f"{name}: coverage of independent votes", float(np.mean(independent))


def _rank(
    chance: np.random.Generator,
    ratings: Floats,
    *,
    people: int,
    prompts: int,
    judgments: int,
    taste: float,
    luck: float,
) -> Votes:
    """The votes of rankings of `ANSWERS` answers; nobody is asked about a prompt twice."""
    tastes, lucks = chance.normal(0, taste, (people, VERSIONS)), chance.normal(0, luck, (prompts, VERSIONS))
    asked = chance.choice(people * prompts, judgments, replace=False)
    person, prompt = np.divmod(asked, prompts)
    shown = chance.random((judgments, VERSIONS)).argsort(axis=1)[:, :ANSWERS]
    liked = ratings[shown] + tastes[person[:, None], shown] + lucks[prompt[:, None], shown]
    liked += chance.gumbel(size=liked.shape)
    one, other = np.triu_indices(ANSWERS, 1)
    better = (liked[:, one] > liked[:, other]).astype(float)
    again = [np.repeat(column, len(one)) for column in (person, prompt)]
    return Votes(shown[:, one].ravel(), shown[:, other].ravel(), better.ravel(), *again)


def _oracles(seed: int) -> Iterator[tuple[str, float]]:
    """Without the prior, on 2,000 votes after ratings with a deviation of 1; a tenth are ties for evalica."""
    chance = np.random.default_rng(seed)
    first = chance.integers(0, VERSIONS, 2000)
    second = (first + chance.integers(1, VERSIONS, 2000)) % VERSIONS
    ratings = chance.normal(0, 1, VERSIONS)
    wins = chance.random(2000) < expit(ratings[first] - ratings[second])
    outcome = np.where(chance.random(2000) < 0.1, 0.5, wins)
    pairs = np.where(wins[:, None], np.stack([first, second], 1), np.stack([second, first], 1))
    theirs = choix.ilsr_pairwise(VERSIONS, pairs.tolist(), tol=1e-12, max_iter=1000)
    yield "largest difference from choix", _furthest(theirs, first, second, wins.astype(float))
    names = {0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw, 1.0: evalica.Winner.X}
    said = [names[each] for each in outcome.tolist()]
    scores = evalica.bradley_terry(
        first.tolist(), second.tolist(), said, tolerance=1e-14, limit=100_000
    ).scores
    yield "largest difference from evalica", _furthest(np.log(scores.sort_index()), first, second, outcome)


def _furthest(theirs: Floats, first: Ids, second: Ids, outcome: Floats) -> float:
    """The largest difference from our ratings with next to no prior."""
    ids = np.arange(len(first))
    ours = fit(Counts.of(Votes(first, second, outcome, ids, ids), VERSIONS), VERSIONS, prior=1e-9).rating
    theirs = np.asarray(theirs)
    return float(np.abs(ours - ours.mean() - theirs + theirs.mean()).max())


def _load(seed: int) -> Iterator[tuple[str, float]]:
    """Of the processor, and the most memory of the whole process."""
    command = [sys.executable, "-m", "benchmarks.quality.versions_load", str(seed)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    yield "1,000,000 votes on 2,000 versions: seconds", found["seconds"]
    yield "1,000,000 votes on 2,000 versions: MB", found["megabytes"]
