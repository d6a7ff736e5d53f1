"""Versions as GGUF files, for the site's own server and for everybody else's programs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext

from .bases import folder_or_name
from .engine_runs import EngineRun
from .versions import ModelVersion

PARTS = ("base", "adapter")


@dataclass(frozen=True)
class ExportedFile:
    """One GGUF file, and what the engine wrote beside it."""

    path: Path
    about: dict[str, Any]
    made_at: int
    """When it was described, in nanoseconds: another one for a file that was made anew."""

    @property
    def sha256(self) -> str:
        return str(self.about["sha256"])

    @property
    def bytes(self) -> int:
        return int(self.about["bytes"])


class Export(EngineRun):
    """The making of a version's files: the base that it shares with others, and its own adapter.

    The files can be made again, so that their folder may be deleted. Run directories are `exports/runs/<pk>`.
    """

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="export")
    base = models.CharField(max_length=100, blank=True, help_text="Below `exports/`, without its suffix.")
    adapter = models.CharField(max_length=100, blank=True, help_text="Empty for the base itself.")

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return gettext("Files of %(version)s") % {"version": self.version}

    @property
    def folder(self) -> Path:
        return exports_folder() / "runs" / str(self.pk)

    @property
    def arguments(self) -> list[str]:
        adapter: Path | None = self.version.adapter_dir
        return [
            "export",
            folder_or_name(self.version.base_model),
            str(exports_folder()),
            *(["--adapter", str(adapter)] if adapter else []),
            "--run-dir",
            str(self.folder),
        ]

    @property
    def files(self) -> dict[str, ExportedFile]:
        """The files that are there, by part; a file that is gone, or was never made, is left out."""
        found = {}
        for part in PARTS:
            if stem := getattr(self, part):
                path = exports_folder() / f"{stem}.gguf"
                described = path.with_suffix(".json")
                try:
                    made_at = described.stat().st_mtime_ns
                    about = json.loads(described.read_text(encoding="utf-8"))
                except (OSError, ValueError):
                    continue
                if path.is_file():
                    found[part] = ExportedFile(path, about, made_at)
        return found

    @property
    def is_whole(self) -> bool:
        """Whether it succeeded, and nobody has deleted a file since."""
        wanted = [part for part in PARTS if getattr(self, part)]
        return self.state == self.State.SUCCEEDED and list(self.files) == wanted


def exports_folder() -> Path:
    return Path(settings.DATA_DIR) / "exports"
