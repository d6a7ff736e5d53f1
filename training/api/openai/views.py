"""`/v1/models` and `/v1/chat/completions`."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.models import Project
from training.services.serving.chatbots import chatbots_for

from .access import OpenAIView, check_rate, project_or_404, who
from .chats import Chat, EventStream
from .errors import OpenAIError
from .requests import ChatRequestSerializer


@extend_schema(exclude=True)
class ModelsView(OpenAIView):
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        models = [model_of(project) for project in chatbots_for(request.user)]
        return Response({"object": "list", "data": models})


@extend_schema(exclude=True)
class ModelView(OpenAIView):
    permission_classes = (AllowAny,)

    def get(self, request: Request, name: str) -> Response:
        return Response(model_of(project_or_404(request, name)))


@extend_schema(exclude=True)
class ChatCompletionsView(OpenAIView):
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response | StreamingHttpResponse:
        body = ChatRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        project = project_or_404(request, body.validated_data["model"])
        check_rate(request._request)
        chat = Chat(project, who(request._request), body.asked(), connection_of(request._request))
        return stream(chat, body) if body.validated_data["stream"] else answer_whole(chat)


@extend_schema(exclude=True)
class UnknownView(OpenAIView):
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise OpenAIError(404, "unknown_url", _("There is no such address here: see /v1/models."))


def model_of(project: Project) -> dict[str, Any]:
    created = int(project.created_at.timestamp())
    return {"id": project.slug, "object": "model", "created": created, "owned_by": project.name}


def stream(chat: Chat, body: ChatRequestSerializer) -> StreamingHttpResponse:
    try:
        chat.begin()
    except BaseException:
        chat.close()
        raise
    include_usage = body.validated_data.get("stream_options", {}).get("include_usage", False)
    # A proxy must not gather tokens before it passes them on.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    events = EventStream(chat, include_usage=include_usage)
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


def answer_whole(chat: Chat) -> Response:
    try:
        return Response(chat.whole(), headers={"Cache-Control": "no-store"})
    finally:
        chat.close()


def connection_of(request: HttpRequest) -> Callable[[], bool]:
    """Whether the client is still there, where the web server can tell."""
    is_gone: Callable[[], bool] = request.META.get("waitress.client_disconnected", lambda: False)
    return lambda: not is_gone()
