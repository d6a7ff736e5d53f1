"""What an evaluation compared: pairs of answers to held-out prompts, as its engine wrote them."""

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.models.prompts import PromptQuerySet
from annotator.text.storable import storable
from training.models import TrainingRun, Update

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """One answer of each version to a prompt, with the reward model's scores.

    `outcome` is 1 where the later version won, 1/2 at a tie, 0 where it lost.
    """

    prompt_id: str
    before: str
    after: str
    score_before: float
    score_after: float
    outcome: float = 0.5

    @property
    def gain(self) -> float:
        return self.score_after - self.score_before


def keys_of(prompts: PromptQuerySet) -> dict[str, int]:
    """The keys of prompts by what an evaluation calls them."""
    return {str(pk): pk for pk in prompts.values_list("pk", flat=True)}


def rows_of(update: Update) -> list[Row]:
    """All that an update's evaluation compared; none if its file is gone, which leaves the figures."""
    run = update.run_of(TrainingRun.Stage.EVALUATE)
    return list(_read(run.folder / "output" / "comparisons.jsonl")) if run else []


def first_of_each_prompt(rows: list[Row]) -> list[Row]:
    """The first pair of answers to each prompt, in the order of the rows."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.prompt_id, row)
    return list(first.values())


def _read(path: Path) -> Iterator[Row]:
    """Ends early where the file is not as the engine writes it."""
    try:
        with open(path, encoding="utf-8") as lines:
            yield from map(_row, map(json.loads, lines))
    except OSError:
        return
    except (ValueError, KeyError, TypeError, RecursionError):
        logger.warning("%s cannot be read", path, exc_info=True)


def _row(line: dict[str, Any]) -> Row:
    before, after, outcome = (float(line[name]) for name in ("baseline_score", "candidate_score", "outcome"))
    if not math.isfinite(after - before) or not 0 <= outcome <= 1:
        raise ValueError("A score or an outcome is no number that the engine writes.")
    texts = storable(line["baseline"]), storable(line["candidate"])
    return Row(str(line["prompt_id"]), *texts, before, after, outcome)
