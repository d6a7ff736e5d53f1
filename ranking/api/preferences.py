"""The pairs drawn from judgments."""

from typing import Literal

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import COORDINATORS
from annotator.api.access import ProjectAPIView
from annotator.api.pagination import OldestFirst
from annotator.models import Completion
from ranking.models import Preference


class CompletionSerializer(serializers.ModelSerializer):
    author = serializers.CharField(source="author.name")

    class Meta:
        model = Completion
        fields = ("id", "text", "author")


class PreferenceSerializer(serializers.ModelSerializer):
    source = serializers.SerializerMethodField(
        help_text="`ranking`, or `rewrite` where chosen is the volunteer's own answer in place of rejected."
    )
    prompt = serializers.IntegerField(source="comparison.prompt_id")
    comparison = serializers.IntegerField(source="comparison_id")
    judgment = serializers.IntegerField(source="judgment_id")
    round = serializers.IntegerField(source="comparison.round.number")
    simulated = serializers.BooleanField(
        source="judgment.volunteer.is_simulated", help_text="Whether a simulated volunteer judged."
    )
    strength = serializers.SerializerMethodField(
        help_text="1: better, 2: much better; null where nobody asked, as in a ranking of more than two."
    )
    chosen = CompletionSerializer()
    rejected = CompletionSerializer()

    class Meta:
        model = Preference
        fields = (
            "id", "prompt", "comparison", "judgment", "round", "simulated", "source", "strength", "chosen",
            "rejected", "created_at",
        )  # fmt: skip

    def get_source(self, preference: Preference) -> Literal["ranking", "rewrite"]:
        return "rewrite" if preference.is_of_rewrite else "ranking"

    def get_strength(self, preference: Preference) -> int | None:
        return None if preference.is_of_rewrite else preference.judgment.strength


class PreferencesAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}
    serializer_class = PreferenceSerializer
    pagination_class = OldestFirst

    @extend_schema(
        tags=["Datasets"],
        summary="List preferences",
        description="Every pair of every judgment that counts, oldest first; those of a correction come at "
        "the end, and those of what it corrected are gone. For training take a dataset: it weighs "
        "the votes and never changes.",
        responses=PreferenceSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        preferences = Preference.objects.filter(
            comparison__round__project=self.project, judgment__is_current=True
        )
        return self.answer_page(
            preferences.select_related(
                "comparison__round",
                "judgment__volunteer",
                "judgment__demonstration",
                "chosen__author",
                "rejected__author",
            )
        )
