"""API for lineage: from a judgment to datasets and versions, from a version to judgments."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import COORDINATORS, MEMBERS
from annotator.api.access import ProjectAPIView
from annotator.api.pagination import NewestFirst, OldestFirst
from annotator.models import Split
from ranking.models import Judgment
from training.models import BlindTest, ModelVersion
from training.services.lineage.backward import trace
from training.services.lineage.forward import datasets_with, follow, readable_judgments, step_of, tells_pairs
from training.services.lineage.learned import learned_of

TAGS = ["Lineage"]


class ReleasedVersionSerializer(serializers.ModelSerializer):
    released = serializers.SerializerMethodField(help_text="When it was made live, the newest first.")

    class Meta:
        model = ModelVersion
        fields = ("number", "state", "released")

    @extend_schema_field(serializers.ListField(child=serializers.DateTimeField()))
    def get_released(self, version: ModelVersion) -> list[Any]:
        return [release.created_at for release in version.releases.all()]


class JudgmentLineageSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="judgment.pk")
    round = serializers.IntegerField(source="judgment.comparison.round.number")
    verdict = serializers.ChoiceField(Judgment.Verdict.choices, source="judgment.verdict")
    late = serializers.BooleanField(source="judgment.late")
    by_reviewer = serializers.BooleanField(
        source="judgment.by_reviewer", help_text="Whether it decides about a contested comparison."
    )
    is_current = serializers.BooleanField(
        source="judgment.is_current", help_text="False where it was corrected or taken back since."
    )
    corrects = serializers.IntegerField(source="judgment.corrects_id", allow_null=True)
    split = serializers.ChoiceField(
        Split.choices,
        source="judgment.comparison.prompt.split",
        help_text="Of its prompt: what is held out measures reward models and trains none.",
    )
    versions = ReleasedVersionSerializer(
        many=True,
        source="own",
        help_text="Made with a reward model that its pairs trained or, held out, measured; newest first.",
    )
    later_versions = ReleasedVersionSerializer(
        many=True, source="later", help_text="Trained from one of these, so that they began with it."
    )
    blind_test = serializers.IntegerField(
        source="test.candidate.number",
        default=None,
        allow_null=True,
        help_text="Of which version's blind test it was a vote; null while the test goes on.",
    )


class JudgmentDatasetSerializer(serializers.Serializer):
    number = serializers.IntegerField(source="dataset.number")
    sha256 = serializers.CharField(source="dataset.sha256", help_text="Of its manifest.")
    created_at = serializers.DateTimeField(source="dataset.created_at")
    pairs = serializers.IntegerField(
        allow_null=True,
        help_text="Pairs of the judgment's comparison in the dataset's file, 0 where the judgment votes on "
        "none; null when the file is gone, and for volunteers while the round is open.",
    )
    withdrawn_judgments = serializers.IntegerField(source="dataset.withdrawn_judgments")
    versions = serializers.SerializerMethodField(
        help_text="Numbers of the versions made with a reward model that learned from it or was measured "
        "with it, as the judgment is for training or held out."
    )

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_versions(self, step: Any) -> list[int]:
        return [learned.version.number for learned in step.learned if learned.version]


class JudgmentCountsSerializer(serializers.Serializer):
    judgments = serializers.IntegerField()
    people = serializers.IntegerField(help_text="Volunteers that are people.")
    simulated = serializers.IntegerField(help_text="Simulated volunteers.")
    ranked = serializers.IntegerField()
    all_bad = serializers.IntegerField()
    cannot_rank = serializers.IntegerField()
    held_out = serializers.IntegerField()
    late = serializers.IntegerField()
    chat = serializers.IntegerField()


class RoundCountsSerializer(JudgmentCountsSerializer):
    round = serializers.IntegerField()


class WithdrawnSerializer(serializers.Serializer):
    judgments = serializers.IntegerField()
    thumbs = serializers.IntegerField()
    people = serializers.IntegerField()


class LeftOutSerializer(serializers.Serializer):
    corrected = serializers.IntegerField()
    out = serializers.IntegerField(help_text="On prompts that were taken out.")
    excluded = serializers.IntegerField(help_text="Of people whom a reviewer had left out.")
    moment = serializers.IntegerField(help_text="Came in while the dataset was being written.")
    later = serializers.IntegerField(help_text="Came later: for the next dataset.")


class UndecidedSerializer(serializers.Serializer):
    unranked = serializers.IntegerField(help_text="Comparisons that nobody could rank.")
    tied = serializers.IntegerField(help_text="Comparisons where no answer had more votes than another.")


class PairsSerializer(serializers.Serializer):
    source = serializers.CharField()
    train = serializers.IntegerField()
    held_out = serializers.IntegerField()


class VotesSerializer(serializers.Serializer):
    dataset = serializers.IntegerField(source="dataset.number")
    sha256 = serializers.CharField(source="dataset.sha256", help_text="Of its manifest.")
    judgments = serializers.IntegerField(source="dataset.judgments", help_text="As the manifest has it.")
    here = JudgmentCountsSerializer(source="total", help_text="Counted from the rows that are there.")
    withdrawn = WithdrawnSerializer(help_text="Taken back since it was taken.")
    adds_up = serializers.BooleanField(help_text="Whether `here` and `withdrawn` are what the manifest has.")
    rounds = RoundCountsSerializer(many=True)
    pairs = serializers.SerializerMethodField(help_text="Read from the files; empty when they are gone.")
    left_out = LeftOutSerializer()
    undecided = UndecidedSerializer(allow_null=True, help_text="Null when the files are gone.")

    @extend_schema_field(PairsSerializer(many=True))
    def get_pairs(self, votes: Any) -> list[dict[str, Any]]:
        return [{"source": name, "train": train, "held_out": out} for name, train, out in votes.sources]


class LinksSerializer(serializers.Serializer):
    dataset_to_reward = serializers.BooleanField(allow_null=True)
    reward_to_policy = serializers.BooleanField(allow_null=True)
    policy_to_version = serializers.BooleanField(allow_null=True)


class TestVotesSerializer(serializers.Serializer):
    baseline = serializers.IntegerField(source="test.baseline.number")
    verdict = serializers.ChoiceField(BlindTest.Verdict.choices, source="test.verdict")
    comparisons = serializers.IntegerField()
    votes = serializers.IntegerField(help_text="Counted from the judgments that are there.")
    people = serializers.IntegerField()
    simulated = serializers.IntegerField(help_text="Votes of simulated volunteers.")
    votes_at_last_look = serializers.IntegerField(source="test.votes")


class AncestorSerializer(serializers.Serializer):
    version = serializers.IntegerField(source="version.number")
    dataset = serializers.IntegerField(source="version.dataset.number", default=None, allow_null=True)
    withdrawn = WithdrawnSerializer()


class VersionLineageSerializer(serializers.Serializer):
    version = serializers.IntegerField(source="version.number")
    base_model = serializers.CharField(source="version.base_model")
    adapter_sha256 = serializers.CharField(source="version.adapter_sha256")
    update = serializers.IntegerField(source="update.number", default=None, allow_null=True)
    links = LinksSerializer(
        allow_null=True,
        help_text="Whether each step had, byte for byte, what the one before left; null where not known.",
    )
    votes = VotesSerializer(allow_null=True, help_text="What it learned from itself.")
    blind_test = TestVotesSerializer(source="test", allow_null=True)
    ancestors = AncestorSerializer(many=True, help_text="Its parents up to the base, the nearest first.")


class DatasetJudgmentSerializer(serializers.ModelSerializer):
    round = serializers.IntegerField(source="comparison.round.number")
    comparison = serializers.IntegerField(source="comparison_id")
    prompt = serializers.IntegerField(source="comparison.prompt_id")
    split = serializers.CharField(source="comparison.prompt.split")

    class Meta:
        model = Judgment
        fields = ("id", "round", "comparison", "prompt", "split", "verdict", "late")


class JudgmentAPIView(ProjectAPIView):
    roles = {"GET": MEMBERS}

    @extend_schema(
        tags=TAGS,
        summary="Follow a judgment to the versions that it shaped",
        description="One of your own, or for coordinators any. It never says who gave it.",
        responses=JudgmentLineageSerializer,
    )
    def get(self, request: Request, slug: str, pk: int) -> Response:
        readable = readable_judgments(self.project, request.user, self.role)
        judgment = get_object_or_404(readable, pk=pk)
        forward = follow(judgment, self.project, with_pairs=tells_pairs(judgment, self.role))
        return Response(JudgmentLineageSerializer(forward).data)


class DatasetsAPIView(ProjectAPIView):
    roles = {"GET": MEMBERS}
    serializer_class = JudgmentDatasetSerializer
    pagination_class = NewestFirst

    @extend_schema(
        tags=TAGS,
        summary="List the datasets that hold a judgment",
        description="Of one of your own, or for coordinators of any; the newest first.",
        responses=JudgmentDatasetSerializer(many=True),
    )
    def get(self, request: Request, slug: str, pk: int) -> Response:
        readable = readable_judgments(self.project, request.user, self.role)
        judgment = get_object_or_404(readable, pk=pk)
        page = self.paginate_queryset(datasets_with(judgment, self.project))
        learned = learned_of(self.project)
        told = tells_pairs(judgment, self.role)
        steps = [step_of(judgment, dataset, learned, with_pairs=told) for dataset in page]
        return self.get_paginated_response(self.get_serializer(steps, many=True).data)


class VersionAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}

    @extend_schema(
        tags=TAGS,
        summary="Trace a version back to the judgments",
        description="Its update, dataset, rounds, judgments and people in numbers, pairs, what makes none, "
        "votes of its blind test, and its parents.",
        responses=VersionLineageSerializer,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        version = get_object_or_404(self.project.versions.select_related("dataset__project"), number=number)
        return Response(VersionLineageSerializer(trace(version)).data)


class HeldAPIView(ProjectAPIView):
    roles = {"GET": COORDINATORS}
    serializer_class = DatasetJudgmentSerializer
    pagination_class = OldestFirst

    @extend_schema(
        tags=TAGS,
        summary="List the judgments in a version's dataset",
        description="Those that are there, the oldest first; withdrawn ones are gone. Empty for a version "
        "without a dataset.",
        responses=DatasetJudgmentSerializer(many=True),
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        version = get_object_or_404(self.project.versions.select_related("dataset"), number=number)
        held: QuerySet[Judgment] = Judgment.objects.none()
        if version.dataset:
            held = Judgment.objects.counted_in(version.dataset)
        return self.answer_page(held.select_related("comparison__round", "comparison__prompt"))
