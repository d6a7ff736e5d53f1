"""How reliable each member's votes are, as the last fit of a project found it."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from annotator.models import Project, User
from ranking.statistics.consensus import Fit, Known
from ranking.statistics.reliability import DOUBTED, SURE, USUAL

ASKED_FOR = timedelta(hours=1)
"""For how long a fit that was asked for is waited for, before another one is."""


class VoteFitQuerySet(models.QuerySet["VoteFit"]):
    def ask(self, project: Project) -> bool:
        """Note that a project wants a fit; whether nobody had asked for it before.

        Many judgments come at once, and one fit takes all of them in: this is one quick look in most cases.
        """
        now = timezone.now()
        asked = self.filter(project=project).values_list("asked_at", flat=True)
        if not asked:
            self.bulk_create([self.model(project=project, asked_at=now)], ignore_conflicts=True)
            return True
        if asked[0] is not None and asked[0] > now - ASKED_FOR:
            return False
        free = self.filter(Q(asked_at=None) | Q(asked_at__lte=now - ASKED_FOR), project=project)
        return free.update(asked_at=now) == 1


class VoteFit(models.Model):
    """What the votes of a project say as a whole; `Fit` has what the figures are."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="vote_fit")
    temperature = models.FloatField(default=USUAL)
    contested = models.FloatField(null=True, help_text="Empty where people are not of two groups.")
    share = models.FloatField(default=0.0)
    fitted_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True, help_text="When the next one was asked for.")

    objects = VoteFitQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Votes of {self.project}"


class ReliabilityQuerySet(models.QuerySet["Reliability"]):
    def doubted(self) -> Self:
        """Of people whose votes surely say hardly more than a coin, as `People.doubted`."""
        most = (F("if_second") + F("if_first")) / 2 + SURE * F("deviation")
        return self.alias(most=most).filter(most__lt=DOUBTED)


class Reliability(models.Model):
    """What one member's votes in a project are worth; `People` has what the figures are."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reliabilities")
    volunteer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reliabilities")
    if_second = models.FloatField(help_text="How often right where the better answer was shown second.")
    if_first = models.FloatField(help_text="Likewise where it was shown first.")
    deviation = models.FloatField(help_text="Standard deviation of the mean of both.")
    in_second = models.FloatField(help_text="How likely in the second of two groups.")

    objects = ReliabilityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "reliabilities"
        constraints = (
            models.UniqueConstraint(fields=("project", "volunteer"), name="reliability_once"),
            models.CheckConstraint(
                condition=Q(if_second__gt=0, if_second__lt=1, if_first__gt=0, if_first__lt=1),
                name="reliability_is_no_certainty",
            ),
        )

    def __str__(self) -> str:
        return f"Reliability of {self.volunteer} in {self.project}"

    @property
    def value(self) -> float:
        """How often right, 1/2 is as good as a coin."""
        return (self.if_second + self.if_first) / 2


def fit_of(project: Project) -> Fit:
    """The last fit of a project; without one everybody is as reliable as anybody."""
    stored = VoteFit.objects.filter(project=project).first() or VoteFit(project=project)
    rows = Reliability.objects.filter(project=project).values_list("volunteer", *Known._fields)
    known = {volunteer: Known(*values) for volunteer, *values in rows}
    return Fit(known, stored.temperature, stored.contested, stored.share)
