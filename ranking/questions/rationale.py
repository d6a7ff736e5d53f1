"""Question: why, in the volunteer's own words."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from annotator.text.storable import UNSTORABLE
from ranking.errors import InvalidJudgmentError

from .base import Asked, Part, Question, QuestionForm, Sent

LONGEST = 5000


class Rationale(Question):
    name = "rationale"

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        return {
            "rationale": forms.CharField(required=False, max_length=LONGEST, label=gettext_lazy("Reason"))
        }

    def part(self, form: QuestionForm) -> Part:
        return {
            "template": "ranking/questions/_rationale.html",
            "text": form["rationale"].value() or "",
            "longest": LONGEST,
        }

    def check(self, value: Any, asked: Asked, sent: Sent) -> str:
        text = str(value)
        if len(text) > LONGEST:
            raise InvalidJudgmentError(_("The reason is longer than %d characters.") % LONGEST)
        if UNSTORABLE.search(text):
            raise InvalidJudgmentError(_("The reason holds characters that cannot be stored."))
        return text.strip()

    def request_field(self) -> serializers.Field:
        return serializers.CharField(default="", allow_blank=True, max_length=LONGEST)
