"""API for updates: start, watch, cancel, retry."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import COORDINATORS
from annotator.api.access import ProjectAPIView, with_etag
from annotator.api.pagination import NewestFirst
from annotator.api.problems import CHANGED, CONFLICT, ETAG, IF_MATCH
from annotator.errors import RefusedError
from training.facts import update_facts, work_facts
from training.launching.progress import log_tail, read_curve, seconds_left
from training.models import TrainingRun, Update
from training.services.runs.recipes import STAGES, check_settings
from training.services.sampling.control import cancel_sampling, sample_live_version
from training.services.updates.control import request_cancel, retry_update, start_update

TAGS = ["Training"]


class ProgressSerializer(serializers.Serializer):
    """One line of an engine's progress."""

    step = serializers.IntegerField()
    total = serializers.IntegerField()
    time = serializers.FloatField(help_text="Seconds since 1970.")
    metrics = serializers.DictField(child=serializers.FloatField())


class StageSerializer(serializers.ModelSerializer):
    run = serializers.IntegerField(source="pk", allow_null=True)
    state = serializers.SerializerMethodField(help_text="Null until the stage begins.")
    progress = serializers.SerializerMethodField()
    metrics = serializers.SerializerMethodField(help_text="The stage's result, once it succeeded.")

    class Meta:
        model = TrainingRun
        fields = ("stage", "run", "state", "progress", "metrics", "error", "started_at", "finished_at")

    @extend_schema_field(serializers.ChoiceField(TrainingRun.State.choices, allow_null=True))
    def get_state(self, run: TrainingRun) -> Any:
        return run.state if run.pk else None

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, run: TrainingRun) -> Any:
        return run.progress or None

    def get_metrics(self, run: TrainingRun) -> dict[str, Any]:
        return run.result.get("metrics", {})


class UpdateSerializer(serializers.ModelSerializer):
    parent = serializers.IntegerField(
        source="parent.number", help_text="The version that was live when it began."
    )
    dataset = serializers.IntegerField(source="dataset.number", default=None, allow_null=True)
    candidate = serializers.IntegerField(
        source="candidate.number", default=None, allow_null=True, help_text="The version that it made."
    )

    class Meta:
        model = Update
        fields = (
            "id", "number", "state", "parent", "dataset", "candidate", "slot", "settings", "error",
            "created_at", "started_at", "finished_at", "cancel_requested_at",
        )  # fmt: skip


class UpdateDetailSerializer(UpdateSerializer):
    stages = serializers.SerializerMethodField()
    plan = serializers.DictField(
        help_text="What was chosen beside the settings, by what, and what each stage will take: seconds, "
        "bytes, watts. Empty until it is planned."
    )

    class Meta(UpdateSerializer.Meta):
        fields = (*UpdateSerializer.Meta.fields, "plan", "stages")  # type: ignore[assignment]

    @extend_schema_field(StageSerializer(many=True))
    def get_stages(self, update: Update) -> Any:
        newest = {run.stage: run for run in update.runs.all()}
        runs = [newest.get(stage) or TrainingRun(stage=stage) for stage in STAGES]
        return StageSerializer(runs, many=True).data


class RunSerializer(StageSerializer):
    state = serializers.ChoiceField(TrainingRun.State.choices)
    curve = serializers.SerializerMethodField(help_text="Its progress so far, for charts.")
    seconds_left = serializers.SerializerMethodField(help_text="Null while too little is known.")
    log = serializers.SerializerMethodField(help_text="The last lines of the engine's log.")

    class Meta(StageSerializer.Meta):
        fields = (  # type: ignore[assignment]
            "id", "update", "stage", "state", "attempt", "progress", "metrics", "error", "created_at",
            "started_at", "finished_at", "curve", "seconds_left", "log",
        )  # fmt: skip

    @extend_schema_field(ProgressSerializer(many=True))
    def get_curve(self, run: TrainingRun) -> Any:
        return read_curve(run.folder)

    def get_seconds_left(self, run: TrainingRun) -> float | None:
        return seconds_left(read_curve(run.folder)) if run.is_active else None

    def get_log(self, run: TrainingRun) -> str:
        return log_tail(run.folder)


