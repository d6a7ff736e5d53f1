"""Receivers of other packages' signals."""

import logging
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.signals import authenticator_added
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from annotator.models import User
from annotator.services.sign_in import end_other_sign_ins

logger = logging.getLogger(__name__)


@receiver(user_logged_in)
def log_sign_in(user: User, **_kwargs: Any) -> None:
    logger.info("User %d signed in.", user.pk)


@receiver(user_login_failed)
def log_refused_sign_in(request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """Log whence it came; not for whom, which would take another query for those who have an account."""
    logger.warning("A sign-in was refused: %s", get_adapter().get_client_ip(request) if request else "a link")


@receiver(authenticator_added)
def end_what_was_signed_in_without_it(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Let whoever came in by the password alone sign in anew, with the second factor."""
    end_other_sign_ins(user=user, session_key=request.session.session_key)
