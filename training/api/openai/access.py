"""Who asks, and how often: a token of the site, or nobody in particular."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework.authentication import TokenAuthentication, get_authorization_header
from rest_framework.request import Request
from rest_framework.views import APIView

from annotator.models import Project, User
from training.services.serving.chatbots import chatbots_for

from .errors import OpenAIError, handle_exception

NO_KEY = b"public"
"""What a client sends that will not go without a key."""
RATES = ("chat_person", "chat_address")
RETRY_SECONDS = 20


class BearerAuthentication(TokenAuthentication):
    keyword = "Bearer"

    def authenticate(self, request: Request) -> Any:
        if get_authorization_header(request).split()[1:] == [NO_KEY]:
            return None
        return super().authenticate(request)


class OpenAIView(APIView):
    """An operation of somebody with a token, or of nobody in particular."""

    authentication_classes = (BearerAuthentication,)

    def get_exception_handler(self) -> Any:
        return handle_exception


def project_or_404(request: Request, slug: str) -> Project:
    """The project whose live version answers who asks; a stranger cannot tell that another one exists."""
    project = chatbots_for(request.user).filter(slug=slug).first()
    if project is None:
        words = _("There is no model of this name that answers you. GET /v1/models lists those that do.")
        raise OpenAIError(404, "model_not_found", words)
    return project


def check_rate(request: HttpRequest) -> None:
    """Raise 429 when the person, or the address, has asked too often of late."""
    # Each counts only what it has to: nobody in particular has no limit of a person.
    actions = RATES if isinstance(request.user, User) else RATES[1:]
    for action in actions:
        if not ratelimit.consume(request, action=action, user=request.user):
            words = _("You have asked too often in the last minute: wait a little.")
            raise OpenAIError(429, "rate_limit_exceeded", words, retry_after=RETRY_SECONDS)


def who(request: HttpRequest) -> str:
    """The person, or the address, as a hash that cannot be turned back."""
    is_known = isinstance(request.user, User)
    asks = f"user {request.user.pk}" if is_known else get_adapter().get_client_ip(request)
    return salted_hmac("training.chat", asks, algorithm="sha256").hexdigest()
