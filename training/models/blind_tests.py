"""Blind tests of candidates by people, and what groups of them said."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.models import User
from annotator.models.groups import GROUP_LENGTH
from ranking.models import Comparison, Round

from .versions import ModelVersion


class BlindTest(models.Model):
    """People compare a candidate's answers with the live version's, and do not know which is whose.

    The comparisons are mixed into a round. Figures are those of the last look at the votes, by the rule of
    `ranking.statistics.sequential`; they are empty before the first vote.
    """

    class Verdict(models.TextChoices):
        GO_ON = "go on", _("not decided yet")
        BETTER = "better", _("better")
        WORSE = "worse", _("worse")
        NO_DIFFERENCE = "no difference", _("no difference")

    candidate = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="blind_test")
    baseline = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="blind_tests")
    comparisons: Any = models.ManyToManyField(Comparison, related_name="blind_tests")
    started_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    verdict = models.CharField(max_length=13, choices=Verdict.choices, default=Verdict.GO_ON)
    votes = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0)
    simulated_votes = models.PositiveIntegerField(default=0)
    mean = models.FloatField(null=True, blank=True, help_text="Of 1, 1/2, 0 for win, tie, loss.")
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    shrunken = models.FloatField(null=True, blank=True, help_text="The mean, drawn back towards 1/2.")
    turning_votes = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many votes fewer would turn the verdict; none found if empty."
    )
    one_person_turns = models.BooleanField(default=False, help_text="One person's votes alone would do so.")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"Blind test of {self.candidate}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    @property
    def turning_share(self) -> float | None:
        """The share of the votes that would turn the verdict; None where none was found."""
        return None if self.turning_votes is None or not self.votes else self.turning_votes / self.votes


class GroupFigure(models.Model):
    """A share that people of one group gave in a blind test, with its interval; counted once, when it ended.

    Figures that were counted anew would tell how somebody voted who has joined the group meanwhile.
    """

    class Measure(models.TextChoices):
        WON = "won"  # by the candidate, in its votes
        REWARDED = "rewarded"  # how often the reward model prefers the same answer as these people
        AGREEMENT = "agreement"  # how often others in the round do

    test = models.ForeignKey(BlindTest, on_delete=models.CASCADE, related_name="group_figures")
    name = models.CharField(max_length=GROUP_LENGTH)
    measure = models.CharField(max_length=9, choices=Measure.choices)
    people = models.PositiveIntegerField()
    value = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("test", "name", "measure"), name="group_figure_once_a_test"),
        )

    def __str__(self) -> str:
        return f"{self.name}: {self.measure}"
