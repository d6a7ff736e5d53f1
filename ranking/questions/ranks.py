"""Question: which answer is better; ranks for three or more, a choice between two."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from annotator.limits import MOST_ANSWERS
from ranking.errors import InvalidJudgmentError
from ranking.models import Judgment, RankedCompletion
from ranking.statistics.pairs import dense_ranks

from .base import Answer, AnswersQuestion, Asked, Part, QuestionForm, Sent, number_field
from .verdict import CANNOT_RANK, RANKED, is_ranked

# The choices between two answers, and the ranks of A and B that each gives.
PREFERRED = {
    "a": (gettext_lazy("A is better"), (1, 2)),
    "equal": (gettext_lazy("About equal"), (1, 1)),
    "b": (gettext_lazy("B is better"), (2, 1)),
}


class RankSerializer(serializers.Serializer):
    completion = serializers.IntegerField(source="completion_id")
    rank = serializers.IntegerField(
        min_value=1, max_value=MOST_ANSWERS, help_text="1 is best; equal ranks are ties."
    )


class Ranks(AnswersQuestion):
    """(completion, dense rank), sorted; empty where they are not ranked."""

    name = "ranks"
    default: Any = {}
    prefetch = ("ranks",)

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        if asked.is_pair:
            choices = [(value, words) for value, (words, _ranks) in PREFERRED.items()]
            return {"preferred": forms.ChoiceField(choices=choices, required=False)}
        ranks = [(place, place) for place, _completion in asked.places]
        return {f"rank_{place}": number_field(ranks) for place, _completion in asked.places}

    def clean(self, form: QuestionForm) -> None:
        if form.cleaned_data.get("preferred") == "" and is_ranked(form):
            form.add_error("preferred", _("Choose which answer is better, or that they are about equal."))

    def entered(self, form: QuestionForm) -> dict[int, int]:
        if not is_ranked(form):
            return {}
        if form.asked.is_pair:
            _words, ranks = PREFERRED[form.cleaned_data["preferred"]]
            return dict(zip(form.asked.order, ranks, strict=True))
        return {
            completion: rank
            for place, completion in form.asked.places
            if (rank := form.cleaned_data[f"rank_{place}"]) is not None
        }

    def initial(self, answer: Answer, asked: Asked) -> dict[str, Any]:
        rank_of = dict(answer["ranks"])
        if not asked.is_pair:
            return {f"rank_{asked.place_of[completion]}": rank for completion, rank in rank_of.items()}
        given = tuple(rank_of[completion] for completion in asked.order if completion in rank_of)
        matches = (value for value, (_words, ranks) in PREFERRED.items() if ranks == given)
        return {"preferred": next(matches, "")}

    def part(self, form: QuestionForm) -> Part | None:
        if not form.asked.is_pair:
            return None
        return {"template": "ranking/questions/_preferred.html", "field": form["preferred"]}

    def part_of_answer(self, form: QuestionForm, place: int) -> Part | None:
        if form.asked.is_pair:
            return None
        return {"template": "ranking/questions/_rank.html", "rank": str(form[f"rank_{place}"].value() or "")}

    def check(self, value: Mapping[int, int], asked: Asked, sent: Sent) -> list[tuple[int, int]]:
        if sent["verdict"] == CANNOT_RANK and value:
            raise InvalidJudgmentError(_("What cannot be ranked has no ranks."))
        if sent["verdict"] != RANKED and not value:
            return []
        if missing := len(asked.completions - set(value)):
            raise InvalidJudgmentError(_("Give every answer a rank; still without one: %d.") % missing)
        if set(value) != asked.completions:
            raise InvalidJudgmentError(
                _("A rank was given to an answer that is not part of this comparison.")
            )
        for rank in value.values():
            if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= len(value):
                raise InvalidJudgmentError(
                    _("Ranks are whole numbers from 1 to %(last)d.") % {"last": len(value)}
                )
        return sorted(dense_ranks(value).items())

    def store(self, judgment: Judgment, value: list[tuple[int, int]]) -> None:
        RankedCompletion.objects.bulk_create(
            RankedCompletion(judgment=judgment, completion_id=completion, rank=rank)
            for completion, rank in value
        )

    def read(self, judgment: Judgment) -> list[tuple[int, int]]:
        return sorted((one.completion_id, one.rank) for one in judgment.ranks.all())

    def request_field(self) -> serializers.Field:
        return RankSerializer(
            many=True,
            default=list,
            max_length=MOST_ANSWERS,
            help_text="Every completion once; none where they cannot be ranked.",
        )

    def from_request(self, value: list[dict[str, int]]) -> dict[int, int]:
        ranks = {each["completion_id"]: each["rank"] for each in value}
        if len(ranks) < len(value):
            raise InvalidJudgmentError(_("A completion is ranked twice."))
        return ranks

    def response_field(self) -> serializers.Field:
        return RankSerializer(many=True)

    def export_of_answer(self, value: list[tuple[int, int]], completion: int) -> dict[str, Any]:
        return {"rank": dict(value).get(completion)}
