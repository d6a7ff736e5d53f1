"""The audit log."""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from .projects import Project
from .users import User


class AuditEvent(models.Model):
    """One act: who did what to what, when; written in the transaction of the act."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="audit_events")
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    verb = models.CharField(max_length=60, help_text="For example `invitation.created`.")
    target = models.CharField(max_length=120, blank=True, help_text="For example `invitation:12`.")
    data: Any = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"
