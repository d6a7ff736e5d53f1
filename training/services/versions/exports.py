"""Having versions written as GGUF files by the engine: what is live, and what may become so."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import User
from annotator.services.audit import record
from training.engine_environment import engine_environment
from training.failures import record_failure
from training.models import Export, ModelVersion, UnpackedBase
from training.models.exports import exports_folder
from training.services.runs.recipes import base_model

RENEW_SECONDS = 10
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
        if not export.requeue():
            raise RefusedError(_("The files are being made already, or are there."))
        record("export.retried", actor=actor, project=export.version.project, target=export.version)


def file_name(version: ModelVersion, part: str) -> str:
    """What a downloaded file is called."""
    slug = version.project.slug
    return f"{slug}-base.gguf" if part == "base" else f"{slug}-version-{version.number}.gguf"


def execute_export(export_id: int) -> None:
    """Have the engine write a version's files; returns at once when another worker is at it.

    Whatever goes wrong ends up as the export's error.
    """
    export = Export.objects.select_related("version__project").get(pk=export_id)
    if export.claim() is None:
        return
    with record_failure(export):
        written = _run_engine(export)
        stems = {"base": written["base"], "adapter": written["adapter"] or ""}
        export.finish(Export.State.SUCCEEDED, error="", **stems)


def _run_engine(export: Export) -> dict[str, Any]:
    """What `python -m training.rlhf export` says it wrote; the lease is renewed meanwhile."""
    exports_folder().mkdir(exist_ok=True)
    engine = subprocess.Popen(
        [sys.executable, "-m", "training.rlhf", "export", *_arguments(export.version)],
        cwd=settings.BASE_DIR,
        env=engine_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with engine:
        try:
            printed, errors = _outcome(export, engine)
        finally:
            engine.kill()
    if engine.returncode != 0:
        raise RefusedError((errors.strip().splitlines() or [f"code {engine.returncode}"])[-1])
    written: dict[str, Any] = json.loads(printed)
    return written


def _outcome(export: Export, engine: "subprocess.Popen[str]") -> tuple[str, str]:
    while True:
        try:
            return engine.communicate(timeout=RENEW_SECONDS)
        except subprocess.TimeoutExpired:
            export.renew()


def _arguments(version: ModelVersion) -> list[str]:
    folder: Path | None = version.adapter_dir
    adapter = ["--adapter", str(folder)] if folder else []
    return [base_model(version), str(exports_folder()), *adapter]
