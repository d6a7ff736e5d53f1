"""Answers that people flagged as harmful or wrong, and what reviewers decide about them."""

from typing import Self

from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Completion, FlagKind, Project, User

from .judgments import Flag

REVIEWED = (FlagKind.HARMFUL, FlagKind.FACTUAL_ERROR)
"""The flags that a reviewer looks at; who wrote an answer is a question of its own (`Mask`)."""


class AnswerReviewQuerySet(models.QuerySet["AnswerReview"]):
    def withdrawn_in(self, project: Project) -> Self:
        """Those of a project's answers that a reviewer took out."""
        return self.filter(project=project, decision=AnswerReview.Decision.WITHDRAWN)


class AnswerReview(models.Model):
    """Whether a flagged answer is still compared.

    Enough people who flag it as harmful have it withheld from the desk until a reviewer decides.
    """

    class Decision(models.TextChoices):
        OPEN = "", _("To decide")
        KEPT = "kept", _("Kept")
        WITHDRAWN = "withdrawn", _("Taken out")

    completion = models.OneToOneField(Completion, on_delete=models.CASCADE, related_name="review")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="answer_reviews")
    withheld_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=9, choices=Decision.choices, default=Decision.OPEN, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = AnswerReviewQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"Review of completion {self.completion_id}"

    @property
    def is_off_the_desk(self) -> bool:
        withheld = self.decision == self.Decision.OPEN and self.withheld_at is not None
        return withheld or self.decision == self.Decision.WITHDRAWN

    def withhold(self) -> None:
        self.withheld_at = timezone.now()
        self.save(update_fields=["withheld_at"])

    def decide(self, decision: str, actor: User) -> None:
        self.decision, self.decided_by, self.decided_at = decision, actor, timezone.now()
        self.save(update_fields=["decision", "decided_by", "decided_at"])


def people_who_flag(completion: Completion | int, kind: FlagKind) -> int:
    """How many people's judgments that count have this flag on an answer; simulated volunteers are none."""
    flags = Flag.objects.filter(
        completion=completion, kind=kind, judgment__is_current=True, judgment__volunteer__is_simulated=False
    )
    return flags.values("judgment__volunteer").distinct().count()


def flagged_answers(project: Project, *, only_open: bool = False) -> QuerySet[Completion]:
    """The project's answers that are flagged as harmful or wrong, those first where a decision changes most.

    `harmful` and `wrong` count their judgments with these flags. `is_open` says whether a reviewer has to
    decide: nobody did, or it was flagged since. `only_open` leaves out the others.
    """
    counted = Q(flags__judgment__is_current=True)
    of_project = Flag.objects.filter(
        kind__in=REVIEWED, judgment__is_current=True, judgment__comparison__round__project=project
    )
    since = of_project.filter(
        completion=OuterRef("pk"), judgment__created_at__gt=OuterRef("review__decided_at")
    )
    found = (
        Completion.objects.filter(pk__in=of_project.values("completion"))
        .annotate(
            is_open=Q(review__isnull=True) | Q(review__decision="") | Exists(since),
            harmful=Count("flags", filter=counted & Q(flags__kind=FlagKind.HARMFUL)),
            wrong=Count("flags", filter=counted & Q(flags__kind=FlagKind.FACTUAL_ERROR)),
            is_withheld=Case(When(review__decision="", review__withheld_at__isnull=False, then=1), default=0),
        )
        .select_related("review", "mask", "prompt")
        .order_by("-is_withheld", "-harmful", "-wrong", "-pk")
    )
    return found.filter(is_open=True) if only_open else found
