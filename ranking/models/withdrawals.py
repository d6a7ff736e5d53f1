"""Withdrawals of judgments, and the datasets that contained them."""

from django.db import models

from annotator.models import Project

from .datasets import Dataset


class Withdrawal(models.Model):
    """One person withdrew judgments in a project, thumbs among them: how many and when, but never who."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="withdrawals")
    judgments = models.PositiveIntegerField(help_text="How many counted until then.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"Withdrawal of {self.judgments} judgments"


class WithdrawnPart(models.Model):
    """How many judgments of a dataset one withdrawal concerned. Its files stay as they are."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.CASCADE, related_name="parts")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="withdrawn_parts")
    judgments = models.PositiveIntegerField()
    thumbs = models.PositiveIntegerField(default=0, help_text="How many of them were thumbs from the chat.")

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=("withdrawal", "dataset"), name="withdrawn_part_once"),)
