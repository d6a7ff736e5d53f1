"""Records what came of judgments, for volunteers to see; called by training."""

from django.db import transaction

from annotator.models import Author
from ranking.models import Dataset, Judgment, Outcome


def record_outcome(
    *,
    dataset: Dataset,
    candidate: Author,
    baseline: Author,
    judge: Outcome.Judge,
    wins: int,
    ties: int,
    losses: int,
) -> Outcome:
    """Store what the version that learned from a dataset did against the one before; nothing is decided yet.

    Part of the act that makes the version, whose transaction and audit row it shares.
    """
    people = Judgment.objects.in_dataset(dataset).of_people()
    return Outcome.objects.create(
        project=dataset.project,
        dataset=dataset,
        candidate=candidate,
        baseline=baseline,
        judge=judge,
        wins=wins,
        ties=ties,
        losses=losses,
        volunteers=people.values("volunteer").distinct().count(),
    )


@transaction.atomic
def decide_outcome(*, candidate: Author, decision: Outcome.Decision) -> None:
    """Store whether a version was released; one that learned from no judgments has no outcome to decide."""
    outcome = Outcome.objects.select_for_update().filter(candidate=candidate).first()
    if outcome is not None and outcome.decision != decision:
        outcome.decide(decision)
