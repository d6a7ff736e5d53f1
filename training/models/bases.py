"""Base models that came as one GGUF file."""

from pathlib import Path
from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from annotator.models import Project

from .engine_runs import EngineRun
from .leases import LeasedQuerySet

FOLDER = "bases"


def folder_or_name(base_model: str) -> str:
    """A base model for the engine: a folder, given as it is or below the data folder, or the hub's name."""
    folder = Path(settings.DATA_DIR) / base_model
    return str(folder) if folder.is_dir() else base_model


class UnpackedBaseQuerySet(LeasedQuerySet):
    def not_there(self) -> Self:
        """Those that wait to be unpacked, or could not be."""
        return self.exclude(state=UnpackedBase.State.SUCCEEDED)


class UnpackedBase(EngineRun):
    """A GGUF file that is, or was, unpacked into the data folder; all projects with that file share it.

    Its run directory is `bases/<beginning of the SHA-256>`, and the model's folder is in it.
    """

    sha256 = models.CharField(max_length=64, unique=True, help_text="Of the file.")
    file = models.CharField(max_length=1000, help_text="Where the file is.")
    location = models.CharField(
        max_length=200,
        unique=True,
        help_text="The model's folder, as projects name it: below the data folder.",
    )

    objects: ClassVar[models.Manager] = UnpackedBaseQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"Base model {Path(self.location).name}"

    @property
    def model_folder(self) -> Path:
        """Where the model is, once it is unpacked."""
        return Path(settings.DATA_DIR) / self.location

    @property
    def folder(self) -> Path:
        return self.model_folder.parent

    @property
    def arguments(self) -> list[str]:
        return ["unpack", self.file, str(self.model_folder), "--run-dir", str(self.folder)]

    @property
    def projects(self) -> models.QuerySet[Project]:
        return Project.objects.filter(base_model=self.location)
