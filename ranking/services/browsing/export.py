"""Judgments as a CSV file, written while it is sent."""

import csv
import io
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from annotator.limits import MOST_ANSWERS
from annotator.text.csv_cells import plain_cell
from ranking.models.judgments import JudgmentQuerySet

from .reading import JudgmentLine, read_in_chunks

COLUMNS = (
    *("judgment", "given_at", "round", "comparison", "source", "prompt", "language", "tags", "split"),
    *("question", "person", "simulated", "reviewer", "late", "corrects", "verdict", "reason", "seconds"),
    *("order", "rationale", "rewrite_of", "rewrite"),
)
OF_ANSWER = ("answer", "rank", "flags", "ratings")
"""Columns of each answer, numbered in the order in which the volunteer saw them."""


def write_csv(judgments: JudgmentQuerySet, zone: ZoneInfo) -> Iterator[str]:
    """One judgment a line, the newest first, with times of this zone; nobody's name is in it."""
    numbered = [f"{name}_{place}" for place in range(1, MOST_ANSWERS + 1) for name in OF_ANSWER]
    yield _csv([[*COLUMNS, *numbered]])
    for lines in read_in_chunks(judgments):
        yield _csv([_cells(line, zone) for line in lines])


def _cells(line: JudgmentLine, zone: ZoneInfo) -> list[str]:
    judgment = line.judgment
    comparison, prompt = judgment.comparison, judgment.comparison.prompt
    cells = [
        judgment.pk,
        judgment.created_at.astimezone(zone).isoformat(timespec="seconds"),
        comparison.round.number,
        comparison.pk,
        comparison.source,
        prompt.number,
        prompt.language,
        ", ".join(prompt.tags),
        prompt.split,
        prompt.question,
        line.person,
        int(judgment.volunteer.is_simulated),
        int(judgment.by_reviewer),
        int(judgment.late),
        judgment.corrects_id or "",
        judgment.verdict,
        judgment.reason,
        round(judgment.seconds, 1),
        line.order,
        judgment.rationale,
        line.rewrite_of,
        line.rewrite.completion.text if line.rewrite else "",
    ]
    for answer in line.answers:
        ratings = ", ".join(f"{criterion}: {score}" for criterion, score in answer.ratings)
        cells += [answer.text, answer.rank or "", ", ".join(answer.flags), ratings]
    return [plain_cell(str(cell)) for cell in cells]


def _csv(rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()
