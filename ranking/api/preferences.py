"""The pairs drawn from judgments."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import COORDINATORS
from annotator.api.access import ProjectAPIView
from annotator.api.pagination import OldestFirst
from annotator.models import Completion
from ranking.models import Comparison, Judgment
from ranking.models.judgments import Preference
from ranking.services.dataset_pairs import CHAT_SOURCES


class CompletionSerializer(serializers.ModelSerializer):
    author = serializers.CharField(source="author.name")

    class Meta:
        model = Completion
        fields = ("id", "text", "author")


class PreferenceSerializer(serializers.Serializer):
    prompt = serializers.IntegerField()
    comparison = serializers.IntegerField()
    judgment = serializers.IntegerField()
    round = serializers.IntegerField()
    simulated = serializers.BooleanField(help_text="Whether a simulated volunteer judged.")
    by_reviewer = serializers.BooleanField(
        help_text="Whether a reviewer decided about a comparison that volunteers contest."
    )
    source = serializers.ChoiceField(
        [*CHAT_SOURCES, *CHAT_SOURCES.values()],
        help_text="A rewrite where chosen is the volunteer's own answer in place of rejected; `chat` and "
        "`chat_rewrite` where they said so in the chat.",
    )
    chosen = CompletionSerializer()
    rejected = CompletionSerializer()
    created_at = serializers.DateTimeField()


class OldestJudgmentsFirst(OldestFirst):
    """Judgments, of which each has many pairs."""

    page_size = 20
    max_page_size = 100


class PreferencesAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}
    serializer_class = PreferenceSerializer
    pagination_class = OldestJudgmentsFirst

    @extend_schema(
        tags=["Datasets"],
        summary="List preferences",
        description="Every pair of every judgment that counts, oldest first, but for those of people who are "
        "excluded; those of a correction come at "
        "the end, and those of what it corrected are gone. A page has the pairs of `page_size` judgments, of "
        "which each has up to 29 and some have none. For training take a dataset: it weighs the votes and "
        "never changes.",
        responses=PreferenceSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        counted = Judgment.objects.of_project(self.project).without_excluded()
        judgments = self.paginate_queryset(_with_preferences(counted))
        return self.get_paginated_response(self.get_serializer(_rows(judgments), many=True).data)


def _with_preferences(judgments: QuerySet[Judgment]) -> QuerySet[Judgment]:
    return judgments.select_related("comparison__round", "volunteer", "demonstration").prefetch_related(
        "ranks"
    )


def _rows(judgments: list[Judgment]) -> list[dict[str, Any]]:
    """A row for each pair of the judgments."""
    pairs = [(judgment, pair) for judgment in judgments for pair in judgment.preferences()]
    ids = {pk for _judgment, pair in pairs for pk in (pair.chosen, pair.rejected)}
    completions = Completion.objects.select_related("author").in_bulk(ids)
    return [
        {
            "prompt": judgment.comparison.prompt_id,
            "comparison": judgment.comparison_id,
            "judgment": judgment.pk,
            "round": judgment.comparison.round.number,
            "simulated": judgment.volunteer.is_simulated,
            "by_reviewer": judgment.by_reviewer,
            "source": _source(judgment, pair),
            "chosen": completions[pair.chosen],
            "rejected": completions[pair.rejected],
            "created_at": judgment.created_at,
        }
        for judgment, pair in pairs
    ]


def _source(judgment: Judgment, pair: Preference) -> str:
    """As in datasets."""
    source = "rewrite" if pair.is_rewrite else "ranking"
    return CHAT_SOURCES[source] if judgment.comparison.source == Comparison.Source.CHAT else source
