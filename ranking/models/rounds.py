"""Rounds, and the comparisons they hold."""

from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.models import AuditEvent, Author, Completion, Project, Prompt, User

from .gold import GoldQuestion
from .round_states import SETTLED, RoundState, states_before


class RoundQuerySet(models.QuerySet["Round"]):
    def open(self) -> Self:
        """Those that take rankings, at most one a project; no new ones where it is paused."""
        return self.begun().filter(closed_at=None)

    def begun(self) -> Self:
        return self.exclude(state=RoundState.PREPARING)

    def settled(self) -> Self:
        return self.filter(closed_at__isnull=False, state__in=SETTLED)

    def preparing(self) -> Self:
        """Those for which answers are being made, at most one a project."""
        return self.filter(state=RoundState.PREPARING)


class Round(models.Model):
    """One cycle of collecting, usually a week; `RoundState` tells its life."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(
        Author, on_delete=models.PROTECT, related_name="rounds", help_text="Whose completions are compared."
    )
    assignment_count = models.PositiveIntegerField(
        default=0, help_text="Of its comparisons, but for those that its tallies count, and gold questions."
    )
    gold_count = models.PositiveIntegerField(
        default=0, help_text="How many gold questions were mixed in when it opened."
    )
    languages: Any = models.JSONField(
        default=list, help_text="Codes of its prompts' languages, such as `en`, regions left out."
    )
    state = models.CharField(max_length=9, choices=RoundState.choices, default=RoundState.OPEN)
    reason = models.TextField(blank=True, help_text="Why it is in its state, where that needs one.")
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Since then it takes no rankings.")

    objects = RoundQuerySet.as_manager()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("project", "number"), name="round_number_once"),
            models.UniqueConstraint(
                fields=("project",),
                condition=Q(closed_at=None) & ~Q(state=RoundState.PREPARING),
                name="one_open_round_per_project",
            ),
            models.UniqueConstraint(
                fields=("project",),
                condition=Q(state=RoundState.PREPARING),
                name="one_prepared_round_per_project",
            ),
            models.CheckConstraint(
                condition=Q(state=RoundState.PREPARING, opened_at=None, closed_at=None)
                | (~Q(state=RoundState.PREPARING) & Q(opened_at__isnull=False)),
                name="round_opened_unless_preparing",
            ),
        )

    def __str__(self) -> str:
        return gettext("Round %(number)d") % {"number": self.number}

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and self.state != RoundState.PREPARING

    @property
    def is_paused(self) -> bool:
        return self.state == RoundState.PAUSED

    @property
    def is_settled(self) -> bool:
        """Whether it takes no more rankings, and what became of it is decided."""
        return self.closed_at is not None and self.state in SETTLED

    def languages_for(self, volunteer: User) -> list[str]:
        """The round's languages that the volunteer reads."""
        return [language for language in self.languages if volunteer.reads(language)]

    @transaction.atomic
    def move(self, to: RoundState, *, actor: User | None = None, reason: str = "") -> bool:
        """Change the state, on record; False, with nothing changed, where no move leads there."""
        before = Round.objects.values_list("state", flat=True).get(pk=self.pk)
        movable = Round.objects.filter(pk=self.pk, state=before)
        if before not in states_before(to) or not movable.update(state=to, reason=reason):
            return False
        self.state, self.reason = to, reason
        AuditEvent.objects.create(
            verb="round.moved",
            actor=actor,
            project_id=self.project_id,
            target=AuditEvent.label_of(self),
            data={"before": before, "after": to},
        )
        return True

    def prepare_for(self, author: Author) -> None:
        """Have it compare another author's answers."""
        self.author = author
        self.save(update_fields=["author"])

    def open(self, *, author: Author, assignment_count: int, languages: list[str], gold_count: int) -> None:
        """Open a round that was being prepared; the caller holds the project's lock."""
        self.author, self.assignment_count, self.languages = author, assignment_count, languages
        self.gold_count = gold_count
        self.opened_at, self.state = timezone.now(), RoundState.OPEN
        self.save()

    def close(self) -> None:
        self.closed_at = timezone.now()
        self.save(update_fields=["closed_at"])


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def ordinary(self) -> Self:
        """Without the copies of gold questions: whatever counts what a round asks and learns counts these."""
        return self.exclude(source=Comparison.Source.GOLD)


class Comparison(models.Model):
    """k ≥ 2 completions of one prompt put before volunteers.

    One from the chat was judged there, by one person, and is given to nobody else; where that person wrote
    how an answer should have been, it has that answer alone. One of a gold question looks like any other,
    and says how reliable people are; nothing is learned from it.
    """

    class Source(models.TextChoices):
        DESK = "desk", _("Desk")
        CHAT = "chat", _("Chat")
        GOLD = "gold", _("Gold question")

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="comparisons")
    completions: Any = models.ManyToManyField(
        Completion, through="ComparisonItem", related_name="comparisons"
    )
    source = models.CharField(max_length=4, choices=Source.choices, default=Source.DESK)
    gold = models.ForeignKey(
        GoldQuestion, on_delete=models.PROTECT, null=True, blank=True, related_name="copies"
    )
    selection_probability = models.FloatField(
        null=True,
        help_text="With which just these of its prompt's answers were chosen; empty where nobody chose.",
    )
    contest = models.FloatField(
        null=True,
        help_text="How much a reviewer's decision would change; empty where people do not contest it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.CheckConstraint(
                condition=Q(source="gold", gold__isnull=False) | (~Q(source="gold") & Q(gold=None)),
                name="gold_comparison_of_a_gold_question",
            ),
            models.UniqueConstraint(fields=("round", "gold"), name="gold_question_once_a_round"),
        )
        indexes = (
            models.Index(fields=("round",), condition=Q(contest__isnull=False), name="contested_comparisons"),
        )

    def __str__(self) -> str:
        return f"Comparison {self.pk}: {self.prompt}"


class ComparisonItem(models.Model):
    """One completion's place in a comparison."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="items")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("comparison", "completion"), name="completion_once_per_comparison"
            ),
        )
