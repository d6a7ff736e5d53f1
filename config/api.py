"""The REST API: its addresses, its schema, and how refused acts are answered."""

from itertools import islice
from typing import Any

from django.urls import include, path, re_path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler, set_rollback

from annotator.errors import NotReadyError, RefusedError
from annotator.shown import ChangedMeanwhileError
from ranking.errors import InvalidJudgmentError, NotYourAssignmentError, SnapshotFailedError

REFUSED_STATUS = 409
STATUS_OF: dict[type[RefusedError], int] = {
    InvalidJudgmentError: 400,
    NotReadyError: 403,
    NotYourAssignmentError: 403,
    SnapshotFailedError: 503,
    ChangedMeanwhileError: 412,
}
"""Refusals that are no conflict with the state of things."""

INVALID = {
    "type": "object",
    "description": "`detail`, or the name of each wrong field with what is wrong with it.",
    "additionalProperties": {},
}


MOST_ERRORS, LONGEST_ERROR = 20, 1000


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an error: services' refusals in the shape of DRF's own."""
    if isinstance(error, RefusedError):
        set_rollback()
        detail = shortened(str(error))
        return Response({"detail": detail}, status=STATUS_OF.get(type(error), REFUSED_STATUS))
    if response := exception_handler(error, context):
        response.data = shortened(response.data)
    return response


def shortened(errors: Any) -> Any:
    """The first of many errors and the beginning of a long one: some repeat what was sent."""
    if isinstance(errors, dict):
        return {str(name)[:100]: shortened(one) for name, one in islice(errors.items(), MOST_ERRORS)}
    if isinstance(errors, list):
        return [shortened(one) for one in errors[:MOST_ERRORS]]
    return errors if len(errors) <= LONGEST_ERROR else f"{errors[:LONGEST_ERROR]}…"


def add_shared_answers(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Name in the schema the refusals that operations have in common."""
    result["components"]["schemas"]["Invalid"] = INVALID
    for address, operations in result["paths"].items():
        for operation in operations.values():
            for status, (schema, description) in shared_answers(address, operation).items():
                content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
                operation["responses"].setdefault(status, {"description": description, "content": content})
    return result


def shared_answers(address: str, operation: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Status → (component, description)."""
    answers = {
        "503": ("Problem", "The database does not answer just now; `Retry-After` has the seconds to wait.")
    }
    if operation.get("security"):
        answers["401"] = ("Problem", "No token, or one that is not valid.")
    if "{slug}" in address:
        answers["403"] = ("Problem", "Your role in the project does not include this.")
        answers["404"] = ("Problem", "There is no such thing, or you are not a member of the project.")
    if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
        answers["404"] = ("Problem", "The project or the cursor is not one of ours.")
        answers["400"] = ("Invalid", "`page_size` is out of its bounds.")
    if "requestBody" in operation:
        answers["400"] = ("Invalid", "The body is not right.")
        answers["411"] = ("Problem", "The body came without Content-Length.")
        answers["413"] = ("Problem", "The body is too large.")
        answers["415"] = ("Problem", "The body is not JSON.")
    return answers


@extend_schema(exclude=True)
class UnknownAPIView(APIView):
    """Answers in JSON what is no address of the API."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(_("The API has no such address. All of them end with a slash."))


api_patterns = [
    path("schema/", SpectacularJSONAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(
            permission_classes=[AllowAny], url_name="api-schema", template_name="api/docs.html"
        ),
        name="api-docs",
    ),
    path("", include("annotator.api.urls")),
    path("", include("ranking.api.urls")),
    path("", include("training.api.urls")),
    re_path("", UnknownAPIView.as_view()),
]

urlpatterns = [path("api/v1/", include(api_patterns))]
