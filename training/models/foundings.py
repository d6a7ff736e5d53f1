"""Projects that are being founded in the browser, while a worker checks their base models."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from annotator.models import Project, User

from .leases import Leased

LONGEST = timedelta(hours=2)
"""What the fetching and unpacking of a base model may take, during which nobody renews the lease."""


class Founding(Leased):
    """The last project that somebody founds, or founded, in the browser."""

    founder = models.OneToOneField(User, on_delete=models.CASCADE, related_name="founding")
    values: Any = models.JSONField(
        default=dict, help_text="What was entered; emptied once the project is there."
    )
    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"Founding of {self.values.get('name', self.project)}"

    def hold_long(self) -> None:
        """Hold the lease through work that has no heartbeat."""
        self.write(lease_expires_at=timezone.now() + LONGEST)

    def stop(self) -> bool:
        """End it at once; a worker that is at it then founds nothing. False if it has ended."""
        return self._end(type(self).objects.active().filter(pk=self.pk), self.State.CANCELLED)
