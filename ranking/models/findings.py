"""What was found about people whose answers are unlike others', for reviewers to look at."""

from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Project, User

from .exclusions import is_excluded

AGAIN = 2
"""A finding that was put away comes back once its person has given so many times as many judgments."""


class FindingQuerySet(models.QuerySet["Finding"]):
    def of_project(self, project: Project) -> Self:
        return self.filter(project=project)

    def without_excluded(self) -> Self:
        """Without those about people whose judgments are left out already."""
        return self.exclude(is_excluded("project"))

    def waiting_in(self, project: Project) -> Self:
        """Those that no reviewer has put away, or that more judgments have confirmed since."""
        fresh = Q(put_away_at=None) | Q(judgments__gte=AGAIN * F("put_away_with"))
        return self.of_project(project).without_excluded().filter(fresh)

    def put_away(self, actor: User) -> None:
        """No reviewer has to look at them until there is more."""
        self.update(put_away_by=actor, put_away_at=timezone.now(), put_away_with=F("judgments"))

    def bring_back(self) -> None:
        self.update(put_away_by=None, put_away_at=None, put_away_with=0)


class Finding(models.Model):
    """Something about a person's judgments that most people's do not have; no proof of anything.

    `figures` are the evidence, by the kind of finding, see `ranking.services.fits.findings`; `judgments` is
    how many the person had given.
    """

    class Kind(models.TextChoices):
        AGAINST = "against", _("Answers unlike others'")
        ONE_SIDED = "one_sided", _("One side, whatever is shown there")
        DOUBTED = "doubted", _("Votes that say hardly more than a coin")
        HASTY = "hasty", _("Quicker than anybody reads")
        EVEN = "even", _("Always the same time")
        SAME_TEXT = "same_text", _("The same words again and again")
        SHARED_TEXT = "shared_text", _("The same words as somebody else")
        LARGE_SHARE = "large_share", _("Many of a version's votes")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="findings")
    volunteer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=11, choices=Kind.choices)
    figures: Any = models.JSONField(default=dict)
    judgments = models.PositiveIntegerField()
    found_at = models.DateTimeField(auto_now=True)
    put_away_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    put_away_at = models.DateTimeField(null=True)
    put_away_with = models.PositiveIntegerField(default=0, help_text="How many judgments there were then.")

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("project", "volunteer", "kind"), name="finding_once_per_kind"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.volunteer} in {self.project}"
