"""Receivers of other packages' signals."""

from typing import Any

from allauth.mfa.signals import authenticator_added
from django.dispatch import receiver
from django.http import HttpRequest

from annotator.models import User

from .services.sign_in import end_other_sign_ins


@receiver(authenticator_added)
def end_what_was_signed_in_without_it(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Let whoever came in by the password alone sign in anew, with the second factor."""
    end_other_sign_ins(user=user, session_key=request.session.session_key)
