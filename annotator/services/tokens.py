"""A person's key to the API."""

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from annotator.errors import RefusedError
from annotator.facts import token_facts
from annotator.models import User
from annotator.shown import Shown, check_shown

from .audit import record


def create_api_token(*, user: User, shown: Shown | None = None) -> str:
    """Create a new token for the user, replacing the old one.

    Refuses when their password is no longer the one with which `user` signed in.
    """
    with transaction.atomic():
        # The second of a double click waits here, and so replaces the token of the first.
        if User.objects.select_for_update().get(pk=user.pk).password != user.password:
            raise RefusedError(_("The password was changed a moment ago. Sign in with the new one."))
        check_shown(shown, token_facts(user))
        Token.objects.filter(user=user).delete()
        token = Token.objects.create(user=user)
        record("api_token.created", actor=user, project=None, target=user)
    return str(token.key)


def revoke_api_token(*, user: User, shown: Shown | None = None) -> None:
    """Delete the user's token, if any."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        check_shown(shown, token_facts(user))
        deleted, _models = Token.objects.filter(user=user).delete()
        if deleted:
            record("api_token.revoked", actor=user, project=None, target=user)
