"""Versions that came from another project."""

from typing import Any

from django.db import models

from .versions import ModelVersion


class Origin(models.Model):
    """Where a version came from that another project's updates made.

    Its files are copies, and `facts` stay when the other project is deleted: its name, the number and the
    checksum of its version, and the datasets behind that with their licences.
    """

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="origin")
    source = models.ForeignKey(
        ModelVersion,
        on_delete=models.SET_NULL,
        null=True,
        related_name="descendants",
        help_text="The other project's version; empty once that project is deleted.",
    )
    facts: Any = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.facts['project']['name']}, version {self.facts['version']}"
