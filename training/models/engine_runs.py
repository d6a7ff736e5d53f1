"""What the engine is started for, and watched at, in a process of its own."""

from pathlib import Path
from typing import Any

from django.db import models

from .leases import Leased


class EngineRun(Leased):
    """Work that the engine does in a directory, held by a lease meanwhile."""

    progress: Any = models.JSONField(default=dict, help_text="The last line of progress.jsonl.")
    result: Any = models.JSONField(default=dict, help_text="The engine's result.json.")

    unfinished_seconds = models.FloatField(
        default=0.0, help_text="How long engines worked on it in attempts that did not succeed."
    )

    class Meta:
        abstract = True

    @property
    def folder(self) -> Path:
        """The engine's run directory."""
        raise NotImplementedError

    @property
    def arguments(self) -> list[str]:
        """What `python -m training.rlhf` is told."""
        raise NotImplementedError

    def is_cancel_requested(self) -> bool:
        """Whether somebody asked, since the row was read, to stop this run."""
        return type(self).objects.filter(pk=self.pk, cancel_requested_at__isnull=False).exists()
