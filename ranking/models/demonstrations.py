"""Answers written by volunteers, and what reviewers decide about them."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Completion, Project, User

from .judgments import Judgment
from .rounds import Comparison

WORD_LENGTH = 1000


class DemonstrationQuerySet(models.QuerySet["Demonstration"]):
    def of_project(self, project: Project) -> Self:
        """Those of judgments that count."""
        return self.filter(judgment__is_current=True, judgment__comparison__round__project=project)

    def waiting_in(self, project: Project) -> Self:
        """Those of a project that a reviewer has to decide about; of gold questions nothing is learned."""
        of_ordinary = ~Q(judgment__comparison__source=Comparison.Source.GOLD)
        return self.of_project(project).filter(of_ordinary, state=Demonstration.State.WAITING)


class Demonstration(models.Model):
    """An answer that a volunteer wrote with a judgment, and the completion that it improves.

    The answer is a completion by the volunteer's own Author. Once it is accepted it is preferred to its
    original, as the volunteer wrote it or as a reviewer edited it, and counts while its judgment does.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waits for a reviewer")
        ACCEPTED = "accepted", _("Accepted")
        REFUSED = "refused", _("Not accepted")

    judgment = models.OneToOneField(Judgment, on_delete=models.CASCADE, related_name="demonstration")
    original = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="rewrites")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="demonstrations")
    edited = models.ForeignKey(
        Completion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="edited_demonstrations",
        help_text="What a reviewer made of it, by the same Author; empty where it is as it was written.",
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty also where the project takes rewritten answers without review.",
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    word = models.TextField(
        max_length=WORD_LENGTH, blank=True, help_text="What the reviewer says to its writer."
    )

    objects = DemonstrationQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(original=F("completion")), name="rewrite_is_not_the_original"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None)
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="rewrite_decided_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"Demonstration of judgment {self.judgment_id}"

    @property
    def is_accepted(self) -> bool:
        return self.state == self.State.ACCEPTED

    @property
    def answer(self) -> Completion:
        """What is learned from: as it was edited, else as it was written."""
        return self.edited or self.completion

    @property
    def answer_id(self) -> int:
        return self.edited_id or self.completion_id

    def decide(
        self, state: State, *, actor: User | None, word: str = "", edited: Completion | None = None
    ) -> None:
        self.state, self.decided_by, self.decided_at = state, actor, timezone.now()
        self.word, self.edited = word, edited
        self.save(update_fields=["state", "decided_by", "decided_at", "word", "edited"])

    def decide_like(self, earlier: "Demonstration") -> None:
        """Take over what was decided about the same answer in a judgment that this one's corrects."""
        self.state, self.decided_by, self.decided_at = earlier.state, earlier.decided_by, earlier.decided_at
        self.word, self.edited = earlier.word, earlier.edited
        self.save(update_fields=["state", "decided_by", "decided_at", "word", "edited"])
