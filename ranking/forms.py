"""The forms of ranking."""

import uuid
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from annotator.models import Author, Project

from .models import Assignment, Judgment, LapsedAssignment, PracticeAssignment, Round
from .models.masks import shown_text
from .questions import LETTERS, QUESTIONS, RANKS, Asked, QuestionForm, read_answer
from .questions.base import Part

# What is longer than the page shows at once, in characters, a line counting for as many as it has room for.
LONG, LINE = 1200, 40
LONG_ON_A_PHONE = 220
"""Characters in about six lines of a phone."""


@dataclass(frozen=True)
class Card:
    """One answer as the desk shows it, with what is asked about it."""

    form: "ComparisonForm"
    place: int
    letter: str
    text: str

    @property
    def parts(self) -> list[Part]:
        return self.form.parts_of_answer(self.place)

    @property
    def is_long(self) -> bool:
        """Decided on the server, so that nothing moves once scripts have run."""
        return is_long(self.text)


class ComparisonForm(QuestionForm):
    """What is asked about a comparison; its fields count the answers 1 to k in the order shown.

    The page names no completion: places become completions by the order that the assignment has stored.
    """

    def __init__(
        self, *args: Any, assignment: Assignment | LapsedAssignment | PracticeAssignment, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.assignment = assignment

    @cached_property
    def has_long_conversation(self) -> bool:
        return is_long(self._conversation)

    @cached_property
    def is_long_on_a_phone(self) -> bool:
        """Whether the conversation would take so much of a small window that no answer is seen in it."""
        return is_long(self._conversation, LONG_ON_A_PHONE)

    @property
    def _conversation(self) -> str:
        return "\n".join(each["content"] for each in self.assignment.comparison.prompt.conversation)

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has been entered yet."""
        return not self.is_bound and not self.initial

    @property
    def shape(self) -> list[Any]:
        """What the controls of a fresh form depend on, but for language and place: the template caches them.

        All fields of the project are in it, so that no question has to name those that it looks at.
        """
        project = self.asked.project
        fields = [getattr(project, field.attname) for field in project._meta.concrete_fields]
        return [[question.name for question in self.questions], len(self.asked.order), fields]

    @cached_property
    def cards(self) -> list[Card]:
        return [
            Card(
                form=self,
                place=place,
                letter=LETTERS[place - 1],
                text=shown_text(completion),
            )
            for place, completion in enumerate(self.assignment.shown, start=1)
        ]


class JudgmentForm(ComparisonForm):
    """A volunteer's judgment at the desk."""

    key = forms.UUIDField()
    seconds = forms.FloatField(required=False, min_value=0)

    assignment: Assignment | LapsedAssignment

    def __init__(
        self,
        *args: Any,
        assignment: Assignment | LapsedAssignment,
        asked: Asked | None = None,
        **kwargs: Any,
    ) -> None:
        asked = asked or Asked(assignment.order, assignment.round.project)
        super().__init__(*args, assignment=assignment, asked=asked, questions=QUESTIONS, **kwargs)
        self.address = assignment.assignment_id if isinstance(assignment, LapsedAssignment) else assignment.pk

    def seconds_spent(self) -> float | None:
        """Since the page showed it, where its script measured; never more than since it was assigned."""
        seconds: float | None = self.cleaned_data["seconds"]
        if seconds is None or self.assignment.claimed_at is None:
            return None
        return min(seconds, (timezone.now() - self.assignment.claimed_at).total_seconds())


class CorrectionForm(JudgmentForm):
    """A stored judgment to be corrected, under a key of its own."""

    def __init__(self, *args: Any, judgment: Judgment, **kwargs: Any) -> None:
        self.judgment = judgment
        assignment, answer = judgment.shown_assignment, read_answer(judgment)
        asked = Asked(assignment.order, assignment.round.project, earlier=answer)
        initial: dict[str, Any] = {"key": uuid.uuid4()}
        for question in QUESTIONS:
            initial |= question.initial(answer, asked)
        super().__init__(*args, assignment=assignment, asked=asked, initial=initial, **kwargs)

    def sent_key(self) -> str:
        """The idempotency key: the submitted one if it is valid, else a new one."""
        return str(uuid.uuid4() if "key" in self.errors else self["key"].value())


class PracticeForm(ComparisonForm):
    """A practice comparison, which asks for ranks alone."""

    assignment: PracticeAssignment

    def __init__(self, *args: Any, assignment: PracticeAssignment) -> None:
        asked = Asked(assignment.order, assignment.comparison.project)
        super().__init__(*args, assignment=assignment, asked=asked, questions=(RANKS,))


def is_long(text: str, most: int = LONG) -> bool:
    """Whether a text is long enough for the page to fold it."""
    return len(text) + LINE * text.count("\n") > most


class OpenRoundForm(forms.Form):
    author = forms.ModelChoiceField(
        Author.objects.none(), label=_("Answers by"), help_text=_("Whose answers are compared.")
    )
    comparisons_per_prompt = forms.IntegerField(
        label=_("Comparisons for each prompt"), min_value=1, max_value=100, initial=1
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        authors = project.authors.exclude(kind=Author.Kind.PERSON).filter(completions__isnull=False)
        field = self.fields["author"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = authors.distinct().order_by("-pk")
        field.initial = field.queryset.first()


class PauseForm(forms.Form):
    reason = forms.CharField(required=False, max_length=300)


class RoundForm(forms.Form):
    """Selects the round that a page shows; the newest one by default or if there is no such round."""

    round = forms.ModelChoiceField(Round.objects.none(), label=_("Round"), empty_label=None)

    def __init__(self, *args: Any, rounds: QuerySet[Round], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rounds = rounds
        field = self.fields["round"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset, field.to_field_name = rounds, "number"

    @property
    def has_choice(self) -> bool:
        return self.rounds.count() > 1

    def chosen(self) -> Round | None:
        return self.cleaned_data["round"] if self.is_valid() else self.rounds.first()
