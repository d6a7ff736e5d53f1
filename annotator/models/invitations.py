"""Links that let people join a project."""

import hashlib
import secrets
from datetime import date, timedelta
from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .memberships import Membership, Role
from .projects import Project
from .users import User

DAYS_VALID = 7
"""How long a link works unless its maker says otherwise."""
MOST_DAYS_VALID = 60
MOST_JOINS = 500
"""How many people an open link lets in at most."""


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def with_power(self) -> Self:
        """Each with `has_power`: whether who made it may make it now. A link is worth what its maker is."""
        makers = Membership.objects.coordinating().filter(
            project=OuterRef("project"), user=OuterRef("created_by")
        )
        return self.annotate(has_power=Exists(makers))

    def usable(self) -> Self:
        """Neither used nor revoked nor expired, and made by somebody who still may."""
        unspent = self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())
        unspent = unspent.exclude(most_joins__lte=F("joined"))
        return unspent.with_power().filter(has_power=True)

    def claim(self, pk: int) -> bool:
        """Take a person's place on the link; false if it has none any more."""
        # Of two people who come for the last place at once, one update finds it free.
        found = self.usable().filter(pk=pk)
        return bool(
            found.filter(most_joins=None).update(used_at=timezone.now())
            or found.exclude(most_joins=None).update(joined=F("joined") + 1)
        )

    def for_token(self, token: str) -> Self:
        return self.filter(token_hash=Invitation.hash_token(token))


class Invitation(models.Model):
    """A link that lets one person join a project once; only the hash of its token is kept.

    An open one lets in as many volunteers as `most_joins` says. A link works as long as its maker is a
    coordinator of the project.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        USED = "used", _("used")
        FULL = "full", _("full")
        REVOKED = "revoked", _("revoked")
        EXPIRED = "expired", _("expired")
        POWERLESS = "powerless", _("ended")

    has_power: bool
    """Set by `with_power`."""

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
    most_joins = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of an open link, how many people it lets in; empty for one person."
    )
    joined = models.PositiveIntegerField(default=0, help_text="How many people an open link has let in.")
    mailed_at = models.DateTimeField(
        null=True, blank=True, help_text="When Chorus mailed the link; empty if a coordinator passed it on."
    )
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations_used"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(most_joins=None, joined=0)
                | Q(role=Role.VOLUNTEER, email="", most_joins__isnull=False, joined__lte=F("most_joins")),
                name="open_link_for_volunteers_up_to_its_most",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_role_display()} of {self.project}, until {self.expires_at:%Y-%m-%d}"

    @staticmethod
    def hash_token(token: str) -> str:
        """SHA-256 in hex; tokens are 256 random bits, so no salt is needed."""
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

    def renew_token(self) -> str:
        """Another token in place of the one it has, which then opens nothing."""
        token = secrets.token_urlsafe(32)
        self.token_hash = self.hash_token(token)
        self.save(update_fields=["token_hash"])
        return token

    def mark_mailed(self) -> None:
        self.mailed_at = timezone.now()
        self.save(update_fields=["mailed_at"])

    @property
    def is_open_link(self) -> bool:
        return self.most_joins is not None

    @property
    def last_day(self) -> date:
        """The last day on which it works."""
        return timezone.localtime(self.expires_at - timedelta(microseconds=1)).date()

    @property
    def state(self) -> State:
        """Of an invitation that was read `with_power`."""
        if self.used_at:
            return self.State.USED
        if self.revoked_at:
            return self.State.REVOKED
        if self.is_open_link and self.joined >= (self.most_joins or 0):
            return self.State.FULL
        if self.expires_at <= timezone.now():
            return self.State.EXPIRED
        return self.State.OPEN if self.has_power else self.State.POWERLESS

    @property
    def is_revocable(self) -> bool:
        """Whether it works, or would work again if its maker became a coordinator again."""
        return self.state in (self.State.OPEN, self.State.POWERLESS)
