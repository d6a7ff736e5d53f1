"""Of two answers, how much better the one is."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from rest_framework import serializers

from ranking.errors import InvalidJudgmentError
from ranking.models import Judgment

from .base import Asked, Question, QuestionForm, Sent
from .ranks import PREFERRED
from .verdict import RANKED, is_ranked


class Strength(Question):
    """1 (better) or 2 (much better), None where they tie or nobody asked; the ranks' field has it."""

    name = "strength"
    default = None

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        return {}

    def entered(self, form: QuestionForm) -> int | None:
        is_asked = form.asked.is_pair and is_ranked(form)
        return PREFERRED[form.cleaned_data["preferred"]][2] if is_asked else None

    def initial(self, answer: dict[str, Any], asked: Asked) -> dict[str, Any]:
        return {}

    def part(self, form: QuestionForm) -> None:
        return None

    def check(self, value: Any, asked: Asked, sent: Sent) -> int | None:
        if value is None:
            return None
        if value not in Judgment.Strength.values or isinstance(value, bool):
            raise InvalidJudgmentError(_("An answer is better by 1 or much better by 2."))
        if sent["verdict"] != RANKED or not asked.is_pair or len(set(sent["ranks"].values())) < 2:
            raise InvalidJudgmentError(
                _("How much better an answer is can be given only of two answers that do not tie.")
            )
        return int(value)

    def request_field(self) -> serializers.Field:
        return serializers.ChoiceField(
            Judgment.Strength.choices,
            allow_null=True,
            default=None,
            help_text="Of two completions that do not tie: how much better the one is, 1 (better) or 2 (much "
            "better). It becomes the pair's margin.",
        )
