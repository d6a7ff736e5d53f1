"""Ranking by a program: take a seat, judge or skip."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import MEMBERS
from annotator.api.access import ProjectAPIView
from annotator.api.problems import CONFLICT
from annotator.api.prompts import MessageSerializer
from annotator.models import Completion, Project
from annotator.models.questions import CRITERION_LENGTH
from ranking.models import Assignment, Flag, Judgment
from ranking.services import claim_next, skip_comparison, submit_judgment
from ranking.services.judgments import RATIONALE_LIMIT

TAGS = ["Ranking"]


class BlindCompletionSerializer(serializers.Serializer):
    """A completion without its author."""

    id = serializers.IntegerField()
    text = serializers.CharField()


class AssignmentSerializer(serializers.ModelSerializer):
    messages = MessageSerializer(many=True, source="comparison.prompt.messages")
    language = serializers.CharField(source="comparison.prompt.language")
    completions = serializers.SerializerMethodField(help_text="In the order in which to show them.")

    class Meta:
        model = Assignment
        fields = ("id", "key", "held_until", "messages", "language", "completions")
        extra_kwargs = {
            "key": {"help_text": "Send it with the judgment: sent twice, it counts once."},
            "held_until": {"help_text": "From then on the comparison may go to someone else."},
        }

    @extend_schema_field(BlindCompletionSerializer(many=True))
    def get_completions(self, assignment: Assignment) -> Any:
        completions = Completion.objects.in_bulk(assignment.order)
        shown = [completions[pk] for pk in assignment.order]
        return BlindCompletionSerializer(shown, many=True).data


class RankSerializer(serializers.Serializer):
    completion = serializers.IntegerField(source="completion_id")
    rank = serializers.IntegerField(min_value=1, max_value=8, help_text="1 is best; equal ranks are ties.")


class FlagSerializer(serializers.Serializer):
    completion = serializers.IntegerField(source="completion_id")
    kind = serializers.ChoiceField(
        Flag.Kind.choices,
        help_text="Show the project's `flag_kinds`; one that it no longer shows is still taken.",
    )


class RatingSerializer(serializers.Serializer):
    completion = serializers.IntegerField(source="completion_id")
    criterion = serializers.CharField(
        max_length=CRITERION_LENGTH, help_text="One of the project's `criteria`, by its name."
    )
    score = serializers.IntegerField(min_value=1, max_value=5, help_text="5 is best.")


class JudgmentRequestSerializer(serializers.Serializer):
    key = serializers.UUIDField(help_text="The assignment's key.")
    ranks = RankSerializer(
        many=True, default=list, help_text="Every completion once; none where they cannot be ranked."
    )
    verdict = serializers.ChoiceField(
        Judgment.Verdict.choices,
        default=Judgment.Verdict.RANKED,
        help_text="`all_bad`: none is acceptable, ranks may be left out. `cannot_rank`: give a `reason` and "
        "no ranks. Both are answers that prefer nothing.",
    )
    reason = serializers.ChoiceField(
        Judgment.Reason.choices,
        default="",
        allow_blank=True,
        help_text="Why it cannot be ranked; the rationale may say more.",
    )
    strength = serializers.ChoiceField(
        Judgment.Strength.choices,
        allow_null=True,
        default=None,
        help_text="Of two completions that do not tie: how much better the one is, 1 (better) or 2 (much "
        "better). It becomes the pair's margin.",
    )
    flags = FlagSerializer(many=True, default=list)
    ratings = RatingSerializer(many=True, default=list, help_text="As many or as few as you like, each once.")
    rationale = serializers.CharField(default="", allow_blank=True, max_length=RATIONALE_LIMIT)
    seconds = serializers.FloatField(
        required=False, min_value=0, help_text="Time taken; measured from taking the seat if left out."
    )

    def validate_ranks(self, ranks: list[dict[str, int]]) -> list[dict[str, int]]:
        if len({each["completion_id"] for each in ranks}) < len(ranks):
            raise serializers.ValidationError("A completion is ranked twice.")
        return ranks

    def validate_ratings(self, ratings: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({(each["completion_id"], each["criterion"]) for each in ratings}) < len(ratings):
            raise serializers.ValidationError("A completion is rated twice by one criterion.")
        return ratings


class JudgmentSerializer(serializers.ModelSerializer):
    ranks = RankSerializer(many=True)
    flags = FlagSerializer(many=True)
    ratings = RatingSerializer(many=True)
    preferences = serializers.IntegerField(
        source="preferences.count", help_text="How many pairs were drawn from it."
    )

    class Meta:
        model = Judgment
        fields = (
            "id", "verdict", "reason", "ranks", "strength", "flags", "ratings", "rationale", "seconds",
            "preferences", "created_at",
        )  # fmt: skip


class NextAssignmentAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Take the next seat",
        description="The comparison you hold already, or a new one. It is yours until `held_until`. "
        "Completions come shuffled and without authors.",
        request=None,
        responses={200: AssignmentSerializer, 204: OpenApiResponse(description="Nothing is left for you.")},
    )
    def post(self, request: Request, slug: str) -> Response:
        assignment = claim_next(project=self.project, volunteer=request.user)
        if assignment is None:
            return Response(status=204)
        return Response(AssignmentSerializer(assignment).data)


class JudgmentAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Judge a comparison",
        description="Sent again with the same key and content, it answers the stored judgment, so a request "
        "whose answer was lost can simply be repeated. The same key with another content, a seat that went "
        "to someone else and a closed round are refused (409).",
        request=JudgmentRequestSerializer,
        responses={201: JudgmentSerializer, 409: CONFLICT},
        examples=[
            OpenApiExample(
                "Two answers, the second better",
                {
                    "key": "0b6a7d5e-7f0e-4a53-8f7c-3a2f7e0c9d11",
                    "ranks": [{"completion": 41, "rank": 2}, {"completion": 42, "rank": 1}],
                    "strength": 2,
                    "flags": [{"completion": 41, "kind": "factual_error"}],
                    "rationale": "The first one mixes up weather and climate.",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        assignment = get_object_or_404(assignments_of(self.project), pk=pk)
        body = JudgmentRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        answer = body.validated_data
        flags: dict[int, set[str]] = {}
        for flag in answer.pop("flags"):
            flags.setdefault(flag["completion_id"], set()).add(flag["kind"])
        ratings: dict[int, dict[str, int]] = {}
        for rating in answer.pop("ratings"):
            ratings.setdefault(rating["completion_id"], {})[rating["criterion"]] = rating["score"]
        ranks = {each["completion_id"]: each["rank"] for each in answer.pop("ranks")}
        judgment = submit_judgment(
            assignment=assignment, volunteer=request.user, ranks=ranks, flags=flags, ratings=ratings, **answer
        )
        return Response(JudgmentSerializer(judgment).data, status=201)


class SkipAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Skip a comparison",
        description="Gives the seat back and does not offer the comparison to you again. Sent again, it is "
        "answered alike.",
        request=None,
        responses={204: OpenApiResponse(description="Skipped."), 409: CONFLICT},
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        assignment = get_object_or_404(assignments_of(self.project), pk=pk)
        skip_comparison(assignment=assignment, volunteer=request.user)
        return Response(status=204)


def assignments_of(project: Project) -> QuerySet[Assignment]:
    return Assignment.objects.filter(round__project=project)
