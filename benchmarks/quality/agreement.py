"""Agreement, and the leaderboard of models, on the real votes of llmfao; and what agreement takes."""

import csv
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.quality.table import Options, Row
from ranking.statistics.agreement import alpha_of_pairs, ordinal_alpha, pairwise_agreement
from ranking.statistics.bradley_terry import Votes
from ranking.statistics.first_place import leverage_of_first
from ranking.statistics.ratings import rate

ALPHA: dict[str, Any] = {"least": 0.285, "most": 0.295}
"""A separate calculation gave a nominal alpha of 0.29."""
OUTCOMES = {"left": 1.0, "tie": 0.5, "right": 0.0}
JUDGMENTS, COMPARISONS, ANSWERS = 100_000, 33_334, 4


def rows(options: Options) -> Iterator[Row]:
    yield Row(
        "100,000 rankings of 4 answers: seconds", tuple(_seconds(seed) for seed in range(options.seeds))
    )
    if options.llmfao is None:
        print("\nNo agreement of real votes: --llmfao names their folder.")
        return
    with (options.llmfao / "crowd-comparisons.csv").open(encoding="utf-8") as file:
        given = list(csv.DictReader(file))
    yield from _agreement(given)
    yield from _leaderboard(given)


def _agreement(given: list[dict[str, str]]) -> Iterator[Row]:
    judgment = np.repeat(np.arange(len(given)), 2)
    comparison = np.repeat([int(each["id"]) for each in given], 2)
    model = np.array([[int(each["model_x"]), int(each["model_y"])] for each in given]).ravel()
    outcome = np.array([OUTCOMES[each["winner"]] for each in given])
    rank = np.stack([1 + (outcome == 0), 1 + (outcome == 1)], axis=1).ravel()
    raw = pairwise_agreement(judgment, comparison, model, rank)
    yield Row("llmfao: two people agree", (raw.agreed / raw.compared,))
    found = alpha_of_pairs(judgment, comparison, model, rank)
    assert found and found.low is not None and found.high is not None
    yield Row("llmfao: alpha of pairs", (found.value,), **ALPHA)
    yield Row("llmfao: its interval", (found.value,), interval=(found.low, found.high))


def _leaderboard(given: list[dict[str, str]]) -> Iterator[Row]:
    """The models, the best first, with what hangs on few votes."""
    names, items = np.unique([[each["left"], each["right"]] for each in given], return_inverse=True)
    first, second = items.reshape(-1, 2).T
    outcome = np.array([OUTCOMES[each["winner"]] for each in given])
    person, prompt = (np.array([int(each[column]) for each in given]) for column in ("worker", "prompt"))
    votes = Votes(first, second, outcome, person, prompt)
    found = rate(votes, len(names))
    yield Row("llmfao: components", (float(found.component.max() + 1),))
    turning = leverage_of_first(votes, len(names))
    yield Row("llmfao: votes without which another is first", (float(turning.votes or np.nan),))
    for item in np.argsort(-found.rating):
        interval = (float(found.low[item]), float(found.high[item]))
        yield Row(
            f"llmfao: rank {found.rank[item]}, {names[item]}", (float(found.rating[item]),), interval=interval
        )


def _seconds(seed: int) -> float:
    """Of the processor: raw agreement and both alphas with their intervals."""
    chance = np.random.default_rng(seed)
    judgment = np.repeat(np.arange(JUDGMENTS), ANSWERS)
    comparison = np.repeat(chance.integers(0, COMPARISONS, JUDGMENTS), ANSWERS)
    completion = comparison * ANSWERS + np.tile(np.arange(ANSWERS), JUDGMENTS)
    rank = chance.random((JUDGMENTS, ANSWERS)).argsort(axis=1).ravel() + 1
    began = time.process_time()
    pairwise_agreement(judgment, comparison, completion, rank)
    alpha_of_pairs(judgment, comparison, completion, rank)
    ordinal_alpha(comparison, completion, rank)
    return time.process_time() - began
