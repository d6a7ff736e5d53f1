"""Founding a project and changing its settings."""

from collections.abc import Collection
from typing import Any

from anyascii import anyascii
from django.db import transaction
from django.utils.text import slugify

from annotator.consent_text import hash_of_default_words
from annotator.facts import SETTINGS_VERBS, settings_facts
from annotator.models import AuditEvent, Author, Completion, Membership, Project, Role, User
from annotator.shown import Shown, check_shown
from annotator.signals import time_zone_changed

from .audit import record
from .chunks import delete_in_chunks
from .guidelines import write_guidelines

AGREED_TO = {"licence", "consent_text"}
"""What members agree to before they rank."""
SLUG_LENGTH = 60
RECENT = 100
"""Audit rows that are looked through for who changed a setting."""


def slug_of(name: str) -> str:
    """A project's part of the address, of its name in any script; empty where no letter or digit is left."""
    return slugify(anyascii(name))[:SLUG_LENGTH].strip("-")


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
    most_judgments_per_comparison: int | None = None,
    sampling: Project.Sampling = Project.Sampling.UNIFORM,
) -> Project:
    """Found a project with its first coordinator; values that no form would take raise ValidationError."""
    project = Project(
        name=name,
        slug=slug,
        base_model=base_model,
        description=description,
        system_prompt=system_prompt,
        completions_per_comparison=completions_per_comparison,
        judgments_per_comparison=judgments_per_comparison,
        most_judgments_per_comparison=most_judgments_per_comparison,
        sampling=sampling,
    )
    project.default_consent_hash = hash_of_default_words(project.licence)
    project.full_clean()
    with transaction.atomic():
        project.save()
        Membership.objects.create(project=project, user=coordinator, role=Role.COORDINATOR)
        record("project.created", actor=coordinator, project=project, target=project, name=name)
        if guidelines:
            write_guidelines(project=project, text=guidelines, actor=coordinator)
    return project


def change_settings(
    *,
    project: Project,
    values: dict[str, Any],
    actor: User,
    shown: Shown | None = None,
    fields_shown: Collection[str] = (),
) -> None:
    """Give the project's fields new values; the audit row names the fields, not their texts.

    `fields_shown` are those of the page that `shown` is from: what others changed elsewhere stops nobody.

    `guidelines` among them is a new version of those. Other words to agree to are put before every member
    anew. Without values nothing happens.
    """
    with transaction.atomic():
        # Two who save at once wait here; the second is told what the first has changed.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        check_shown(shown, settings_facts(project, fields_shown))
        if not values:
            return
        fields = {name: value for name, value in values.items() if name != "guidelines"}
        for field, value in fields.items():
            setattr(project, field, value)
        project.full_clean()
        if AGREED_TO & fields.keys():
            ask_anew(project)
        project.save(update_fields=list(fields))
        record("project.changed", actor=actor, project=project, target=project, fields=sorted(values))
        if "timezone" in fields:
            time_zone_changed.send(Project, project=project)
        if "guidelines" in values:
            write_guidelines(project=project, text=values["guidelines"], actor=actor)


def delete_people_and_material(project: Project) -> None:
    """Delete the project, its prompts, answers and memberships; what other apps have of it must be gone.

    Accounts stay, and so do the rows of the audit log.
    """
    delete_in_chunks(Completion.objects.filter(author__project=project))
    Author.objects.filter(project=project).delete()
    delete_in_chunks(project.prompts.all())
    Project.objects.filter(pk=project.pk).delete()


def who_changed(project: Project) -> dict[str, AuditEvent]:
    """By the name of a settings field who changed it last, as far back as anybody keeps a page open."""
    found: dict[str, AuditEvent] = {}
    for event in AuditEvent.objects.about(project, *SETTINGS_VERBS).select_related("actor")[:RECENT]:
        for field in event.data.get("fields", ["hidden_words"]):
            found.setdefault(field, event)
    return found


def ask_anew(project: Project) -> None:
    """Raise the consent number: members must agree again before they rank."""
    stored = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    project.consent_number = stored.consent_number + 1
    project.default_consent_hash = hash_of_default_words(project.licence)
    project.save(update_fields=["consent_number", "default_consent_hash"])
    project.memberships.update(ready_at=None)


@transaction.atomic
def ask_anew_after_upgrade() -> None:
    """Ask members again in projects that use the default consent words, if an upgrade changed them."""
    for project in Project.objects.filter(consent_text=""):
        current = hash_of_default_words(project.licence)
        if not project.default_consent_hash:
            Project.objects.filter(pk=project.pk).update(default_consent_hash=current)
        elif project.default_consent_hash != current:
            ask_anew(project)
            record("consent.words_changed", actor=None, project=project, target=project)
