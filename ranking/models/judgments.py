"""Judgments of comparisons, and the preferences drawn from them."""

from datetime import datetime
from typing import NamedTuple, Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.limits import MOST_ANSWERS
from annotator.models import Completion, FlagKind, Project, User
from annotator.models.criteria import CRITERION_LENGTH
from ranking.statistics.pairs import preferred_pairs

from .assignments import Assignment, LapsedAssignment
from .datasets import Dataset
from .exclusions import is_excluded
from .rounds import Comparison, Round


class Preference(NamedTuple):
    """A pair drawn from a judgment, as ids of completions.

    `chosen` was ranked above `rejected` or, where `is_rewrite`, written by the volunteer in its place.
    """

    chosen: int
    rejected: int
    is_rewrite: bool = False


class JudgmentQuerySet(models.QuerySet["Judgment"]):
    def of_project(self, project: Project) -> Self:
        """The current judgments of a project; corrected ones and those on gold questions are left out."""
        return self.ordinary().filter(is_current=True, comparison__round__project=project)

    def for_dataset(self, project: Project) -> Self:
        """What a dataset taken now is made of: the current judgments, but for those of withdrawn prompts and
        of excluded people.
        """
        return self.of_project(project).without_excluded().filter(comparison__prompt__withdrawn_at=None)

    def without_excluded(self, *, at: datetime | None = None) -> Self:
        """Without those of people whose judgments a reviewer left out, now or at a moment."""
        return self.exclude(is_excluded("comparison__round__project", at=at))

    def excluded(self) -> Self:
        return self.filter(is_excluded("comparison__round__project"))

    def in_round(self, round_: Round) -> Self:
        """The current judgments of a round; corrected ones and those on gold questions are left out."""
        return self.ordinary().filter(is_current=True, comparison__round=round_)

    def ordinary(self) -> Self:
        """Without those on gold questions: all that is counted and learned is made of these."""
        return self.exclude(comparison__source=Comparison.Source.GOLD)

    def on_gold(self, project: Project) -> Self:
        """The current judgments on gold questions of a project."""
        of_project = self.filter(is_current=True, comparison__round__project=project)
        return of_project.filter(comparison__source=Comparison.Source.GOLD)

    def asked(self) -> Self:
        """Those of comparisons that people were given, gold questions among them."""
        return self.exclude(comparison__source=Comparison.Source.CHAT)

    def at_desk(self) -> Self:
        """Those of comparisons that volunteers were given.

        One from the chat may be of an answer that was shown alone, and stays what its reviewer took.
        """
        return self.filter(comparison__source=Comparison.Source.DESK)

    def in_chat(self) -> Self:
        return self.filter(comparison__source=Comparison.Source.CHAT)

    def of_volunteers(self) -> Self:
        """Without what reviewers decided about contested comparisons."""
        return self.filter(by_reviewer=False)

    def decisions(self) -> Self:
        """What reviewers decided about contested comparisons, but for people whose judgments are left out."""
        return self.filter(by_reviewer=True, is_current=True).without_excluded()

    def of_people(self) -> Self:
        """What people said as volunteers: without simulated ones, and without what reviewers decide.

        A decision is one person's about what others contest, so it is no sample of how far people agree.
        """
        return self.of_volunteers().filter(volunteer__is_simulated=False)

    def counted_in(self, dataset: Dataset) -> Self:
        """The judgments that a snapshot was made of, as it stored them."""
        return self.filter(
            Q(inclusions__last=None) | Q(inclusions__last__gte=dataset.number),
            inclusions__first__lte=dataset.number,
            comparison__round__project=dataset.project_id,
        )

    def in_dataset(self, dataset: Dataset) -> Self:
        """The rankings and rewrites of which the pairs of a snapshot were made."""
        return self.counted_in(dataset).filter(
            Q(verdict=Judgment.Verdict.RANKED) | Q(demonstration__state="accepted")
        )

    def settled(self) -> Self:
        """The current judgments of closed rounds, which can no longer be corrected."""
        return self.ordinary().filter(is_current=True, comparison__round__closed_at__isnull=False)

    def correctable_by(self, user: User, project: Project) -> Self:
        """The user's current judgments in the open round, the newest first; not those from the chat, nor
        decisions of reviewers, which are taken back.
        """
        in_open = self.filter(comparison__round__project=project, comparison__round__closed_at=None)
        return in_open.asked().of_volunteers().filter(is_current=True, volunteer=user).order_by("-pk")

    def by_verdict(self) -> "list[tuple[Judgment.Verdict, Judgment.Reason | None, int]]":
        """(verdict, reason, count) in the order of the verdicts; most have no reason."""
        counts = {
            (one["verdict"], one["reason"]): one["judgments"]
            for one in self.order_by().values("verdict", "reason").annotate(judgments=Count("pk"))
        }
        places = [
            (verdict, reason)
            for verdict in Judgment.Verdict
            for reason in (Judgment.Reason if verdict == Judgment.Verdict.CANNOT_RANK else [None])
        ]
        return [
            (verdict, reason, count)
            for verdict, reason in places
            if (count := counts.get((verdict.value, reason.value if reason else "")))
        ]


