"""Judging by a program, and correcting what was judged."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import MEMBERS
from annotator.api.access import ProjectAPIView
from annotator.api.pagination import NewestFirst
from annotator.api.problems import CONFLICT
from annotator.models.criteria import CRITERION_LENGTH
from ranking.models import Flag, Judgment
from ranking.services import correct_judgment, submit_judgment
from ranking.services.answers import RATIONALE_LIMIT
from ranking.services.rewrites import REWRITE_LIMIT

from .assignments import TAGS, assignments_of


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


class RewriteSerializer(serializers.Serializer):
    original = serializers.IntegerField(source="original_id", help_text="The completion that it mends.")
    text = serializers.CharField(source="completion.text", max_length=REWRITE_LIMIT, help_text="In Markdown.")


class AnswerSerializer(serializers.Serializer):
    """What is said about a comparison; `said` is what the services take."""

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
    rewrite = RewriteSerializer(
        default=None,
        allow_null=True,
        help_text="A better answer of your own, where the project's `offers_rewrites` says so: stored as a "
        "demonstration that is preferred to its original. One that changes nothing is none.",
    )

    def validate_ranks(self, ranks: list[dict[str, int]]) -> list[dict[str, int]]:
        if len({each["completion_id"] for each in ranks}) < len(ranks):
            raise serializers.ValidationError(_("A completion is ranked twice."))
        return ranks

    def validate_ratings(self, ratings: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({(each["completion_id"], each["criterion"]) for each in ratings}) < len(ratings):
            raise serializers.ValidationError(_("A completion is rated twice by one criterion."))
        return ratings

    def said(self) -> dict[str, Any]:
        answer = dict(self.validated_data)
        if rewrite := answer["rewrite"]:
            answer["rewrite"] = {"original": rewrite["original_id"], "text": rewrite["completion"]["text"]}
        flags: dict[int, set[str]] = {}
        for flag in answer.pop("flags"):
            flags.setdefault(flag["completion_id"], set()).add(flag["kind"])
        ratings: dict[int, dict[str, int]] = {}
        for rating in answer.pop("ratings"):
            ratings.setdefault(rating["completion_id"], {})[rating["criterion"]] = rating["score"]
        ranks = {each["completion_id"]: each["rank"] for each in answer.pop("ranks")}
        return {**answer, "ranks": ranks, "flags": flags, "ratings": ratings}


class JudgmentRequestSerializer(AnswerSerializer):
    key = serializers.UUIDField(help_text="The assignment's key.")
    seconds = serializers.FloatField(
        required=False, min_value=0, help_text="Time taken; measured from taking the assignment if left out."
    )


class CorrectionRequestSerializer(AnswerSerializer):
    key = serializers.UUIDField(
        help_text="A random UUID of your own making, another for each correction: sent twice, it counts once."
    )


class JudgmentSerializer(serializers.ModelSerializer):
    ranks = RankSerializer(many=True)
    flags = FlagSerializer(many=True)
    ratings = RatingSerializer(many=True)
    rewrite = RewriteSerializer(source="demonstration", allow_null=True)
    preferences = serializers.SerializerMethodField(help_text="How many pairs are drawn from it.")

    class Meta:
        model = Judgment
        fields = (
            "id", "verdict", "reason", "ranks", "strength", "flags", "ratings", "rationale", "rewrite",
            "seconds", "preferences", "late", "corrects", "created_at",
        )  # fmt: skip
        extra_kwargs = {"corrects": {"help_text": "The judgment whose place it took, if any."}}

    def get_preferences(self, judgment: Judgment) -> int:
        return len(judgment.preferences())


class JudgmentAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Judge a comparison",
        description="Sent again with the same key and content, it answers the stored judgment, so a request "
        "whose answer was lost can simply be repeated. After `held_until` it is still taken, marked `late`, "
        "also when the assignment went to someone else meanwhile. The same key with another content, a "
        "comparison that you skipped or have judged, and a closed round are refused (409).",
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
        judgment = submit_judgment(assignment=assignment, volunteer=request.user, **body.said())
        return Response(JudgmentSerializer(judgment).data, status=201)


class LastFirst(NewestFirst):
    page_size = 20


class JudgmentsAPIView(ProjectAPIView):
    roles = {"GET": MEMBERS}
    serializer_class = JudgmentSerializer
    pagination_class = LastFirst

    @extend_schema(
        tags=TAGS,
        summary="List your judgments",
        description="Your own in the open round, the last one first: what can be corrected.",
        responses=JudgmentSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        own = Judgment.objects.of_project(self.project).correctable_by(request.user)
        return self.answer_page(
            own.select_related("demonstration__completion").prefetch_related("ranks", "flags", "ratings")
        )


class CorrectionAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Correct a judgment",
        description="Puts another answer in the place of one of your judgments while its round is open and "
        "answers the new judgment, which counts from then on; the old one is kept and does not. The same "
        "answer again changes nothing. Refused (409): a closed round, a judgment that was corrected since, "
        "the same key with another content.",
        request=CorrectionRequestSerializer,
        responses={201: JudgmentSerializer, 409: CONFLICT},
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        own = Judgment.objects.filter(comparison__round__project=self.project, volunteer=request.user)
        judgment = get_object_or_404(own, pk=pk)
        body = CorrectionRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        revision = correct_judgment(judgment=judgment, volunteer=request.user, **body.said())
        return Response(JudgmentSerializer(revision).data, status=201)
