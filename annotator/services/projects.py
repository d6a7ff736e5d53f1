"""Founding a project and changing its settings."""

from typing import Any

from django.db import transaction

from annotator.models import Membership, Project, Role, User

from .audit import record


def create_project(
    *,
    name: str,
    slug: str,
    base_model: str,
    coordinator: User,
    description: str = "",
    guidelines: str = "",
    system_prompt: str = "",
    completions_per_comparison: int = 4,
    judgments_per_comparison: int = 1,
) -> Project:
    """Found a project with its first coordinator; values that no form would take raise ValidationError."""
    project = Project(
        name=name,
        slug=slug,
        base_model=base_model,
        description=description,
        guidelines=guidelines,
        system_prompt=system_prompt,
        completions_per_comparison=completions_per_comparison,
        judgments_per_comparison=judgments_per_comparison,
    )
    project.full_clean()
    with transaction.atomic():
        project.save()
        Membership.objects.create(project=project, user=coordinator, role=Role.COORDINATOR)
        record("project.created", actor=coordinator, project=project, target=project, name=name)
    return project


def change_settings(*, project: Project, values: dict[str, Any], actor: User) -> None:
    """Give the project's fields new values; the audit row names the fields, not their texts.

    Without values nothing happens.
    """
    if not values:
        return
    for field, value in values.items():
        setattr(project, field, value)
    project.full_clean()
    with transaction.atomic():
        project.save(update_fields=list(values))
        record("project.changed", actor=actor, project=project, target=project, fields=sorted(values))
