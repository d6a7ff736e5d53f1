"""The audit log."""

from typing import Any, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from .projects import Project
from .users import User


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def about(self, project: Project | int, *verbs: str, target: models.Model | None = None) -> Self:
        """What was done in the project by these verbs, to the target if one is given; the newest first."""
        found = self.filter(project=project, verb__in=verbs)
        return found.filter(target=AuditEvent.label_of(target)) if target is not None else found


class AuditEvent(models.Model):
    """One act: who did what to what, when; written in the transaction of the act."""

    # Rows stay when their project is deleted, with its number: the row of `project.deleted` has its name.
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="audit_events"
    )
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    verb = models.CharField(max_length=60, help_text="For example `invitation.created`.")
    target = models.CharField(max_length=120, blank=True, help_text="For example `invitation:12`.")
    data: Any = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=("project", "-id"), name="audit_newest_of_project"),)

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"

    @staticmethod
    def label_of(target: models.Model | None) -> str:
        """How `target` names a row."""
        return f"{target._meta.model_name}:{target.pk}" if target is not None else ""
