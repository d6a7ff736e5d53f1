"""What a volunteer's home page tells of their own part."""

from typing import Any

from annotator.models import Project, User
from ranking.models import Judgment, Outcome, Preference

OUTCOMES = 6


def outcomes_of(project: Project, user: User) -> dict[str, Any]:
    """What came of the rankings so far: the newest in full, with how many of the user's own taught it.

    Of earlier ones those that were decided; while one waits, how it did is not told yet.
    """
    outcomes = list(project.outcomes.select_related("dataset", "candidate", "baseline")[:OUTCOMES])
    if not outcomes:
        return {}
    told, *earlier = outcomes
    return {
        "told": told,
        "own_in_told": Judgment.objects.in_dataset(told.dataset).filter(volunteer=user).count(),
        "earlier": [one for one in earlier if one.decision != Outcome.Decision.WAITING],
    }


def agreement_of(project: Project, user: User) -> dict[str, Any]:
    return {"agreement": Preference.objects.agreement(user, project)}
