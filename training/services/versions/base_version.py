"""Version 0 of a project: its base model, before anything was learned."""

from django.db import transaction

from annotator.models import Author, Project, User
from annotator.services.audit import record
from annotator.services.completions import get_or_create_author
from training.models import ModelVersion, Release

State = ModelVersion.State


@transaction.atomic
def register_base_version(*, project: Project, actor: User | None = None) -> ModelVersion:
    """Make the base model the project's live version 0; a project that has a version keeps what it has."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if first := ModelVersion.objects.filter(project=project, number=0).first():
        return first
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 0")
    version = ModelVersion.objects.create(
        project=project, number=0, author=author, base_model=project.base_model, state=State.LIVE
    )
    Release.objects.create(project=project, version=version, released_by=actor)
    record("version.registered", actor=actor, project=project, target=version)
    return version
