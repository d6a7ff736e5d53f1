"""The bodies of refused requests, for the schema: DRF's own shapes."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers


class ProblemSerializer(serializers.Serializer):
    detail = serializers.CharField(help_text="What happened, and what to do instead.")


CONFLICT = OpenApiResponse(ProblemSerializer, "Not as things stand now.")
CHANGED = OpenApiResponse(ProblemSerializer, "What If-Match names has changed meanwhile: `detail` says how.")
UNNAMED = OpenApiResponse(ProblemSerializer, "If-Match is missing.")
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of what you decided about."
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200], description="For If-Match of what you do with it."
)
