"""Outcomes of judgments: the version trained on them, and whether it was released."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Author, Project

from .datasets import Dataset


class Outcome(models.Model):
    """How a version trained on a dataset did against the one before, and what was decided.

    Training tells it, so that volunteers can read it where they rank. `wins` and `losses` are the
    candidate's.
    """

    class Judge(models.TextChoices):
        """Who compared the two versions' answers."""

        PEOPLE = "people", _("People, who did not know which answer was whose")
        REWARD_MODEL = "reward_model", _("A program that learned from rankings what people prefer")
        MODEL = "model", _("Another language model")

    class Decision(models.TextChoices):
        WAITING = "waiting", _("Not decided yet")
        RELEASED = "released", _("Released")
        NOT_RELEASED = "not_released", _("Not released")
        TAKEN_BACK = "taken_back", _("Released, then replaced by an earlier version")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="outcomes")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="outcomes")
    candidate = models.OneToOneField(Author, on_delete=models.PROTECT, related_name="outcome")
    baseline = models.ForeignKey(Author, on_delete=models.PROTECT, related_name="+")
    judge = models.CharField(max_length=12, choices=Judge.choices)
    wins = models.PositiveIntegerField()
    ties = models.PositiveIntegerField()
    losses = models.PositiveIntegerField()
    volunteers = models.PositiveIntegerField(
        help_text="People whose rankings are in the dataset; simulated volunteers are not counted."
    )
    decision = models.CharField(max_length=12, choices=Decision.choices, default=Decision.WAITING)
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(decision="waiting", decided_at=None)
                | ~models.Q(decision="waiting") & models.Q(decided_at__isnull=False),
                name="outcome_decided_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.candidate} against {self.baseline}"

    @property
    def compared(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def win_rate_percent(self) -> int:
        """The candidate's win rate in percent, a tie counted as half: the one that coordinators see, too."""
        return round(100 * (self.wins + self.ties / 2) / self.compared) if self.compared else 0

    def decide(self, decision: Decision) -> None:
        self.decision = decision
        self.decided_at = timezone.now()
        self.save(update_fields=["decision", "decided_at"])
