"""What a question to volunteers is: its fields, check, storage, display, API and export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from django import forms
from rest_framework import serializers

from annotator.limits import MOST_ANSWERS
from annotator.models import Project
from ranking.models import Judgment

LETTERS = ascii_uppercase[:MOST_ANSWERS]
"""By which volunteers know the answers of a comparison, in the order shown."""

Sent = Mapping[str, Any]
"""What came in, by the names of the questions; questions that were not answered have their default."""

Answer = dict[str, Any]
"""What was sent, once it is checked: by the names of the questions, equal where the same was answered."""

Part = dict[str, Any]
"""What a page shows of a question: `template`, and what that template needs."""


@dataclass(frozen=True)
class Asked:
    """The completions in the order shown, and the project that asks."""

    order: Sequence[int]
    project: Project
    earlier: Answer = field(default_factory=dict)
    """What is corrected or was sent before: it may keep what the project no longer asks for."""

    @property
    def completions(self) -> set[int]:
        return set(self.order)

    @property
    def places(self) -> list[tuple[int, int]]:
        """(place, completion), from 1 on: pages and forms name an answer by its place."""
        return list(enumerate(self.order, start=1))

    @property
    def place_of(self) -> dict[int, int]:
        return {completion: place for place, completion in self.places}

    @property
    def is_pair(self) -> bool:
        return len(self.order) == 2


class QuestionForm(forms.Form):
    """A form with the fields of some questions."""

    def __init__(self, *args: Any, asked: Asked, questions: "Sequence[Question]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked, self.questions = asked, questions
        for question in questions:
            self.fields |= question.fields(asked)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        for question in self.questions:
            question.clean(self)
        return data

    def answer(self) -> dict[str, Any]:
        """What was entered, by question; raises InvalidJudgmentError."""
        return {question.name: question.entered(self) for question in self.questions}

    def parts(self) -> list[Part]:
        """Template contexts of the questions asked once, below the answers."""
        return [part for question in self.questions if (part := question.part(self))]

    def parts_of_answer(self, place: int) -> list[Part]:
        """Template contexts of the questions about one answer, shown beside it."""
        return [part for question in self.questions if (part := question.part_of_answer(self, place))]


class Question:
    """One thing that volunteers are asked, kept in the judgment's column of the same name.

    A question with more than one form field and one column overrides the methods concerned.
    """

    name: str
    default: Any = ""
    prefetch: tuple[str, ...] = ()
    """What `read` and the API need beside the judgment's own row."""

    # On the page

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        raise NotImplementedError

    def clean(self, form: QuestionForm) -> None:
        """Add errors that concern more than one field."""

    def entered(self, form: QuestionForm) -> Any:
        """What was entered, as `check` takes it."""
        return form.cleaned_data[self.name]

    def initial(self, answer: Answer, asked: Asked) -> dict[str, Any]:
        """What the fields hold when a judgment is corrected."""
        return {self.name: answer[self.name]}

    def part(self, form: QuestionForm) -> Part | None:
        """Context of the template part shown once, below the answers."""
        return {
            "template": "ranking/questions/_fields.html",
            "fields": [form[name] for name in self.fields(form.asked)],
        }

    def part_of_answer(self, form: QuestionForm, place: int) -> Part | None:
        """Context of the template part shown beside each answer."""
        return None

    # In the database

    def check(self, value: Any, asked: Asked, sent: Sent) -> Any:
        """The value in canonical form; raises InvalidJudgmentError with a message for the sender."""
        raise NotImplementedError

    def columns(self, value: Any) -> dict[str, Any]:
        """Its columns in the judgment's own row."""
        return {self.name: value}

    def store(self, judgment: Judgment, value: Any) -> None:
        """Write its rows in other tables; the judgment is already stored."""

    def read(self, judgment: Judgment) -> Any:
        """The value that was stored, as `check` returned it."""
        return getattr(judgment, self.name)

    # For programs

    def request_field(self) -> serializers.Field:
        """How the API takes it."""
        raise NotImplementedError

    def from_request(self, value: Any) -> Any:
        """What the API took, as `check` takes it; raises InvalidJudgmentError."""
        return value

    def response_field(self) -> serializers.Field:
        """How the API shows it of a stored judgment."""
        return self.request_field()

    def export(self, value: Any) -> dict[str, Any]:
        """Its value in the export of a person's own data."""
        return {self.name: value}

    def export_of_answer(self, value: Any, completion: int) -> dict[str, Any]:
        """The same, for one answer."""
        return {}


class AnswersQuestion(Question):
    """A question about each answer, kept in rows of its own."""

    def part(self, form: QuestionForm) -> Part | None:
        return None

    def columns(self, value: Any) -> dict[str, Any]:
        return {}

    def export(self, value: Any) -> dict[str, Any]:
        return {}


def number_field(choices: Sequence[tuple[int, Any]]) -> forms.TypedChoiceField:
    """A choice of numbers that may be left out."""
    return forms.TypedChoiceField(choices=choices, coerce=int, empty_value=None, required=False)
