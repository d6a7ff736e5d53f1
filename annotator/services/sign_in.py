"""Signing in without a password, by a link that works once; a new password; ending what was before."""

import sesame.utils
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import User
from annotator.tasks import mail_password_reset

from .audit import record
from .tokens import revoke_api_token


def create_sign_in_link(user: User) -> str:
    """The full address of a page that signs the user in once, within `SESAME_MAX_AGE`.

    Any sign-in of the user in the meantime makes the link useless.
    """
    with transaction.atomic():
        record("sign_in_link.created", actor=None, project=None, target=user)
    return settings.SITE_URL + reverse("sign-in-link", args=[sesame.utils.get_token(user)])


def find_sign_in_user(token: str) -> User:
    """The user whose link it is, if it can still be used."""
    user = sesame.utils.get_user(token, update_last_login=False)
    if not isinstance(user, User):
        raise RefusedError(_("This link was used, or it has expired."))
    return user


def use_sign_in_link(*, token: str) -> User:
    """The user whose link it is; it is used up by this."""
    user = find_sign_in_user(token)
    # The token is bound to the last sign-in: of two uses at once, the one that moves it wins.
    moved = User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=timezone.now())
    if not moved:
        raise RefusedError(_("This link was used, or it has expired."))
    user.refresh_from_db()
    return user


def ask_for_new_password(user: User | None, *, language: str) -> None:
    """Have a link to set a new password mailed; no user is an address without an account.

    That one is a job, too, which sends nothing: the request does the same work for both.
    """
    mail_password_reset.enqueue(user and user.pk, language)


@transaction.atomic
def end_other_sign_ins(*, user: User, session_key: str | None) -> None:
    """End the user's sessions but the one with this key, and their API token."""
    for session in UserSession.objects.filter(user=user).exclude(session_key=session_key):
        session.end()
    revoke_api_token(user=user)
