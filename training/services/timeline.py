"""A project's rounds with what each collected, learned, cost and led to."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from annotator.models import Project
from ranking.models import Dataset, Inclusion, Judgment, Round
from ranking.models.collected import Collected, collected_in
from ranking.models.round_states import RoundState
from ranking.statistics.consensus import Fit
from training.models import ModelVersion, TrainingRun, Update

STATES_WITH_CANDIDATE = (RoundState.GATING, RoundState.RELEASED, RoundState.KEPT)


@dataclass(frozen=True)
class Expense:
    """Seconds of the machine and kilowatt-hours (None where they are not known) of runs."""

    seconds: float
    kwh: float | None

    @classmethod
    def of(cls, runs: Iterable[TrainingRun]) -> "Expense":
        """Attempts without success count at the power of those that had it."""
        runs = list(runs)
        results = [run.result for run in runs if "seconds" in run.result]
        unfinished = sum(run.unfinished_seconds for run in runs)
        seconds = sum(result["seconds"] for result in results)
        energy = [result.get("energy", {}).get("kwh") for result in results]
        if None in energy or (unfinished and not seconds):
            return cls(seconds + unfinished, None)
        return cls(seconds + unfinished, sum(energy) * (1 + unfinished / seconds) if seconds else 0.0)


@dataclass(frozen=True)
class RoundLine:
    """One round: `before` answered its prompts, `candidate` is what the newest update made of it.

    `late` judgments are not in `learned`, the dataset of the newest update: they count for the next one.
    """

    round: Round
    collected: Collected
    late: int
    learned: Dataset | None
    before: ModelVersion | None
    updates: list[Update]
    expense: Expense

    @property
    def candidate(self) -> ModelVersion | None:
        return next((update.candidate for update in self.updates if update.candidate), None)

    @property
    def after(self) -> ModelVersion | None:
        """Which version was live after it; None while that is open."""
        if self.round.state == RoundState.RELEASED:
            return self.candidate
        return self.before if self.round.state in (RoundState.KEPT, RoundState.SKIPPED) else None


def rounds_of(project: Project) -> QuerySet[Round]:
    """The rounds, the newest first, with what their lines are made of."""
    updates = Update.objects.select_related("candidate", "dataset__project").prefetch_related("runs")
    return (
        Round.objects.filter(project=project)
        .select_related("author__version", "project")
        .prefetch_related(Prefetch("updates", updates), "runs")
    )


def line_of(one: Round, fit: Fit) -> RoundLine:
    """A round of `rounds_of` with its figures, counted anew from its judgments with the project's fit."""
    judgments = Judgment.objects.in_round(one)
    updates = list(one.updates.all())
    last = next((update.dataset for update in updates if update.dataset), None)
    late = Inclusion.objects.missing_from(last).filter(comparison__round=one).count() if last else 0
    runs = [*one.runs.all(), *(run for update in updates for run in update.runs.all())]
    return RoundLine(
        round=one,
        collected=collected_in(judgments, fit),
        late=late,
        learned=last,
        before=getattr(one.author, "version", None),
        updates=updates,
        expense=Expense.of(runs),
    )
