"""Writing the audit log."""

from typing import Any

from django.db import models

from annotator.models import AuditEvent, Project, User


def record(
    verb: str, *, actor: User | None, project: Project | None, target: models.Model | None, **data: Any
) -> AuditEvent:
    """Write one audit row; call it inside the transaction of the act it records."""
    label = AuditEvent.label_of(target)
    return AuditEvent.objects.create(verb=verb, actor=actor, project=project, target=label, data=data)
