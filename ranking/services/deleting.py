"""Deleting what was judged in a project that is deleted."""

from annotator.models import Project
from annotator.services.chunks import delete_in_chunks
from ranking.models import (
    Assignment,
    Comparison,
    Dataset,
    GoldQuestion,
    Judgment,
    Outcome,
    Round,
    UnpairedPreference,
)


def delete_judging(project: Project) -> None:
    """Delete rounds, judgments, thumbs, outcomes and the rows of datasets; what was learned must be gone.

    The caller holds the project's lock.
    """
    _wait_for_judgments(project)
    Outcome.objects.filter(project=project).delete()
    delete_in_chunks(UnpairedPreference.objects.of_project(project))
    judgments = Judgment.objects.filter(comparison__round__project=project)
    # From the last revision back: a judgment is protected by the one that corrects it.
    delete_in_chunks(judgments.filter(correction=None))
    delete_in_chunks(Comparison.objects.filter(round__project=project))
    GoldQuestion.objects.filter(project=project).delete()
    Round.objects.filter(project=project).delete()
    Dataset.objects.filter(project=project).delete()


def _wait_for_judgments(project: Project) -> None:
    """Take the locks of judgments and corrections: what begins now finds nothing when they are given back."""
    # Without the key, as with the project: a judgment that is being stored commits what points to its round.
    list(Round.objects.select_for_update(no_key=True).filter(project=project).order_by("pk"))
    assignments = Assignment.objects.filter(round__project=project)
    list(assignments.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
