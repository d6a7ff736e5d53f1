"""API for ranking: claim an assignment, then judge or skip it."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import MEMBERS
from annotator.api.access import ProjectAPIView
from annotator.api.problems import CONFLICT
from annotator.api.prompts import MessageSerializer
from annotator.models import Completion, Project
from ranking.models import Assignment
from ranking.models.masks import shown_text
from ranking.services import claim_next, skip_comparison
from ranking.services.onboarding import check_readiness

TAGS = ["Ranking"]


class BlindCompletionSerializer(serializers.Serializer):
    """A completion without its author."""

    id = serializers.IntegerField()
    text = serializers.SerializerMethodField(
        help_text="In Markdown; names that show who wrote it are hidden."
    )

    def get_text(self, completion: Completion) -> str:
        return shown_text(completion)


class AssignmentSerializer(serializers.ModelSerializer):
    messages = MessageSerializer(many=True, source="comparison.prompt.conversation")
    language = serializers.CharField(source="comparison.prompt.language")
    completions = serializers.SerializerMethodField(help_text="In the order in which to show them.")

    class Meta:
        model = Assignment
        fields = ("id", "key", "held_until", "messages", "language", "completions")
        extra_kwargs = {
            "key": {"help_text": "Send it with the judgment: sent twice, it counts once."},
            "held_until": {"help_text": "From then on it may go to someone else, and a judgment is late."},
        }

    @extend_schema_field(BlindCompletionSerializer(many=True))
    def get_completions(self, assignment: Assignment) -> Any:
        return BlindCompletionSerializer(assignment.shown, many=True).data


class NextAssignmentAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Take the next assignment",
        description="The comparison you hold already, or a new one. It is yours until `held_until`. "
        "Completions are shuffled and without authors. Refused (403) while you have something to read, to "
        "agree to or to practise first; the reason has its URL.",
        request=None,
        responses={200: AssignmentSerializer, 204: OpenApiResponse(description="Nothing is left for you.")},
    )
    def post(self, request: Request, slug: str) -> Response:
        check_readiness(membership=self.membership)
        assignment = claim_next(project=self.project, volunteer=request.user)
        if assignment is None:
            return Response(status=204)
        return Response(AssignmentSerializer(assignment).data)


class SkipAPIView(ProjectAPIView):
    roles = {"POST": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Skip a comparison",
        description="Gives the assignment back and does not offer the comparison to you again. Sending it "
        "again has no further effect.",
        request=None,
        responses={204: OpenApiResponse(description="Skipped."), 409: CONFLICT},
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        assignment = get_object_or_404(assignments_of(self.project), pk=pk)
        skip_comparison(assignment=assignment, volunteer=request.user)
        return Response(status=204)


def assignments_of(project: Project) -> QuerySet[Assignment]:
    return Assignment.objects.filter(round__project=project)
