"""Signing in to the API."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import ValidationError as FormError
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from annotator.services.tokens import create_api_token

from .problems import ProblemSerializer


class CredentialsSerializer(serializers.Serializer):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, style={"input_type": "password"})

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        try:
            # The adapter counts failures together with those on the sign-in page.
            user = get_adapter().authenticate(
                self.context["request"]._request, email=data["email"].lower(), password=data["password"]
            )
        except FormError as error:
            raise Throttled(detail=" ".join(error.messages)) from error
        # allauth names people who were shut out, too, for pages that tell them so.
        if user is None or not user.is_active:
            raise serializers.ValidationError(_("The e-mail address or the password is not right."))
        if is_mfa_enabled(user):
            raise PermissionDenied(
                _("This account signs in with a second step. Create a token on your account page.")
            )
        return {"user": user}


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(help_text="Send it as `Authorization: Token …`.")


class SignInThrottle(BaseThrottle):
    """allauth's counting: DRF's own lets requests that come at once pass together."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        return ratelimit.consume(request._request, action="api_token")

    def wait(self) -> float:
        return 60


class TokenAPIView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (SignInThrottle,)

    @extend_schema(
        tags=["Sign-in"],
        summary="Create an API token",
        description="It replaces your present token, which stops working. An account with a second factor "
        "is refused (403): create its token on the account page.",
        request=CredentialsSerializer,
        responses={
            201: TokenSerializer,
            403: OpenApiResponse(ProblemSerializer, "The account signs in with a second step."),
            429: OpenApiResponse(ProblemSerializer, "Too many attempts; wait."),
        },
        examples=[
            OpenApiExample("Sign in", {"email": "ada@example.org", "password": "…"}, request_only=True)
        ],
    )
    def post(self, request: Request) -> Response:
        credentials = CredentialsSerializer(data=request.data, context={"request": request})
        credentials.is_valid(raise_exception=True)
        token = create_api_token(user=credentials.validated_data["user"])
        return Response({"token": token}, status=201, headers={"Cache-Control": "no-store"})
