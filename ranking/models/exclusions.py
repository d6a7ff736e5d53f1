"""People whose judgments reviewers left out: what of theirs is stored stays, but counts for nothing."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Project, User

NOTE_LENGTH = 300


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    def active(self) -> Self:
        return self.filter(undone_at=None)

    def active_at(self, moment: datetime) -> Self:
        """Those that were in force at a moment."""
        return self.filter(Q(undone_at=None) | Q(undone_at__gt=moment), created_at__lte=moment)


class Exclusion(models.Model):
    """A person's judgments in a project are left out, until a reviewer undoes it; they can go on judging.

    Why is told by a reason of a few, which datasets count, and a note for people.
    """

    class Reason(models.TextChoices):
        CARELESS = "careless", _("Answered without care")
        AUTOMATED = "automated", _("Not answered by a person")
        PARTISAN = "partisan", _("Preferred one version whatever it said")
        SEVERAL = "several", _("Several accounts of one person")
        OTHER = "other", _("Something else")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="exclusions")
    volunteer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exclusions")
    reason = models.CharField(max_length=9, choices=Reason.choices)
    note = models.CharField(max_length=NOTE_LENGTH, blank=True)
    excluded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("project", "volunteer"), condition=Q(undone_at=None), name="excluded_once"
            ),
        )

    def __str__(self) -> str:
        return f"Exclusion of {self.volunteer} in {self.project}"

    def undo(self, actor: User) -> None:
        self.undone_by, self.undone_at = actor, timezone.now()
        self.save(update_fields=["undone_by", "undone_at"])


def is_excluded(project: str, *, volunteer: str = "volunteer", at: datetime | None = None) -> Exists:
    """Whether the volunteer of a row is excluded, now or at a moment; both names lead from the row."""
    found = Exclusion.objects.active() if at is None else Exclusion.objects.active_at(at)
    return Exists(found.filter(volunteer=OuterRef(volunteer), project=OuterRef(project)))
