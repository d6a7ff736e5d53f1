"""A person's key to the API."""

from django.db import transaction
from rest_framework.authtoken.models import Token

from annotator.models import User

from .audit import record


def create_api_token(*, user: User) -> str:
    """Create a new token for the user, replacing the old one."""
    with transaction.atomic():
        # The second of a double click waits here, and so replaces the token of the first.
        User.objects.select_for_update().get(pk=user.pk)
        Token.objects.filter(user=user).delete()
        token = Token.objects.create(user=user)
        record("api_token.created", actor=user, project=None, target=user)
    return str(token.key)


def revoke_api_token(*, user: User) -> None:
    """Delete the user's token, if any."""
    with transaction.atomic():
        deleted, _ = Token.objects.filter(user=user).delete()
        if deleted:
            record("api_token.revoked", actor=user, project=None, target=user)
