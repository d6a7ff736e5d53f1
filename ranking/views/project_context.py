"""Context of a project's first page: the round, the reader's part in it, and earlier outcomes."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotator.access import ProjectRequest
from annotator.models import Project, User
from ranking.models import Judgment, Outcome, Round, Tally
from ranking.models.agreement import agreement_of

from .rest_reminder import long_sitting

OUTCOMES = 6
LEADERS = 10


@dataclass(frozen=True)
class Leader:
    """A line of the leaderboard: a given name, or a label in its place."""

    name: str
    given: int
    is_reader: bool


def project_context(request: ProjectRequest, current: Round | None) -> dict[str, Any]:
    """The context of the page for any member; `current` is the open round."""
    project, user = request.project, request.user
    own = Tally.objects.of(user, project)
    last = current or project.rounds.begun().first()
    return {
        "round": current,
        "last_round": last,
        "progress": Tally.objects.progress(last, user).as_seen if last else None,
        "own_today": own.today().total(),
        "own_total": own.total(),
        "own_days": own.values("day").distinct().count(),
        "stretch": long_sitting(request),
        "agreement": agreement_of(user, project),
        **_outcomes(project, user),
        **_leaderboard(project, user, last),
    }


def _outcomes(project: Project, user: User) -> dict[str, Any]:
    """Outcomes so far: the newest in full, with how many of the user's judgments it learned from.

    Of earlier ones those that were decided; while one waits, its figures are not shown.
    """
    outcomes = list(project.outcomes.select_related("dataset", "candidate", "baseline")[:OUTCOMES])
    if not outcomes:
        return {}
    newest, *earlier = outcomes
    return {
        "newest": newest,
        "own_in_newest": Judgment.objects.in_dataset(newest.dataset).filter(volunteer=user).count(),
        "reported": project.rounds.settled().first(),
        "earlier": [one for one in earlier if one.decision != Outcome.Decision.WAITING],
    }


def _leaderboard(project: Project, user: User, last: Round | None) -> dict[str, Any]:
    """Who has ranked most in the round, where the project shows it; people only."""
    if not project.leaderboard or last is None:
        return {}
    rows = list(last.tallies.of_people().by_volunteer()[:LEADERS])
    listed = project.memberships.filter(user__in=[row["volunteer"] for row in rows])
    named = set(listed.filter(shows_name=True).values_list("user", flat=True))
    return {
        "is_leader": any(row["volunteer"] == user.pk for row in rows),
        "leaders": [
            Leader(
                name=_given_name(row["volunteer__name"]) if row["volunteer"] in named else _("a volunteer"),
                given=row["given"],
                is_reader=row["volunteer"] == user.pk,
            )
            for row in rows
        ],
    }


def _given_name(name: str) -> str:
    """The first word of a name, which is all that a leaderboard shows."""
    return next(iter(name.split()), _("a volunteer"))
