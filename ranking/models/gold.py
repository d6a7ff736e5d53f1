"""Gold questions: comparisons whose right ranks are known, mixed in among those that people judge."""

from typing import Self

from django.db import models
from django.db.models import Q

from annotator.limits import MOST_ANSWERS
from annotator.models import Completion, Membership, Project, Prompt


class GoldQuestionQuerySet(models.QuerySet["GoldQuestion"]):
    def in_use(self) -> Self:
        """Those that the next round asks, while nobody has withdrawn their prompt."""
        return self.filter(is_in_use=True)


class GoldQuestion(models.Model):
    """Answers of one prompt whose right ranks a coordinator knows.

    It never changes: taking one out and marking the comparison again makes another, so that what was right
    when somebody answered stays so. Each round that asks it has a comparison of its own with these answers.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="gold_questions")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="gold_questions")
    why = models.TextField(blank=True, help_text="Why these ranks are right, for coordinators.")
    is_in_use = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GoldQuestionQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.prompt.question


class GoldAnswer(models.Model):
    """The right rank of one answer: 1 is best, equal ranks are ties."""

    question = models.ForeignKey(GoldQuestion, on_delete=models.CASCADE, related_name="answers")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="gold_answers")
    rank = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("rank", "pk")
        constraints = (
            models.UniqueConstraint(fields=("question", "completion"), name="gold_answer_once"),
            models.CheckConstraint(condition=Q(rank__gte=1, rank__lte=MOST_ANSWERS), name="gold_rank_1_to_8"),
        )


class PracticeAdvice(models.Model):
    """That a member was told, once, that their answers to gold questions differ from the right ones."""

    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, related_name="practice_advice")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="When they closed it.")

    def __str__(self) -> str:
        return f"Advice for {self.membership}"
