"""The projects of the person who asks."""

from django.db.models import F, OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import MEMBERS
from annotator.models import GuidelinesVersion, Project, Role, User

from .access import ProjectAPIView
from .pagination import OldestFirst


class ProjectSerializer(serializers.ModelSerializer):
    role = serializers.ChoiceField(Role.choices, help_text="What you are in this project.")
    guidelines = serializers.CharField(allow_null=True, help_text="Markdown, as they are now.")
    flag_kinds = serializers.ListField(
        child=serializers.CharField(), help_text="The flags to show; a factual error is always one."
    )
    criteria = serializers.ListField(
        child=serializers.CharField(), help_text="What each completion may be rated on, 1 to 5."
    )

    class Meta:
        model = Project
        fields = (
            "slug",
            "name",
            "description",
            "guidelines",
            "role",
            "completions_per_comparison",
            "judgments_per_comparison",
            "licence",
            "assignment_minutes",
            "flag_kinds",
            "criteria",
            "offers_rewrites",
        )


def projects_of(user: User) -> QuerySet[Project]:
    versions = GuidelinesVersion.objects.filter(project=OuterRef("pk"))
    return Project.objects.visible_to(user).annotate(
        role=F("memberships__role"), guidelines=Subquery(versions.values("text")[:1])
    )


class ProjectsAPIView(GenericAPIView):
    permission_classes = (IsAuthenticated,)
    serializer_class = ProjectSerializer
    pagination_class = OldestFirst

    @extend_schema(tags=["Projects"], summary="List your projects", responses=ProjectSerializer(many=True))
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(projects_of(request.user))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ProjectDetailAPIView(ProjectAPIView):
    roles = {"GET": MEMBERS}

    @extend_schema(tags=["Projects"], summary="Show a project", responses=ProjectSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = projects_of(request.user).get(pk=self.project.pk)
        return Response(ProjectSerializer(project).data)
