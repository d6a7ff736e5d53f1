"""Rounds, and the comparisons they hold."""

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.models import Author, Completion, Project, Prompt, User


class RoundQuerySet(models.QuerySet["Round"]):
    def open(self) -> Self:
        """At most one a project."""
        return self.filter(closed_at=None)


class Round(models.Model):
    """One cycle of collecting, usually a week."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(
        Author, on_delete=models.PROTECT, related_name="rounds", help_text="Whose completions are compared."
    )
    assignment_count = models.PositiveIntegerField(
        default=0, help_text="Of all its comparisons; no assignment is added later."
    )
    languages: Any = models.JSONField(
        default=list, help_text="Codes of its prompts' languages, such as `en`, regions left out."
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = RoundQuerySet.as_manager()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("project", "number"), name="round_number_once"),
            models.UniqueConstraint(
                fields=("project",), condition=Q(closed_at=None), name="one_open_round_per_project"
            ),
        )

    def __str__(self) -> str:
        return gettext("Round %(number)d") % {"number": self.number}

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def languages_for(self, volunteer: User) -> list[str]:
        """The round's languages that the volunteer reads."""
        return [language for language in self.languages if volunteer.reads(language)]

    def close(self) -> None:
        self.closed_at = timezone.now()
        self.save(update_fields=["closed_at"])


class Comparison(models.Model):
    """k ≥ 2 completions of one prompt put before volunteers.

    One from the chat was judged there, by one person, and is given to nobody else; where that person wrote
    how an answer should have been, it has that answer alone.
    """

    class Source(models.TextChoices):
        DESK = "desk", _("Desk")
        CHAT = "chat", _("Chat")

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="comparisons")
    completions: Any = models.ManyToManyField(
        Completion, through="ComparisonItem", related_name="comparisons"
    )
    source = models.CharField(max_length=4, choices=Source.choices, default=Source.DESK)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

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
