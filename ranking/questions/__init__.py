"""What volunteers are asked about a comparison: one module a question, and all of them in one list.

Forms, services, the API and exports go through `QUESTIONS`, so that none of them names a question.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from ranking.models import Judgment

from .base import LETTERS, Answer, Asked, Question, QuestionForm
from .flags import Flags
from .ranks import Ranks
from .ratings import Ratings
from .rationale import Rationale
from .rewrite import Rewrite
from .verdict import Reason, Verdict

RANKS = Ranks()

QUESTIONS: tuple[Question, ...] = (
    RANKS,
    Flags(),
    Ratings(),
    Rewrite(),
    Rationale(),
    Verdict(),
    Reason(),
)
"""In the order in which a page shows them."""

__all__ = ["LETTERS", "QUESTIONS", "RANKS", "Answer", "Asked", "Question", "QuestionForm"]


def check_answer(sent: Mapping[str, Any], asked: Asked) -> Answer:
    """The checked answer; raises InvalidJudgmentError with a message for the sender."""
    if unknown := set(sent) - {question.name for question in QUESTIONS}:
        raise TypeError(f"There is no question {', '.join(sorted(unknown))}.")
    whole = {question.name: question.default for question in QUESTIONS} | dict(sent)
    return {question.name: question.check(whole[question.name], asked, whole) for question in QUESTIONS}


def store_answer(judgment: Judgment, answer: Answer) -> None:
    """Save a new judgment with an answer in all its tables."""
    for question in QUESTIONS:
        for column, value in question.columns(answer[question.name]).items():
            setattr(judgment, column, value)
    judgment.save(force_insert=True)
    for question in QUESTIONS:
        question.store(judgment, answer[question.name])


def read_answer(judgment: Judgment) -> Answer:
    """The stored answer, equal to the checked one that it was made of."""
    return {question.name: question.read(judgment) for question in QUESTIONS}


def with_answers(judgments: QuerySet[Judgment]) -> QuerySet[Judgment]:
    """Judgments with all that `read_answer` and the API need, in few queries."""
    return judgments.prefetch_related(*(part for question in QUESTIONS for part in question.prefetch))
