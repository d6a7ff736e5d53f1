"""Question: what is wrong with an answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from rest_framework import serializers

from annotator.limits import MOST_ANSWERS
from annotator.models import FlagKind
from ranking.errors import InvalidJudgmentError
from ranking.models import Flag, Judgment

from .base import Answer, AnswersQuestion, Asked, Part, QuestionForm, Sent


class FlagSerializer(serializers.Serializer):
    completion = serializers.IntegerField(source="completion_id")
    kind = serializers.ChoiceField(
        FlagKind.choices,
        help_text="Show the project's `flag_kinds`; one that it no longer shows is still taken.",
    )


class Flags(AnswersQuestion):
    """(completion, kind), sorted, each once."""

    name = "flags"
    default: Any = {}
    prefetch = ("flags",)

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        return {
            f"flags_{place}": forms.MultipleChoiceField(choices=FlagKind.choices, required=False)
            for place, _completion in asked.places
        }

    def entered(self, form: QuestionForm) -> dict[int, list[str]]:
        return {completion: form.cleaned_data[f"flags_{place}"] for place, completion in form.asked.places}

    def initial(self, answer: Answer, asked: Asked) -> dict[str, Any]:
        kinds: dict[str, list[str]] = {}
        for completion, kind in answer["flags"]:
            kinds.setdefault(f"flags_{asked.place_of[completion]}", []).append(kind)
        return kinds

    def part_of_answer(self, form: QuestionForm, place: int) -> Part:
        """A factual error is beside the rank, the other flags behind a word."""
        kinds = [kind for kind in FlagKind if kind.value in self._shown(form)]
        put = form[f"flags_{place}"].value() or []
        return {
            "template": "ranking/questions/_flags.html",
            "beside": [kind for kind in kinds if kind == FlagKind.FACTUAL_ERROR],
            "behind": [kind for kind in kinds if kind != FlagKind.FACTUAL_ERROR],
            "put": put,
            "is_open": any(kind != FlagKind.FACTUAL_ERROR for kind in put),
        }

    def _shown(self, form: QuestionForm) -> set[str]:
        """The kinds that the project shows, and any that were put on an answer already."""
        shown = set(form.asked.project.flag_kinds)
        return shown.union(*(form[name].value() or [] for name in self.fields(form.asked)))

    def check(self, value: Mapping[int, Iterable[str]], asked: Asked, sent: Sent) -> list[tuple[int, str]]:
        flags = {(completion, kind) for completion, kinds in value.items() for kind in kinds}
        if not {completion for completion, _kind in flags} <= asked.completions:
            raise InvalidJudgmentError(_("A flag was put on an answer that is not part of this comparison."))
        if not {kind for _completion, kind in flags} <= set(FlagKind.values):
            raise InvalidJudgmentError(_("There is no such flag."))
        return sorted(flags)

    def store(self, judgment: Judgment, value: list[tuple[int, str]]) -> None:
        Flag.objects.bulk_create(
            Flag(judgment=judgment, completion_id=completion, kind=kind) for completion, kind in value
        )

    def read(self, judgment: Judgment) -> list[tuple[int, str]]:
        return sorted((flag.completion_id, flag.kind) for flag in judgment.flags.all())

    def request_field(self) -> serializers.Field:
        return FlagSerializer(many=True, default=list, max_length=MOST_ANSWERS * len(FlagKind))

    def from_request(self, value: list[dict[str, Any]]) -> dict[int, list[str]]:
        flags: dict[int, list[str]] = {}
        for flag in value:
            flags.setdefault(flag["completion_id"], []).append(flag["kind"])
        return flags

    def response_field(self) -> serializers.Field:
        return FlagSerializer(many=True)

    def export_of_answer(self, value: list[tuple[int, str]], completion: int) -> dict[str, Any]:
        return {"flags": [kind for pk, kind in value if pk == completion]}
