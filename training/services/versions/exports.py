"""Having versions written as GGUF files by the engine: what is live, and what may become so."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import User
from annotator.services.audit import record
from training.launching.launcher import Outcome
from training.models import Export, ModelVersion, UnpackedBase
from training.models.exports import PARTS
from training.services.runs.alone import execute_alone

State = ModelVersion.State


def request_exports() -> None:
    """Queue the export of each live version and each candidate that has none, or whose files are gone.

    The clock calls this, so that a version is exported however it became live.
    """
    versions = ModelVersion.objects.filter(state__in=(State.LIVE, State.CANDIDATE))
    versions = versions.exclude(base_model__in=UnpackedBase.objects.not_there().values("location"))
    for version in versions.filter(export=None):
        Export.objects.get_or_create(version=version)
    for export in Export.objects.filter(version__in=versions, state=Export.State.SUCCEEDED):
        if not export.is_whole:
            Export.objects.filter(pk=export.pk).update(state=Export.State.FAILED)
            export.requeue()


def retry_export(*, export: Export, actor: User | None) -> None:
    """Let an export that failed be tried again; the clock gives it to the worker."""
    with transaction.atomic():
        if export.version.files_deleted_at:
            raise RefusedError(_("The files of %(version)s were deleted.") % {"version": export.version})
        if not export.requeue():
            raise RefusedError(_("The files are being made already, or are there."))
        record("export.retried", actor=actor, project=export.version.project, target=export.version)


def file_name(version: ModelVersion, part: str) -> str:
    """What a downloaded file is called."""
    slug = version.project.slug
    return f"{slug}-base.gguf" if part == "base" else f"{slug}-version-{version.number}.gguf"


def execute_export(export_id: int) -> None:
    """Have the engine write a version's files; see `execute_alone`."""
    export = Export.objects.select_related("version__project").get(pk=export_id)

    def conclude(outcome: Outcome) -> None:
        stems = {part: outcome.result.get(part) or "" for part in PARTS}
        export.finish(outcome.state, error=outcome.error, **stems)

    execute_alone(export, conclude, version=export.version)
