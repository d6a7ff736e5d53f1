"""Assignments: who holds which comparison, what they are shown, and what they skipped."""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from annotator.models import Completion, User

from .rounds import Comparison, Round

PLACES = 3
"""How many comparisons a volunteer may hold at once: the one before them, and two ahead."""
GOLD = 2**14
"""From this number on assignments are places at gold questions, which are given by turns of their own."""


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def held_by(self, user: User) -> Self:
        """Assignments that the user holds, also those that have expired without going to someone else."""
        return self.filter(volunteer=user, state=Assignment.State.HELD)

    def of_volunteers(self) -> Self:
        """Without those at which reviewers decided, which are no places for a volunteer's judgment."""
        return self.exclude(judgments__by_reviewer=True)

    def ordinary(self) -> Self:
        """Without places at gold questions, of which there are more than people need."""
        return self.filter(number__lt=GOLD)

    def free(self) -> int:
        """Take them from their holders; returns how many there were."""
        nobody = {"volunteer": None, "held_until": None, "claimed_at": None}
        return self.update(state=Assignment.State.FREE, **nobody)


class ShowsCompletions:
    """Mixin for models that store the order in which completions are shown."""

    order: Any

    @cached_property
    def shown(self) -> list[Completion]:
        """The completions in the order in which the volunteer sees them."""
        completions = Completion.objects.select_related("mask").in_bulk(self.order)
        return [completions[pk] for pk in self.order]


class Assignment(ShowsCompletions, models.Model):
    """One place for a judgment at a comparison: free, held by a volunteer for a while, or done.

    A comparison can never get more judgments than it has assignments, but for late ones by people who had
    lost theirs: see LapsedAssignment.
    """

    class State(models.TextChoices):
        FREE = "free", _("Free")
        HELD = "held", _("Held")
        DONE = "done", _("Done")

    round = models.ForeignKey(
        Round,
        on_delete=models.CASCADE,
        related_name="assignments",
        help_text="The comparison's round, kept here so that free assignments are found by one index.",
    )
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="assignments")
    number = models.SmallIntegerField(
        help_text="From 0 on, lower ones are given first. Mixed in are, below 0, those of a blind test and, "
        "from 16384 on, those of gold questions."
    )
    language = models.CharField(
        max_length=35, help_text="Code of its prompt's language, kept here for the same reason."
    )
    state = models.CharField(max_length=4, choices=State.choices, default=State.FREE)
    # A held assignment whose holder was deleted has none, and goes to someone else once its time is over.
    volunteer = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="assignments"
    )
    place = models.PositiveSmallIntegerField(
        default=0,
        help_text="Of a held assignment: which of the holder's places it has, of which there are few.",
    )
    held_until = models.DateTimeField(null=True, blank=True)
    key = models.UUIDField(default=uuid.uuid4, help_text="The idempotency key its form carries.")
    order: Any = models.JSONField(
        default=list, help_text="Completion ids in the order this volunteer sees them."
    )
    claimed_at = models.DateTimeField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("comparison", "number"), name="assignment_number_once_per_comparison"
            ),
            models.UniqueConstraint(
                fields=("comparison", "volunteer"),
                condition=Q(volunteer__isnull=False),
                name="one_assignment_per_volunteer",
            ),
            models.CheckConstraint(
                condition=~Q(state="held") | Q(held_until__isnull=False), name="held_assignment_has_an_end"
            ),
            models.UniqueConstraint(
                fields=("round", "volunteer", "place"),
                condition=Q(state="held"),
                name="held_assignment_has_a_place",
            ),
            models.CheckConstraint(condition=Q(place__lt=PLACES), name="few_places"),
        )
        indexes = (
            models.Index(fields=("round", "state", "language", "number", "id"), name="next_assignments"),
        )

    def __str__(self) -> str:
        return f"Assignment {self.number} of comparison {self.comparison_id}"

    @property
    def is_gold(self) -> bool:
        return self.number >= GOLD

    @property
    def is_over(self) -> bool:
        """Whether a held assignment has expired; the holder may still have it."""
        return self.held_until is not None and self.held_until <= timezone.now()

    @property
    def seconds_left(self) -> int:
        """Seconds until a held assignment expires; 0 once it has."""
        left = self.held_until - timezone.now() if self.held_until else timedelta()
        return max(0, int(left.total_seconds()))

    def shown_to(self, volunteer: User, key: uuid.UUID) -> "Assignment | LapsedAssignment | None":
        """What the volunteer was given under this key: this assignment, or what they held of it before
        it went to someone else; None where they were given nothing under it.
        """
        if self.volunteer_id == volunteer.pk and self.key == key:
            return self
        return self.lapsed.select_related("comparison__prompt").filter(volunteer=volunteer, key=key).first()

    def finish(self) -> None:
        """Mark it done: its judgment is stored."""
        self.state = self.State.DONE
        self.held_until = None
        self.save(update_fields=["state", "held_until"])


class LapsedAssignment(ShowsCompletions, models.Model):
    """What a volunteer was shown before their assignment expired and went to someone else.

    By it their judgment is still known and taken, beside the assignments, whose number it does not change.
    """

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="lapsed")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="lapsed_assignments")
    volunteer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="lapsed_assignments")
    key = models.UUIDField(unique=True, help_text="The idempotency key its form carries.")
    order: Any = models.JSONField(help_text="Completion ids in the order this volunteer saw them.")
    claimed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=("comparison", "volunteer"), name="lapsed_by_volunteer"),)

    def __str__(self) -> str:
        return f"Lapsed: {self.assignment}"

    @property
    def round(self) -> Round:
        return self.assignment.round


class Skip(models.Model):
    """A comparison that a volunteer skipped; it is not offered to them again."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="skips")
    volunteer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="skips")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("comparison", "volunteer"), name="skip_once"),)
