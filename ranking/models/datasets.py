"""Immutable snapshots of preferences."""

import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext

from annotator.models import Project, User
from ranking.dataset_files import CARD, MANIFEST, WITHDRAWALS


class Dataset(models.Model):
    """A snapshot of a project's preferences, written once: files, card, manifest and checksums.

    `manifest` names every file with its sha256; `sha256` is that of the manifest file itself.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    number = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    pairs = models.PositiveIntegerField()
    train_pairs = models.PositiveIntegerField()
    held_out_pairs = models.PositiveIntegerField()
    judgments = models.PositiveIntegerField()
    simulated_judgments = models.PositiveIntegerField(default=0)
    last_judgment_id = models.BigIntegerField(
        help_text="Judgments up to and including this one are in the snapshot."
    )
    last_unpaired_id = models.BigIntegerField(
        default=0, help_text="Likewise of thumbs from the chat; 0 for none."
    )
    manifest: Any = models.JSONField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=("project", "number"), name="dataset_number_once"),)

    def __str__(self) -> str:
        return gettext("Dataset %(number)d") % {"number": self.number}

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return Path(settings.DATA_DIR) / "datasets" / self.project.slug / str(self.number)

    @property
    def withdrawn_people(self) -> int:
        """How many people have withdrawn their judgments from it since."""
        return len(self.withdrawn_parts.all())

    @property
    def withdrawn_judgments(self) -> int:
        return sum(part.judgments for part in self.withdrawn_parts.all())

    @property
    def file_names(self) -> list[str]:
        """The files that may be downloaded."""
        noted = [WITHDRAWALS] if self.withdrawn_people else []
        return [*self.manifest["files"], MANIFEST, *noted]

    def note_of_withdrawals(self) -> str:
        """The withdrawals since then, as JSON beside the manifest, which never changes.

        Days only: the hour of a withdrawal could tell whose it was.
        """
        parts = self.withdrawn_parts.select_related("withdrawal")
        note = {
            "format": "chorus-withdrawals-1",
            "manifest_sha256": self.sha256,
            "judgments": self.withdrawn_judgments,
            "withdrawals": [
                {"day": part.withdrawal.created_at.date().isoformat(), "judgments": part.judgments}
                for part in parts
            ],
        }
        return json.dumps(note, indent=2) + "\n"

    def open_file(self, name: str) -> IO[bytes]:
        """One of `file_names`, to be read; raises OSError for any other name and for a file that is gone."""
        if name not in self.file_names:
            raise FileNotFoundError(name)
        if name == WITHDRAWALS:
            return io.BytesIO(self.note_of_withdrawals().encode())
        return (self.folder / name).open("rb")

    @property
    def folder_name(self) -> str:
        """The folder's name in a download."""
        return f"{self.project.slug}-{self.number}"

    def open_zip(self) -> io.BufferedRandom:
        """All `file_names` in one folder, as a zip to be read; raises OSError when a file is gone.

        Not compressed, because Parquet is; and the same bytes each time, until something is taken back.
        """
        archive = tempfile.TemporaryFile(dir=settings.DATA_DIR)  # noqa: SIM115 - the caller closes it
        try:
            with zipfile.ZipFile(archive, "w") as target:
                for name in self.file_names:
                    entry = zipfile.ZipInfo(f"{self.folder_name}/{name}", self.created_at.timetuple()[:6])
                    entry.external_attr = 0o644 << 16
                    with self.open_file(name) as source, target.open(entry, "w", force_zip64=True) as copy:
                        shutil.copyfileobj(source, copy)
        except BaseException:
            archive.close()
            raise
        archive.seek(0)
        return archive

    def card(self) -> str:
        """The dataset's README without its front matter; empty when the file is gone."""
        try:
            with self.open_file(CARD) as file:
                text = file.read().decode()
        except OSError:
            return ""
        return text.split("\n---\n", 1)[-1]
