"""Who belongs to a project, in which role."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .projects import Project
from .users import User


class Role(models.TextChoices):
    VOLUNTEER = "volunteer", _("Volunteer")
    REVIEWER = "reviewer", _("Reviewer")
    COORDINATOR = "coordinator", _("Coordinator")


SECOND_FACTORS = ("totp", "webauthn")
"""allauth's types of authenticators that are one; recovery codes alone are none."""


class MembershipQuerySet(models.QuerySet["Membership"]):
    def coordinators(self) -> Self:
        """Those who may coordinate; not one who can no longer sign in."""
        return self.filter(role=Role.COORDINATOR, user__is_active=True)

    def coordinating(self) -> Self:
        """Coordinators in force: with a second factor, where the site asks them for one."""
        if Role.COORDINATOR not in settings.SECOND_FACTOR_ROLES:
            return self.coordinators()
        return self.coordinators().filter(user__authenticator__type__in=SECOND_FACTORS)

    def waiting(self) -> Self:
        """Members who did not pass the practice and wait for a coordinator, the longest waiting first."""
        return self.filter(waiting_since__isnull=False).order_by("waiting_since")


class Membership(models.Model):
    """A user's one role in a project, and whether they may rank there yet."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    shows_name = models.BooleanField(
        default=True, help_text="Whether a leaderboard names them; else they are a volunteer on it."
    )
    groups_answered = models.BooleanField(
        default=False, help_text="Whether they stated their groups, or would rather not: they are asked once."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    guidelines_read = models.PositiveIntegerField(
        default=0, help_text="Number of the guidelines that they read last; 0 for none."
    )
    first_ready_at = models.DateTimeField(
        null=True, blank=True, help_text="When they could rank for the first time."
    )
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="When a coordinator was asked to let them in."
    )
    ready_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="They may rank; empty while there is something to read or to agree to before. "
        "Every visit of the desk looks at this, and only where it is empty for the reason.",
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "project"), name="membership_once_per_project"),
        )

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} of {self.project}"

    def show_name(self, shown: bool) -> None:
        self.shows_name = shown
        self.save(update_fields=["shows_name"])

    @property
    def is_asked_for_groups(self) -> bool:
        """Whether to offer stating groups: once, and to nobody who still has to get ready."""
        return self.project.asks_groups and not self.groups_answered and self.ready_at is not None

    def answer_groups(self) -> None:
        """Mark that they need not be asked for their groups again."""
        self.groups_answered = True
        self.save(update_fields=["groups_answered"])

    def become_ready(self) -> None:
        """Mark the member as allowed to rank."""
        self.ready_at = timezone.now()
        self.first_ready_at = self.first_ready_at or self.ready_at
        self.waiting_since = None
        self.save(update_fields=["ready_at", "first_ready_at", "waiting_since"])

    def wait(self) -> None:
        """Mark the member as waiting for a coordinator."""
        self.waiting_since = timezone.now()
        self.save(update_fields=["waiting_since"])
