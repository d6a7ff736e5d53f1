"""Answers written by volunteers."""

from django.db import models
from django.db.models import F, Q

from annotator.models import Completion

from .judgments import Judgment


class Demonstration(models.Model):
    """An answer that a volunteer wrote with a judgment, and the completion that it improves.

    The answer is a completion by the volunteer's own Author and is preferred to its original. It counts while
    its judgment does.
    """

    judgment = models.OneToOneField(Judgment, on_delete=models.CASCADE, related_name="demonstration")
    original = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="rewrites")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="demonstrations")

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(original=F("completion")), name="rewrite_is_not_the_original"
            ),
        )

    def __str__(self) -> str:
        return f"Demonstration of judgment {self.judgment_id}"
