"""API for submitting and correcting judgments."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import MEMBERS
from annotator.api.access import ProjectAPIView
from annotator.api.pagination import NewestFirst
from annotator.api.problems import CONFLICT
from ranking.models import Judgment
from ranking.questions import QUESTIONS, with_answers
from ranking.services import correct_judgment, submit_judgment

from .assignments import TAGS, assignments_of


class AnswerSerializer(serializers.Serializer):
    """The answer to a comparison; `sent` is the form that the services take."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {question.name: question.request_field() for question in QUESTIONS}

    def sent(self) -> dict[str, Any]:
        data = dict(self.validated_data)
        return data | {question.name: question.from_request(data[question.name]) for question in QUESTIONS}


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
    preferences = serializers.SerializerMethodField(help_text="How many pairs are drawn from it.")

    class Meta:
        model = Judgment
        fields = ("id", "seconds", "preferences", "late", "corrects", "created_at")
        extra_kwargs = {"corrects": {"help_text": "The judgment whose place it took, if any."}}

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {question.name: question.response_field() for question in QUESTIONS}

    def get_preferences(self, judgment: Judgment) -> int:
        return len(judgment.preferences())


class JudgmentAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Judge a comparison",
        description="Sent again with the same key and content, it returns the stored judgment, so you can "
        "repeat a request whose response was lost. After `held_until` it is still stored, marked `late`, "
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
        judgment = submit_judgment(assignment=assignment, volunteer=request.user, **body.sent())
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
        own = Judgment.objects.correctable_by(request.user, self.project)
        return self.answer_page(with_answers(own))


class CorrectionAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Correct a judgment",
        description="Replaces one of your judgments while its round is open, and returns the new one, which "
        "counts from then on; the old one is kept but does not count. The same content again changes "
        "nothing. Refused (409): a closed round, a judgment that was corrected since, the same key with "
        "another content.",
        request=CorrectionRequestSerializer,
        responses={201: JudgmentSerializer, 409: CONFLICT},
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        own = (
            Judgment.objects.asked()
            .of_volunteers()
            .filter(comparison__round__project=self.project, volunteer=request.user)
        )
        judgment = get_object_or_404(own, pk=pk)
        body = CorrectionRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        revision = correct_judgment(judgment=judgment, volunteer=request.user, **body.sent())
        return Response(JudgmentSerializer(revision).data, status=201)
