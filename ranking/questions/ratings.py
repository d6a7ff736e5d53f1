"""Question: how good an answer is by each criterion of the project, from 1 to 5."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from rest_framework import serializers

from annotator.limits import MOST_ANSWERS
from annotator.models.criteria import CRITERION_LENGTH, MOST_CRITERIA
from annotator.text.storable import storable
from ranking.errors import InvalidJudgmentError
from ranking.models import Judgment, Rating

from .base import Answer, AnswersQuestion, Asked, Part, QuestionForm, Sent, number_field

SCORES = range(1, 6)

Scores = list[tuple[int, str, int]]


class RatingSerializer(serializers.Serializer):
    completion = serializers.IntegerField(source="completion_id")
    criterion = serializers.CharField(
        max_length=CRITERION_LENGTH, help_text="One of the project's `criteria`, by its name."
    )
    score = serializers.IntegerField(min_value=SCORES[0], max_value=SCORES[-1], help_text="5 is best.")


class Ratings(AnswersQuestion):
    """(completion, criterion, score), sorted; as many or as few as people like."""

    name = "ratings"
    default: Any = {}
    prefetch = ("ratings",)

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        return {
            _field(place, criterion): number_field([(score, score) for score in SCORES])
            for place, _completion in asked.places
            for criterion in self._criteria(asked)
        }

    def _criteria(self, asked: Asked) -> list[str]:
        """What the project asks for, and by what was rated before."""
        rated = [criterion for _completion, criterion, _score in asked.earlier.get("ratings", [])]
        return list(dict.fromkeys([*asked.project.criteria, *rated]))

    def clean(self, form: QuestionForm) -> None:
        """A page may still show criteria that the project has removed meanwhile."""
        removed = set()
        for place, _completion in form.asked.places:
            start = _field(place, "")
            removed |= {
                name.removeprefix(start)
                for name in form.data
                if name.startswith(start) and name not in form.fields and form.data[name]
            }
        for criterion in sorted(removed):
            form.add_error(
                None,
                _(
                    "The project no longer asks for a rating by “%s”, so that rating is gone. "
                    "Look over the rest and submit again."
                )
                % criterion[:CRITERION_LENGTH],
            )

    def entered(self, form: QuestionForm) -> dict[int, dict[str, int]]:
        return {
            completion: {
                criterion: score
                for criterion in self._criteria(form.asked)
                if (score := form.cleaned_data[_field(place, criterion)]) is not None
            }
            for place, completion in form.asked.places
        }

    def initial(self, answer: Answer, asked: Asked) -> dict[str, Any]:
        return {_field(asked.place_of[pk], criterion): score for pk, criterion, score in answer["ratings"]}

    def part_of_answer(self, form: QuestionForm, place: int) -> Part | None:
        names = {criterion: _field(place, criterion) for criterion in self._criteria(form.asked)}
        if not names:
            return None
        return {
            "template": "ranking/questions/_ratings.html",
            "scores": [str(score) for score in SCORES],
            "ratings": [
                (criterion, name, str(form[name].value() or "")) for criterion, name in names.items()
            ],
        }

    def check(self, value: Mapping[int, Mapping[str, int]], asked: Asked, sent: Sent) -> Scores:
        given = [(pk, name, score) for pk, scores in value.items() for name, score in scores.items()]
        if not {completion for completion, _name, _score in given} <= asked.completions:
            raise InvalidJudgmentError(
                _("A rating was given to an answer that is not part of this comparison.")
            )
        if unknown := {name for _completion, name, _score in given}.difference(self._criteria(asked)):
            raise InvalidJudgmentError(
                _("The project does not ask, or no longer asks, for a rating by “%s”.")
                % storable(min(unknown))
            )
        for _completion, _name, score in given:
            if not isinstance(score, int) or isinstance(score, bool) or score not in SCORES:
                raise InvalidJudgmentError(_("Ratings are whole numbers from 1 to 5."))
        return sorted(given)

    def store(self, judgment: Judgment, value: Scores) -> None:
        Rating.objects.bulk_create(
            Rating(judgment=judgment, completion_id=completion, criterion=criterion, score=score)
            for completion, criterion, score in value
        )

    def read(self, judgment: Judgment) -> Scores:
        return sorted((one.completion_id, one.criterion, one.score) for one in judgment.ratings.all())

    def request_field(self) -> serializers.Field:
        return RatingSerializer(
            many=True,
            default=list,
            # A correction keeps what was rated by criteria that the project has removed.
            max_length=2 * MOST_ANSWERS * MOST_CRITERIA,
            help_text="As many or as few as you like, each once.",
        )

    def from_request(self, value: list[dict[str, Any]]) -> dict[int, dict[str, int]]:
        ratings: dict[int, dict[str, int]] = {}
        for rating in value:
            scores = ratings.setdefault(rating["completion_id"], {})
            if rating["criterion"] in scores:
                raise InvalidJudgmentError(_("A completion is rated twice by one criterion."))
            scores[rating["criterion"]] = rating["score"]
        return ratings

    def response_field(self) -> serializers.Field:
        return RatingSerializer(many=True)

    def export_of_answer(self, value: Scores, completion: int) -> dict[str, Any]:
        return {"ratings": {criterion: score for pk, criterion, score in value if pk == completion}}


def _field(place: int, criterion: str) -> str:
    return f"rating_{place}_{criterion}"
