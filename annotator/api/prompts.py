"""Prompts: reading them and adding many at once."""

from collections.abc import Callable

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import COORDINATORS, STAFF
from annotator.imports.prompt_files import MAX_CHARACTERS, MAX_LANGUAGE, MAX_MESSAGES, MAX_SOURCE
from annotator.imports.tags import LONGEST_TAG, MOST_TAGS
from annotator.models import Prompt
from annotator.services.prompts.adding import import_records
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts

from .access import ProjectAPIView
from .fields import ShortListField
from .pagination import OldestFirst
from .problems import CONFLICT

MAX_PROMPTS = 1000


class MessageSerializer(serializers.Serializer):
    role = serializers.ChoiceField(["system", "user", "assistant"])
    content = serializers.CharField(max_length=MAX_CHARACTERS)


class PromptSerializer(serializers.ModelSerializer):
    messages = MessageSerializer(
        many=True,
        help_text="The conversation; the last message is the user's. A system message may come first.",
    )

    class Meta:
        model = Prompt
        fields = (
            "id",
            "number",
            "messages",
            "language",
            "source",
            "tags",
            "split",
            "tokens",
            "too_long",
            "withdrawn_at",
            "created_at",
        )


class PromptRecordSerializer(serializers.Serializer):
    """One prompt, written as in a line of an import file: give `prompt` or `messages`."""

    prompt = serializers.CharField(required=False, max_length=MAX_CHARACTERS, help_text="One question.")
    messages = MessageSerializer(
        many=True,
        required=False,
        max_length=MAX_MESSAGES,
        help_text="User and assistant in turns, the user first and last; a system message may come before.",
    )
    language = serializers.CharField(
        required=False, max_length=MAX_LANGUAGE, help_text="A language tag such as `en` or `pt-BR`."
    )
    source = serializers.CharField(required=False, max_length=MAX_SOURCE)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TAG),
        required=False,
        max_length=MOST_TAGS,
        help_text="What it is about; also as one text with commas between.",
    )


@extend_schema_field(PromptRecordSerializer)
class RecordField(serializers.JSONField):
    """Any JSON value: the import's own rules decide what a record must be."""


class PromptsRequestSerializer(serializers.Serializer):
    prompts = ShortListField(child=RecordField(allow_null=True), allow_empty=False, max_length=MAX_PROMPTS)
    skip_bad_rows = serializers.BooleanField(
        default=False, help_text="Leave wrong records out and take the others, instead of none."
    )


class PromptIdsSerializer(serializers.Serializer):
    ids = ShortListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        allow_empty=False,
        max_length=MAX_PROMPTS,
    )


class PromptsChangedSerializer(serializers.Serializer):
    changed = serializers.IntegerField(help_text="How many of them this changed.")


class LineNoteSerializer(serializers.Serializer):
    line = serializers.IntegerField(help_text="The record's place in the list, from 1.")
    reason = serializers.CharField()


class ImportReportSerializer(serializers.Serializer):
    taken = serializers.IntegerField(help_text="How many prompts were stored.")
    held_out = serializers.IntegerField(help_text="How many of these are held out from training.")
    skipped = LineNoteSerializer(many=True, help_text="Records that had nothing new in them.")
    left_out = LineNoteSerializer(many=True, help_text="Wrong records, with `skip_bad_rows`.")
    ids = serializers.PrimaryKeyRelatedField(
        many=True,
        read_only=True,
        source="prompts",
        pk_field=serializers.IntegerField(),
        help_text="Of the stored prompts.",
    )


class PromptsAPIView(ProjectAPIView):
    roles = {"GET": STAFF, "POST": COORDINATORS}
    serializer_class = PromptSerializer
    pagination_class = OldestFirst

    @extend_schema(tags=["Prompts"], summary="List prompts", responses=PromptSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.answer_page(self.project.prompts.all())

    @extend_schema(
        tags=["Prompts"],
        summary="Add prompts",
        description="Up to 1,000 at once, all or none. A prompt that the project has already is skipped. "
        "If any record is wrong, nothing is stored and each wrong one is named, counted from 1; with "
        "`skip_bad_rows` the wrong ones are left out and named, and the others stored.",
        request=PromptsRequestSerializer,
        responses={201: ImportReportSerializer},
        examples=[
            OpenApiExample(
                "A question and a conversation",
                {
                    "prompts": [
                        {"prompt": "Why is the sea rising?", "language": "en", "source": "School visit"},
                        {
                            "messages": [
                                {"role": "user", "content": "What is methane?"},
                                {"role": "assistant", "content": "A gas that traps heat."},
                                {"role": "user", "content": "Where does it come from?"},
                            ]
                        },
                    ]
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        body = PromptsRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        report = import_records(
            project=self.project,
            records=body.validated_data["prompts"],
            actor=request.user,
            skip_bad_rows=body.validated_data["skip_bad_rows"],
        )
        if report.errors:
            return Response({"prompts": LineNoteSerializer(report.errors, many=True).data}, status=400)
        return Response(ImportReportSerializer(report).data, status=201)


class WithdrawPromptsAPIView(ProjectAPIView):
    roles = {"POST": COORDINATORS}
    serializer_class = PromptIdsSerializer

    @extend_schema(
        tags=["Prompts"],
        summary="Withdraw prompts",
        description="No model is asked them any more, and new datasets leave them out. Up to 1,000 at once.",
        request=PromptIdsSerializer,
        responses={200: PromptsChangedSerializer, 409: CONFLICT},
    )
    def post(self, request: Request, slug: str) -> Response:
        return self.change(request, withdraw_prompts)

    def change(self, request: Request, act: Callable[..., int]) -> Response:
        body = PromptIdsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changed = act(project=self.project, prompt_ids=body.validated_data["ids"], actor=request.user)
        return Response({"changed": changed})


class RestorePromptsAPIView(WithdrawPromptsAPIView):
    @extend_schema(
        tags=["Prompts"],
        summary="Use withdrawn prompts again",
        request=PromptIdsSerializer,
        responses={200: PromptsChangedSerializer, 409: CONFLICT},
    )
    def post(self, request: Request, slug: str) -> Response:
        return self.change(request, restore_prompts)
