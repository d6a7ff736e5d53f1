"""Deleting the files of a version that is no longer needed; its record stays."""

from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from training.facts import version_facts
from training.models import Export, ModelVersion, Served
from training.models.exports import exports_folder
from training.tasks import remove_version_files

State = ModelVersion.State


def delete_version_files(*, version: ModelVersion, actor: User | None, shown: Shown | None = None) -> None:
    """Have the weights of a rejected or retired version deleted by a job, wherever they lie.

    Kept are its row with checksum, figures and releases, and of its runs the curves, answers, logs and
    results. It cannot be made live any more. Raises RefusedError for a version that something may still need.
    """
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=version.project_id)
        version.refresh_from_db(fields=["state", "files_deleted_at"])
        check_shown(shown, version_facts(version))
        if reason := why_needed(version):
            raise RefusedError(reason)
        version.files_deleted_at = timezone.now()
        version.save(update_fields=["files_deleted_at"])
        record("version.files_deleted", actor=actor, project=version.project, target=version)
        data = Path(settings.DATA_DIR)
        places = [str(place.relative_to(data)) for place in _weights_of(version)]
        transaction.on_commit(partial(remove_version_files.enqueue, places))


def why_needed(version: ModelVersion) -> str:
    """Why the files of a version cannot be deleted; empty where they can."""
    words = {"version": version}
    if not version.adapter_path:
        return _("%(version)s is the base model, which every version needs.") % words
    if version.files_deleted_at:
        return _("The files of %(version)s were deleted already.") % words
    if version.state not in (State.REJECTED, State.RETIRED):
        return _("%(version)s is live or waits for a decision, so its files are needed.") % words
    live = ModelVersion.objects.live().filter(project=version.project_id).first()
    if live and live.before == version:
        return _("The live version can be taken back to %(version)s, so its files are needed.") % words
    busy = version.project.updates.active().filter(parent=version).exists()
    if busy or version.runs.active().exists() or Export.objects.active().filter(version=version).exists():
        return _("Something that runs needs the files of %(version)s. Wait for it to end.") % words
    if Served.objects.filter(version=version).exists():
        return _("%(version)s answers until the live version can be served, so its files are needed.") % words
    return ""


def _weights_of(version: ModelVersion) -> list[Path]:
    """Where its weights lie: as a version, as an export that no other has, and in the runs that made it."""
    assert version.adapter_dir is not None
    places = [version.adapter_dir.parent]
    export = Export.objects.filter(version=version).first()
    if export:
        places.append(export.folder)
        if stem := export.adapter:
            others = Export.objects.exclude(pk=export.pk)
            if not others.filter(Q(base=stem) | Q(adapter=stem)).exists():
                places += [exports_folder() / f"{stem}{suffix}" for suffix in (".gguf", ".json")]
    update = getattr(version, "update", None)
    for run in update.runs.all() if update else ():
        places += [run.folder / "checkpoints", *sorted((run.folder / "output").rglob("*.safetensors"))]
    return places
