"""Links that let people join a project."""

import hashlib
from typing import Self

from django.db import models
from django.utils import timezone

from .memberships import Role
from .projects import Project
from .users import User

DAYS_VALID = 7
"""How long a link works unless its maker says otherwise."""
MOST_DAYS_VALID = 60


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def usable(self) -> Self:
        """Neither used nor revoked nor expired."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def for_token(self, token: str) -> Self:
        return self.filter(token_hash=Invitation.hash_token(token))


class Invitation(models.Model):
    """A link that lets one person join a project once; only the hash of its token is kept."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.VOLUNTEER)
    email = models.EmailField(blank=True, help_text="If given, only this address may use it.")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="invitations_sent"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations_used"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.get_role_display()} of {self.project}, until {self.expires_at:%Y-%m-%d}"

    @staticmethod
    def hash_token(token: str) -> str:
        """SHA-256 in hex; tokens are 256 random bits, so no salt is needed."""
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def is_usable(self) -> bool:
        return self.used_at is None and self.revoked_at is None and self.expires_at > timezone.now()
