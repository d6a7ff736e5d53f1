"""API for versions: evaluations, release, rejection, roll-back."""

from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import COORDINATORS
from annotator.api.access import ProjectAPIView, with_etag
from annotator.api.pagination import NewestFirst
from annotator.api.problems import CHANGED, CONFLICT, ETAG, IF_MATCH, UNNAMED
from ranking.models import Dataset
from training.facts import live_facts, version_facts
from training.models import Evaluation, ModelVersion, Release
from training.services.versions.releases import reject_version, release_version, roll_back
from training.services.versions.withdrawn_datasets import withdrawn_datasets

TAGS = ["Versions"]


class EvaluationSerializer(serializers.ModelSerializer):
    baseline = serializers.IntegerField(source="baseline.number")

    class Meta:
        model = Evaluation
        fields = ("baseline", "judge", "wins", "ties", "losses", "metrics", "created_at")
        extra_kwargs: ClassVar = {
            "metrics": {
                "help_text": "What the stage evaluate measured. win_rate_ties_half is the win rate on pages, "
                "win_rate_decided leaves ties out."
            }
        }


class DatasetElsewhereSerializer(serializers.Serializer):
    """A dataset of another project, behind a version that started from one of that project's."""

    project = serializers.SlugField()
    number = serializers.IntegerField()


class VersionSerializer(serializers.ModelSerializer):
    parent = serializers.IntegerField(source="parent.number", default=None, allow_null=True)
    dataset = serializers.IntegerField(source="dataset.number", default=None, allow_null=True)
    datasets_taken_back = serializers.SerializerMethodField()
    taken_back_elsewhere = serializers.SerializerMethodField()
    origin = serializers.JSONField(
        source="origin.facts",
        default=None,
        allow_null=True,
        help_text="Where it came from, if another project made it: project, version, checksum, licences.",
    )

    class Meta:
        model = ModelVersion
        fields = (
            "number", "state", "parent", "origin", "dataset", "datasets_taken_back", "taken_back_elsewhere",
            "base_model", "adapter_sha256", "metrics", "created_at",
        )  # fmt: skip
        extra_kwargs: ClassVar = {
            "metrics": {
                "help_text": "win_rate is the share of comparisons that it won against its parent, a tie "
                "counted as half, and win_rate_low to win_rate_high its 95 % interval."
            }
        }

    @extend_schema_field(
        serializers.ListField(
            child=serializers.IntegerField(),
            help_text="Numbers of the datasets that it, or a version that it was trained from, learned from "
            "and of which judgments were withdrawn since.",
        )
    )
    def get_datasets_taken_back(self, version: ModelVersion) -> list[int]:
        behind = self._taken_back(version)
        return [dataset.number for dataset in behind if dataset.project_id == version.project_id]

    @extend_schema_field(DatasetElsewhereSerializer(many=True))
    def get_taken_back_elsewhere(self, version: ModelVersion) -> list[dict[str, Any]]:
        behind = self._taken_back(version)
        others = [dataset for dataset in behind if dataset.project_id != version.project_id]
        return [{"project": dataset.project.slug, "number": dataset.number} for dataset in others]

    def _taken_back(self, version: ModelVersion) -> list[Dataset]:
        # One look for all versions of a list.
        known = self.context.setdefault("taken_back", {})
        if version.project_id not in known:
            known[version.project_id] = withdrawn_datasets(version.project)
        found: list[Dataset] = known[version.project_id].get(version.pk, [])
        return found


class VersionDetailSerializer(VersionSerializer):
    evaluations = EvaluationSerializer(many=True)

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "evaluations")  # type: ignore[assignment]


class ReleaseSerializer(serializers.ModelSerializer):
    version = serializers.IntegerField(source="version.number", help_text="Live from now on.")
    previous = serializers.IntegerField(source="previous.number", default=None, allow_null=True)

    class Meta:
        model = Release
        fields = ("version", "previous", "is_rollback", "created_at")


class RollBackRequestSerializer(serializers.Serializer):
    to = serializers.IntegerField(
        required=False,
        min_value=0,
        help_text="The number of the version to go back to: refused (409) if it is not the one before. With "
        "it, a request that is sent twice goes back once.",
    )


class VersionsAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}
    serializer_class = VersionSerializer
    pagination_class = NewestFirst

    @extend_schema(
        tags=TAGS, summary="List versions", responses=VersionSerializer(many=True), parameters=[ETAG]
    )
    def get(self, request: Request, slug: str) -> Response:
        facts = live_facts(self.project)
        return self.answer_page(self.project.versions.select_related("parent", "dataset", "origin"), facts)


class VersionAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}

    @extend_schema(tags=TAGS, summary="Show a version", responses=VersionDetailSerializer, parameters=[ETAG])
    def get(self, request: Request, slug: str, number: int) -> Response:
        version = get_object_or_404(self.project.versions, number=number)
        return with_etag(Response(VersionDetailSerializer(version).data), version_facts(version))


class ReleaseVersionAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Release a version",
        description="Makes a candidate, or a version that was live before, live and opens the next round "
        "with its completions, all or nothing. It must name the version's ETag, and so the live version "
        "that you compared it with.",
        request=None,
        parameters=[IF_MATCH],
        responses={201: ReleaseSerializer, 409: CONFLICT, 412: CHANGED, 428: UNNAMED},
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        version = get_object_or_404(self.project.versions, number=number)
        shown = self.shown(required=True)
        release = release_version(version=version, actor=request.user, shown=shown)
        return Response(ReleaseSerializer(release).data, status=201)


class RejectVersionAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Reject a candidate",
        description="It cannot be released afterwards; the live version stays.",
        request=None,
        parameters=[IF_MATCH],
        responses={200: VersionDetailSerializer, 409: CONFLICT, 412: CHANGED},
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        version = get_object_or_404(self.project.versions, number=number)
        reject_version(version=version, actor=request.user, shown=self.shown())
        return Response(VersionDetailSerializer(version).data)


class RollBackAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Go back to the version before",
        description="Makes the version that was live before live again and opens a round with its "
        "completions. It must name either `to` or the ETag of the list of versions.",
        request=RollBackRequestSerializer,
        parameters=[IF_MATCH],
        responses={201: ReleaseSerializer, 409: CONFLICT, 412: CHANGED, 428: UNNAMED},
    )
    def post(self, request: Request, slug: str) -> Response:
        body = RollBackRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        shown = self.shown(required="to" not in body.validated_data)
        release = roll_back(project=self.project, actor=request.user, shown=shown, **body.validated_data)
        return Response(ReleaseSerializer(release).data, status=201)