class Judgment(models.Model):
    """One volunteer's judgment of one comparison.

    A correction is a judgment of its own, so that the first answer is kept: it points to the judgment that it
    corrects and has its assignment. Of each such chain one is current: it alone counts, in consensus and
    everywhere else.

    A judgment that came after its assignment's time had run out is late. One whose assignment was someone
    else's by then has none, so that no comparison has more judgments with an assignment than it has
    assignments.

    A judgment by a reviewer decides about a contested comparison, at an assignment of its own. It counts as
    several votes, and can be taken back, also when its round is closed; what they decide then corrects it.
    """

    class Verdict(models.TextChoices):
        RANKED = "ranked", _("Ranked")
        ALL_BAD = "all_bad", _("None is acceptable")
        CANNOT_RANK = "cannot_rank", _("Cannot be ranked")

    class Reason(models.TextChoices):
        """Why a volunteer could not rank."""

        UNCLEAR = "unclear", _("The question cannot be understood")
        LANGUAGE = "language", _("It is in a language that I do not read well")
        KNOWLEDGE = "knowledge", _("I know too little about it")
        BROKEN = "broken", _("The answers are empty, cut off or garbled")
        DISTRESSING = "distressing", _("I would rather not read this")
        OTHER = "other", _("Something else")

    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="judgments")
    assignment = models.ForeignKey(
        Assignment, on_delete=models.PROTECT, null=True, blank=True, related_name="judgments"
    )
    lapsed_assignment = models.ForeignKey(
        LapsedAssignment, on_delete=models.PROTECT, null=True, blank=True, related_name="judgments"
    )
    late = models.BooleanField(default=False, help_text="It came after the assignment's time had run out.")
    volunteer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="judgments")
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    reason = models.CharField(
        max_length=12,
        choices=Reason.choices,
        blank=True,
        help_text="Why it cannot be ranked, in a word; the rationale may say more.",
    )
    rationale = models.TextField(blank=True)
    seconds = models.FloatField(
        validators=[MinValueValidator(0)], help_text="From taking the assignment to submitting."
    )
    key = models.UUIDField(unique=True, help_text="Idempotency key: sent twice, stored once.")
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="correction"
    )
    is_current = models.BooleanField(
        default=False, help_text="It is whole and was not corrected or taken back since: it counts."
    )
    by_reviewer = models.BooleanField(
        default=False, help_text="It decides about a comparison that volunteers contest."
    )
    weight = models.FloatField(default=1.0, help_text="As how many votes it counts in the consensus.")
    taken_back_at = models.DateTimeField(null=True, blank=True, help_text="Of a reviewer's judgment.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = JudgmentQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("comparison", "volunteer"),
                condition=Q(corrects=None),
                name="one_judgment_per_volunteer",
            ),
            models.UniqueConstraint(
                fields=("assignment",), condition=Q(corrects=None), name="one_judgment_per_assignment"
            ),
            models.UniqueConstraint(
                fields=("lapsed_assignment",),
                condition=Q(corrects=None),
                name="one_judgment_per_lapsed_assignment",
            ),
            models.CheckConstraint(
                condition=Q(assignment__isnull=False) | Q(lapsed_assignment__isnull=False),
                name="judgment_from_an_assignment",
            ),
            models.CheckConstraint(
                condition=Q(lapsed_assignment=None) | Q(late=True),
                name="judgment_from_a_lapsed_assignment_is_late",
            ),
            models.UniqueConstraint(
                fields=("comparison", "volunteer"),
                condition=Q(is_current=True),
                name="one_current_judgment_per_volunteer",
            ),
            models.CheckConstraint(
                condition=Q(verdict="cannot_rank") & ~Q(reason="") | ~Q(verdict="cannot_rank") & Q(reason=""),
                name="reason_where_it_cannot_be_ranked",
            ),
            models.CheckConstraint(
                condition=Q(by_reviewer=False, weight=1) | Q(by_reviewer=True, weight__gt=1),
                name="decisions_weigh_more_than_a_vote",
            ),
            models.CheckConstraint(
                condition=Q(taken_back_at=None) | Q(by_reviewer=True, is_current=False),
                name="only_decisions_are_taken_back",
            ),
            models.UniqueConstraint(
                fields=("comparison",),
                condition=Q(is_current=True, by_reviewer=True),
                name="one_decision_per_comparison",
            ),
        )
        indexes = (models.Index(fields=("volunteer", "created_at"), name="judgment_by_volunteer"),)

    def __str__(self) -> str:
        return f"{self.volunteer} on comparison {self.comparison_id}"

    @property
    def shown_assignment(self) -> Assignment | LapsedAssignment:
        """The assignment, or lapsed assignment, that keeps the order in which they were shown."""
        assignment = self.lapsed_assignment or self.assignment
        assert assignment is not None
        return assignment

    def preferences(self) -> list[Preference]:
        """What it prefers: a pair for each two completions that it does not rank alike, and its rewrite.

        A rewrite is preferred once it was accepted.

        Only the ranks are stored; whatever shows preferences draws them here. `ranks` and `demonstration` may
        be prefetched.
        """
        is_ranked = self.verdict == self.Verdict.RANKED
        ranks = {one.completion_id: one.rank for one in self.ranks.all()} if is_ranked else {}
        pairs = [Preference(*pair) for pair in preferred_pairs(ranks)]
        rewrite = getattr(self, "demonstration", None)
        if rewrite and rewrite.is_accepted:
            pairs.append(Preference(rewrite.answer_id, rewrite.original_id, is_rewrite=True))
        return pairs

    def make_current(self) -> None:
        """Mark it complete, so that it counts."""
        self.is_current = True
        self.save(update_fields=["is_current"])

    def take_back(self) -> None:
        """Let a reviewer's decision no longer count; it is kept."""
        self.is_current, self.taken_back_at = False, timezone.now()
        self.save(update_fields=["is_current", "taken_back_at"])

    def mark_corrected(self) -> None:
        """Mark it as corrected: it is kept, but no longer counts."""
        self.is_current = False
        self.save(update_fields=["is_current"])


