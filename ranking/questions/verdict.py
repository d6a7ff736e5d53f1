"""Question: whether the answers can be ranked, and if not, why."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from rest_framework import serializers

from ranking.errors import InvalidJudgmentError
from ranking.models import Judgment

from .base import Asked, Part, Question, QuestionForm, Sent

RANKED, CANNOT_RANK = Judgment.Verdict.RANKED, Judgment.Verdict.CANNOT_RANK


def is_ranked(form: QuestionForm) -> bool:
    """Whether the form was sent as a ranking, which a form without verdicts always is."""
    return form.cleaned_data.get("verdict", RANKED) == RANKED


class Verdict(Question):
    name = "verdict"
    default = RANKED.value

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        # The button that was pressed; Enter in a field presses none and sends the ranks.
        choices = Judgment.Verdict.choices
        return {"verdict": forms.TypedChoiceField(choices=choices, required=False, empty_value=RANKED.value)}

    def initial(self, answer: dict[str, Any], asked: Asked) -> dict[str, Any]:
        return {}

    def part(self, form: QuestionForm) -> Part:
        return {"template": "ranking/questions/_verdict.html", "reason": form["reason"]}

    def check(self, value: Any, asked: Asked, sent: Sent) -> str:
        if value not in Judgment.Verdict.values:
            raise InvalidJudgmentError(_("There is no such verdict."))
        return str(value)

    def request_field(self) -> serializers.Field:
        return serializers.ChoiceField(
            Judgment.Verdict.choices,
            default=self.default,
            help_text="`all_bad`: none is acceptable, ranks may be left out. `cannot_rank`: give a `reason` "
            "and no ranks. Both are answers that prefer nothing.",
        )


class Reason(Question):
    """Asked within the verdict's part of the page."""

    name = "reason"

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        return {"reason": forms.ChoiceField(choices=Judgment.Reason.choices, required=False)}

    def entered(self, form: QuestionForm) -> str:
        return str(form.cleaned_data["reason"]) if form.cleaned_data["verdict"] == CANNOT_RANK else ""

    def part(self, form: QuestionForm) -> None:
        return None

    def check(self, value: Any, asked: Asked, sent: Sent) -> str:
        if sent["verdict"] != CANNOT_RANK:
            if value:
                raise InvalidJudgmentError(_("A reason belongs to a comparison that cannot be ranked."))
            return ""
        if value not in Judgment.Reason.values:
            raise InvalidJudgmentError(_("Choose a reason why it cannot be ranked."))
        return str(value)

    def request_field(self) -> serializers.Field:
        return serializers.ChoiceField(
            Judgment.Reason.choices,
            default=self.default,
            allow_blank=True,
            help_text="Why it cannot be ranked; the rationale may say more.",
        )
