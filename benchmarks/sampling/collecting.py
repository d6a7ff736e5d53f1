"""Ways of collecting votes: which answers are compared, and by how many people each comparison is judged."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.sampling.material import Answer, Material
from ranking.statistics.ballots import votes_on_pairs
from ranking.statistics.overlap import is_enough, settled_shares
from ranking.statistics.sampling import RULES, Floats, choose, moments, serving_order
from training.simulation import SimulatedVolunteer

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Way:
    """A rule by which answers are chosen, `uniform` or one of RULES, and an overlap such as `3` or `2-5`."""

    rule: str
    overlap: str

    def __str__(self) -> str:
        return f"{self.rule}, overlap {self.overlap}"

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most votes of a comparison."""
        least, _, most = self.overlap.partition("-")
        return int(least), int(most or least)


@dataclass(frozen=True)
class Collected:
    """Preferences as a dataset has them, of so many comparisons, and the questions that these were about."""

    rows: Rows
    comparisons: int
    questions: frozenset[str]


def collect(
    material: Material,
    way: Way,
    votes: int,
    scores: Mapping[str, Floats] | None,
    after: Collected | None = None,
) -> Collected:
    """So many votes about questions that were not asked before, one comparison of each, in serving order."""
    known = after.questions if after else frozenset()
    # By chance alone: the same comparisons whatever their overlap.
    chance = _random([material.seed, len(known)])
    rng = np.random.default_rng([material.seed, len(known)])
    questions = [q for q, answers in material.candidates.items() if len(answers) > 1 and q not in known]
    choices = [
        choose(len(material.candidates[q]), material.size, _values(way, scores, q), chance) for q in questions
    ]
    rows: Rows = []
    asked: set[str] = set()
    for place in serving_order([choice.value for choice in choices], chance):
        if votes <= 0:
            break
        question, places = questions[place], choices[place].places
        answers = [material.candidates[question][each] for each in places]
        rankings = _judge(answers, way, votes, rng)
        votes -= len(rankings)
        asked.add(question)
        rows += _preferences(question, answers, rankings)
    if votes > 0:
        raise SystemExit(f"There are too few questions for {way}: {votes} votes are left.")
    return Collected(rows, len(asked), known | asked)


def _judge(answers: list[Answer], way: Way, most: int, rng: np.random.Generator) -> list[Any]:
    """The rankings of one comparison: until it is settled or has as many as the overlap admits."""
    volunteer, utilities = SimulatedVolunteer(), np.array([each.utility for each in answers])
    fewest, limit = way.bounds
    rankings: list[Any] = []
    while len(rankings) < min(limit, most):
        rankings.append(volunteer.rank(utilities, rng))
        if len(rankings) >= fewest and is_enough(settled_shares(*_columns(rankings))[0]):
            break
    return rankings


def _preferences(question: str, answers: list[Answer], rankings: list[Any]) -> Rows:
    """The majorities, with their margins as weights."""
    votes = votes_on_pairs(*_columns(rankings))
    margins = (votes.for_first - votes.for_second) / len(rankings)
    asked = [{"role": "user", "content": question}]
    return [
        {
            "prompt_id": question,
            "comparison_id": question,
            "prompt": asked,
            "chosen": [{"role": "assistant", "content": answers[first if margin > 0 else second].text}],
            "rejected": [{"role": "assistant", "content": answers[second if margin > 0 else first].text}],
            "weight": abs(float(margin)),
        }
        for first, second, margin in zip(votes.first, votes.second, margins, strict=True)
        if margin
    ]


def _columns(rankings: list[Any]) -> Any:
    """Judgment, comparison, completion and rank of one comparison's rankings."""
    ranks = np.array(rankings)
    judgment, completion = np.indices(ranks.shape)
    return np.stack([each.ravel() for each in (judgment, np.zeros_like(ranks), completion, ranks)])


def _values(way: Way, scores: Mapping[str, Floats] | None, question: str) -> Floats | None:
    return RULES[way.rule](*moments(scores[question])) if scores else None


def _random(seed: list[int]) -> random.Random:
    return random.Random(str(seed))
