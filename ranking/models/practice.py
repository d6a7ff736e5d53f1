"""Practice comparisons with known ranks, and members' attempts at them."""

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotator.models import Completion, Membership, Project, Prompt

from .masks import without_names


class PracticeComparisonQuerySet(models.QuerySet["PracticeComparison"]):
    def in_use(self) -> Self:
        """Those that a new attempt may use."""
        return self.filter(is_in_use=True)


class PracticeComparison(models.Model):
    """Answers whose right ranks are known, and why they are right.

    It never changes: editing one puts another in its place, so that results that were shown stay true.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="practice_comparisons")
    messages: Any = models.JSONField(help_text="As a prompt's.")
    language = models.CharField(max_length=35, default="en")
    answers: Any = models.JSONField(help_text="Texts, as many as a comparison may have.")
    ranks: Any = models.JSONField(help_text="The right rank of each answer: 1 is best, equal ranks are ties.")
    why = models.TextField(help_text="Markdown; shown after it was ranked.")
    is_in_use = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PracticeComparisonQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.prompt.question

    @property
    def prompt(self) -> Prompt:
        """The conversation as an unsaved Prompt, as the desk's templates expect it."""
        return Prompt(messages=self.messages, language=self.language)


class PracticeAttempt(models.Model):
    """A member's attempt at a set of practice comparisons, of which `needed` must be right."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="practice_attempts")
    number = models.PositiveSmallIntegerField()
    needed = models.PositiveSmallIntegerField()
    begun_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    passed = models.BooleanField(null=True, help_text="Empty until it is finished.")

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("membership", "number"), name="practice_attempt_number_once"),
            models.UniqueConstraint(
                fields=("membership",), condition=Q(finished_at=None), name="one_open_practice_attempt"
            ),
        )

    def __str__(self) -> str:
        return f"Attempt {self.number} of {self.membership}"

    @property
    def right(self) -> int:
        return self.assignments.filter(is_right=True).count()

    def next_assignment(self) -> "PracticeAssignment | None":
        """The first comparison not answered yet."""
        return self.assignments.filter(is_right=None).select_related("comparison").first()

    def finish(self) -> None:
        self.finished_at = timezone.now()
        self.passed = self.right >= self.needed
        self.save(update_fields=["finished_at", "passed"])


class PracticeAssignment(models.Model):
    """One comparison of an attempt, with the order in which it is shown and the ranks that were given.

    It has what a form of the desk asks an assignment for, so that practice looks and works like ranking.
    """

    attempt = models.ForeignKey(PracticeAttempt, on_delete=models.CASCADE, related_name="assignments")
    comparison = models.ForeignKey(PracticeComparison, on_delete=models.CASCADE, related_name="assignments")
    place = models.PositiveSmallIntegerField()
    order: Any = models.JSONField(help_text="Places in the comparison's answers, in the order shown.")
    ranks: Any = models.JSONField(null=True, help_text="As given, in the order of the answers.")
    is_right = models.BooleanField(null=True, help_text="Empty until it was answered.")

    class Meta:
        ordering = ("place",)
        constraints = (
            models.UniqueConstraint(fields=("attempt", "place"), name="practice_place_once_per_attempt"),
        )

    def __str__(self) -> str:
        return f"{self.place} of {self.attempt}"

    @property
    def shown(self) -> list[Completion]:
        """The answers in the order in which they are shown."""
        known = self.comparison
        texts = without_names(known.answers, known.project, known.prompt.question)
        return [Completion(text=texts[place]) for place in self.order]
