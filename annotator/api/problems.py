"""The bodies of refused requests, for the schema: DRF's own shapes."""

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class ProblemSerializer(serializers.Serializer):
    detail = serializers.CharField(help_text="What happened, and what to do instead.")


CONFLICT = OpenApiResponse(ProblemSerializer, "Not as things stand now.")