class RankedCompletion(models.Model):
    """The rank a judgment gave to one completion: 1 is best, equal ranks are ties."""

    judgment = models.ForeignKey(Judgment, on_delete=models.CASCADE, related_name="ranks")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="ranks")
    rank = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("rank", "pk")
        constraints = (
            models.UniqueConstraint(fields=("judgment", "completion"), name="one_rank_per_completion"),
            models.CheckConstraint(condition=Q(rank__gte=1, rank__lte=MOST_ANSWERS), name="rank_1_to_8"),
        )


class Flag(models.Model):
    """A volunteer's mark that something is wrong with a completion."""

    Kind = FlagKind

    judgment = models.ForeignKey(Judgment, on_delete=models.CASCADE, related_name="flags")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="flags")
    kind = models.CharField(max_length=16, choices=FlagKind.choices)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("judgment", "completion", "kind"), name="flag_once_per_judgment"),
        )


class Rating(models.Model):
    """How good a volunteer found a completion by one criterion of the project, 1 to 5."""

    judgment = models.ForeignKey(Judgment, on_delete=models.CASCADE, related_name="ratings")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="ratings")
    # The name that was shown: a project may reword its criteria later.
    criterion = models.CharField(max_length=CRITERION_LENGTH)
    score = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("judgment", "completion", "criterion"), name="rating_once_per_judgment"
            ),
            models.CheckConstraint(condition=Q(score__gte=1, score__lte=5), name="score_1_to_5"),
        )
