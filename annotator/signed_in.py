"""Who a page is for: session and user, which every page of somebody signed in asks for first.

Two statements of our own, since the ORM takes several times as long to write them as the database to answer.
"""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth import backends
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from sesame.backends import ModelBackend as SesameBackend

from .models import User

_SESSION = "SELECT * FROM django_session WHERE session_key = %s AND expire_date > %s"
_USER = "SELECT * FROM annotator_user WHERE id = %s"


class SessionStore(db.SessionStore):
    """Django's sessions in the database."""

    def load(self) -> dict[str, Any]:
        now = Session._meta.get_field("expire_date").get_db_prep_value(timezone.now(), connection)
        for session in Session.objects.raw(_SESSION, [self.session_key, now]):
            return self.decode(session.session_data)
        self._session_key = None
        return {}


class UserBackend(backends.ModelBackend):
    def get_user(self, user_id: int) -> User | None:
        """None also where somebody may not sign in."""
        users = User.objects.raw(_USER, [user_id])
        return next(filter(self.user_can_authenticate, users), None)


class PasswordBackend(UserBackend, AuthenticationBackend):
    """Sign-in with address and password, and whatever else allauth is set up for."""


class LinkBackend(UserBackend, SesameBackend):
    """Sign-in with a one-time link."""
