"""Datasets: taking a snapshot, reading what is in it, downloading its files."""

from typing import Any

from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from annotator.access import COORDINATORS
from annotator.api.access import ProjectAPIView
from annotator.api.pagination import NewestFirst
from annotator.api.problems import CHANGED, CONFLICT, ETAG, IF_MATCH, ProblemSerializer
from ranking.dataset_files import MANIFEST, WITHDRAWALS
from ranking.downloads import answer_file, answer_zip
from ranking.facts import dataset_facts
from ranking.models import Dataset
from ranking.services import snapshot_preferences

TAGS = ["Datasets"]


class DatasetFileSerializer(serializers.Serializer):
    name = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    rows = serializers.IntegerField(required=False, help_text="Pairs in it, for data files.")
    url = serializers.URLField()


class DatasetSerializer(serializers.ModelSerializer):
    sha256 = serializers.CharField(help_text="Of the file manifest.json, which has that of each other file.")
    withdrawn_judgments = serializers.IntegerField(
        help_text="How many of its judgments were withdrawn since: then take a new dataset."
    )

    class Meta:
        model = Dataset
        fields = (
            "number", "created_at", "pairs", "train_pairs", "held_out_pairs", "judgments",
            "simulated_judgments", "withdrawn_judgments", "sha256",
        )  # fmt: skip


class DatasetDetailSerializer(DatasetSerializer):
    files = serializers.SerializerMethodField()
    zip_url = serializers.SerializerMethodField(help_text="All of them, and the manifest, in one folder.")
    manifest_url = serializers.SerializerMethodField()
    withdrawals_url = serializers.SerializerMethodField()

    class Meta(DatasetSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *DatasetSerializer.Meta.fields, "files", "zip_url", "manifest_url", "withdrawals_url",
        )  # fmt: skip

    @extend_schema_field(DatasetFileSerializer(many=True))
    def get_files(self, dataset: Dataset) -> Any:
        return [
            {"name": name, **facts, "url": self.file_url(dataset, name)}
            for name, facts in sorted(dataset.manifest["files"].items())
        ]

    @extend_schema_field(serializers.URLField())
    def get_zip_url(self, dataset: Dataset) -> str:
        address = [dataset.project.slug, dataset.number]
        return reverse("api-dataset-zip", args=address, request=self.context["request"])

    def get_manifest_url(self, dataset: Dataset) -> str:
        return self.file_url(dataset, MANIFEST)

    @extend_schema_field(
        serializers.URLField(allow_null=True, help_text="Null as long as nothing was withdrawn.")
    )
    def get_withdrawals_url(self, dataset: Dataset) -> str | None:
        return self.file_url(dataset, WITHDRAWALS) if dataset.withdrawn_people else None

    def file_url(self, dataset: Dataset, name: str) -> str:
        address = [dataset.project.slug, dataset.number, name]
        return reverse("api-dataset-file", args=address, request=self.context["request"])


class DatasetsAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS, "POST": COORDINATORS}
    serializer_class = DatasetSerializer
    pagination_class = NewestFirst

    @extend_schema(
        tags=TAGS, summary="List datasets", responses=DatasetSerializer(many=True), parameters=[ETAG]
    )
    def get(self, request: Request, slug: str) -> Response:
        facts = dataset_facts(self.project)
        return self.answer_page(self.project.datasets.prefetch_related("withdrawn_parts"), facts)

    @extend_schema(
        tags=TAGS,
        summary="Take a dataset",
        description="Writes all preferences so far as files that never change. Refused (409) while there "
        "are none.",
        request=None,
        parameters=[IF_MATCH],
        responses={
            201: DatasetDetailSerializer,
            409: CONFLICT,
            412: CHANGED,
            503: OpenApiResponse(ProblemSerializer, "The files could not be written."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        dataset = snapshot_preferences(project=self.project, actor=request.user, shown=self.shown())
        detail = DatasetDetailSerializer(dataset, context=self.get_serializer_context())
        return Response(detail.data, status=201)


class DatasetAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}

    @extend_schema(tags=TAGS, summary="Show a dataset", responses=DatasetDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        dataset = get_object_or_404(self.project.datasets, number=number)
        return Response(DatasetDetailSerializer(dataset, context=self.get_serializer_context()).data)


class DatasetFileAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Download a file of a dataset",
        description="Parquet and JSONL in TRL's conversational preference format, the card and the manifest.",
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, slug: str, number: int, name: str) -> FileResponse | HttpResponse:
        dataset = get_object_or_404(self.project.datasets, number=number)
        return answer_file(dataset, name, "application/octet-stream")


class DatasetZipAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Download all files of a dataset",
        description="A zip of one folder that `datasets.load_dataset` reads; `Repr-Digest` has its SHA-256.",
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, slug: str, number: int) -> FileResponse | HttpResponse:
        return answer_zip(get_object_or_404(self.project.datasets, number=number))
