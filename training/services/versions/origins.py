"""Versions that come from another project: which there are, and taking one over with its licences."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Author, Membership, Project, User
from annotator.services.audit import record
from annotator.services.completions import get_or_create_author
from training.failures import reason_of
from training.models import ModelVersion, Origin, Release
from training.services.base_models.cards import describe_base
from training.services.telling import tell_released

from .base_version import register_base_version
from .files import check_adapter, copy_adapter, put_in_place

State = ModelVersion.State
PROVENANCE = "\n## Provenance\n\n"
"""How the section of a card begins that says where a version came from."""


def versions_coordinated_by(user: User) -> QuerySet[ModelVersion]:
    """All versions of the projects that the person coordinates."""
    projects = Membership.objects.filter(user=user).coordinating().values("project")
    versions = ModelVersion.objects.filter(project__in=projects).select_related("project", "dataset")
    return versions.order_by("project__name", "-number")


def sources_for(user: User, project: Project | None = None) -> list[ModelVersion]:
    """The versions that this project, or else a new one on their base model, could start from."""
    found = versions_coordinated_by(user).exclude(adapter_path="")
    if project is not None:
        found = found.filter(base_model=project.base_model).exclude(project=project)
    return list(found.filter(state__in=(State.LIVE, State.RETIRED), files_deleted_at=None))


def why_settled(project: Project) -> str:
    """Why a project cannot start from another one's version any more; empty where it can."""
    if project.releases.exclude(version__adapter_path="").exists():
        return _("This project has released a version of its own, so it cannot start from another one.")
    if project.versions.filter(state=State.CANDIDATE).exists():
        return _("A candidate of this project waits for a decision. Reject it first.")
    return ""


def take_over(project: Project, source: ModelVersion, actor: User) -> ModelVersion:
    """Make a copy of another project's version live, in the place of the base model.

    The caller holds the project's lock. Raises RefusedError for another base model, a version that the actor
    does not coordinate or that was not released, and for files that are gone or damaged.
    """
    _check(project, source, actor)
    before = register_base_version(project=project, actor=actor)
    version, origin = _store(project, source)
    _copy(source, version, origin.facts)
    before.become(State.RETIRED)
    version.become(State.LIVE)
    release = Release.objects.create(project=project, version=version, previous=before, released_by=actor)
    _record(version, source, origin.facts, actor)
    tell_released(release, actor)
    return version


def provenance_of(source: ModelVersion) -> dict[str, Any]:
    """What stays on record of a version: names, numbers, checksums and licences."""
    project = source.project
    return {
        "project": {"name": project.name, "slug": project.slug},
        "version": source.number,
        "adapter_sha256": source.adapter_sha256,
        "base_licence": describe_base(source.base_model).licence,
        "datasets": list(_datasets_behind(source)),
    }


def _datasets_behind(source: ModelVersion) -> Iterator[dict[str, Any]]:
    """What a version and those that it was trained from learned from, also in projects before its own."""
    version: ModelVersion | None = source
    while version is not None:
        if version.dataset:
            yield {
                "project": source.project.name,
                "number": version.dataset.number,
                "sha256": version.dataset.sha256,
                "license": version.dataset.manifest.get("license", ""),
            }
        if origin := Origin.objects.filter(version=version).first():
            yield from origin.facts["datasets"]
        version = version.parent


def _check(project: Project, source: ModelVersion, actor: User) -> None:
    source.refresh_from_db()
    words = {"version": source, "project": source.project, "state": source.get_state_display()}
    if reason := why_settled(project):
        raise RefusedError(reason)
    if not versions_coordinated_by(actor).filter(pk=source.pk).exists() or source.project == project:
        raise RefusedError(_("This is no version of another project that you coordinate."))
    if source.base_model != project.base_model:
        words |= {"base": source.base_model}
        raise RefusedError(_("%(version)s of %(project)s learned on another base model: %(base)s.") % words)
    if not source.adapter_path:
        raise RefusedError(_("%(version)s of %(project)s is the base model, which you have.") % words)
    if source.state not in (State.LIVE, State.RETIRED):
        raise RefusedError(_("%(version)s of %(project)s was not released. Its state is: %(state)s.") % words)
    if source.files_deleted_at:
        raise RefusedError(_("The files of %(version)s of %(project)s were deleted.") % words)
    check_adapter(source)


def _store(project: Project, source: ModelVersion) -> tuple[ModelVersion, Origin]:
    number = 1 + (project.versions.aggregate(last=Max("number"))["last"] or 0)
    version = ModelVersion.objects.create(
        project=project,
        number=number,
        author=get_or_create_author(project=project, kind=Author.Kind.MODEL, name=f"Version {number}"),
        base_model=project.base_model,
        adapter_path=str(Path("models") / project.slug / str(number) / "policy"),
        adapter_sha256=source.adapter_sha256,
    )
    return version, Origin.objects.create(version=version, source=source, facts=provenance_of(source))


def _copy(source: ModelVersion, version: ModelVersion, facts: dict[str, Any]) -> None:
    """Copy the adapter with a card that says where it is from, so that neither project needs the other's."""
    assert source.adapter_dir is not None and version.adapter_dir is not None
    staged = Path(settings.DATA_DIR) / "models" / version.project.slug / ".started"
    try:
        copy_adapter(source.adapter_dir, staged / "policy", more_on_card=_card(facts))
        put_in_place(staged, version.adapter_dir.parent)
    except FileNotFoundError as error:
        words = _("A file of %(version)s is gone, and nothing was changed: %(name)s")
        raise RefusedError(words % {"version": source, "name": Path(error.filename).name}) from error
    except OSError as error:
        raise RefusedError(reason_of(error)) from error
    check_adapter(version)


def _card(facts: dict[str, Any]) -> str:
    """A section for the model card, in English as the rest of it."""
    lines = [
        f"- **Project:** {_code(facts['project']['name'])}, version {facts['version']}",
        f"- **SHA-256 of its weights:** {_code(facts['adapter_sha256'])}",
        f"- **License of the base:** {_code(facts['base_licence'] or 'unknown: see the base model')}",
    ]
    lines += [
        f"- **Dataset {each['number']} of** {_code(each['project'])}: sha256 {_code(each['sha256'])}. "
        f"License: {_code(each['license'] or 'unknown')}"
        for each in facts["datasets"]
    ]
    return f"{PROVENANCE}Trained in another project, and taken over unchanged.\n\n" + "\n".join(lines) + "\n"


def without_provenance(card: str) -> str:
    """A model card as it was before its version was taken over: it names no project that took part."""
    return card.partition(PROVENANCE)[0]


def _code(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return "`" + " ".join(text.split()).replace("`", "'") + "`"


def _record(version: ModelVersion, source: ModelVersion, facts: dict[str, Any], actor: User) -> None:
    """In the logs of both projects."""
    named = {"name": facts["project"]["name"], "number": source.number}
    record("version.taken_over", actor=actor, project=version.project, target=version, **named, origin=facts)
    record("version.passed_on", actor=actor, project=source.project, target=source, name=version.project.name)