class UpdateRequestSerializer(serializers.Serializer):
    settings = serializers.DictField(
        child=serializers.DictField(),
        required=False,
        help_text="Recipe settings by stage (reward, ppo, generate, evaluate) that differ from the defaults; "
        "without them those of the project.",
    )

    def validate_settings(self, settings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        try:
            check_settings(settings)
        except RefusedError as refused:
            raise serializers.ValidationError(str(refused)) from refused
        return settings


class UpdatesAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS, "POST": COORDINATORS}
    serializer_class = UpdateSerializer
    pagination_class = NewestFirst

    @extend_schema(
        tags=TAGS, summary="List updates", responses=UpdateSerializer(many=True), parameters=[ETAG]
    )
    def get(self, request: Request, slug: str) -> Response:
        facts = work_facts(self.project)
        return self.answer_page(self.project.updates.select_related("parent", "dataset", "candidate"), facts)

    @extend_schema(
        tags=TAGS,
        summary="Start an update",
        description="Takes a dataset, trains a reward model and a policy, samples completions, evaluates, "
        "and makes a candidate version. Refused (409) while another update is running.",
        request=UpdateRequestSerializer,
        parameters=[IF_MATCH],
        responses={201: UpdateDetailSerializer, 409: CONFLICT, 412: CHANGED},
        examples=[
            OpenApiExample("With the project's settings", {}, request_only=True),
            OpenApiExample(
                "With settings", {"settings": {"ppo": {"steps": 120, "kl_coef": 0.04}}}, request_only=True
            ),
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        body = UpdateRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        act = {"project": self.project, "actor": request.user, "shown": self.shown()}
        update = start_update(**act, **body.validated_data)
        return Response(UpdateDetailSerializer(update).data, status=201)


class UpdateAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Watch an update",
        description="Its stages with their states, progress and metrics; ask again every few seconds.",
        responses=UpdateDetailSerializer,
        parameters=[ETAG],
    )
    def get(self, request: Request, slug: str, pk: int) -> Response:
        update = get_object_or_404(self.project.updates, pk=pk)
        return with_etag(Response(UpdateDetailSerializer(update).data), update_facts(update))


class CancelUpdateAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Cancel an update",
        description="It stops after the next checkpoint; one that still waits ends at once.",
        request=None,
        responses={200: UpdateDetailSerializer, 409: CONFLICT},
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        update = get_object_or_404(self.project.updates, pk=pk)
        request_cancel(update=update, actor=request.user)
        return Response(UpdateDetailSerializer(update).data)


class RetryUpdateAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Try an update again",
        description="One that failed or was cancelled resumes where it stopped. Stages that succeeded are "
        "kept; a stage whose settings have changed starts again.",
        request=UpdateRequestSerializer,
        parameters=[IF_MATCH],
        responses={200: UpdateDetailSerializer, 409: CONFLICT, 412: CHANGED},
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        update = get_object_or_404(self.project.updates, pk=pk)
        body = UpdateRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        retry_update(update=update, actor=request.user, shown=self.shown(), **body.validated_data)
        return Response(UpdateDetailSerializer(update).data)


class RunAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}

    @extend_schema(tags=TAGS, summary="Show a run", responses=RunSerializer)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        return Response(RunSerializer(get_object_or_404(self.project.runs, pk=pk)).data)


class SampleAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Sample answers and open a round",
        description="The live version answers every prompt, then a round opens with its answers. Watch the "
        "run. Refused (409) while something else is under way. If-Match takes the ETag of the list of "
        "updates.",
        request=None,
        parameters=[IF_MATCH],
        responses={201: RunSerializer, 409: CONFLICT, 412: CHANGED},
    )
    def post(self, request: Request, slug: str) -> Response:
        run = sample_live_version(project=self.project, actor=request.user, shown=self.shown())
        return Response(RunSerializer(run).data, status=201)


class CancelRunAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Cancel a sampling run",
        description="It stops at its next step; one that still waits ends at once. The run of an update is "
        "cancelled with the update.",
        request=None,
        responses={200: RunSerializer, 409: CONFLICT},
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        run = get_object_or_404(self.project.runs.filter(update=None), pk=pk)
        cancel_sampling(run=run, actor=request.user)
        return Response(RunSerializer(run).data)
