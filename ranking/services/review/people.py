"""People whose answers are unlike others': leaving out their judgments, or finding that they look fine.

Nobody is told by itself, and who is excluded can go on judging. A decision can be undone.
"""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.models import Project, User
from annotator.pseudonyms import pseudonym_of
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from ranking.errors import RankingError
from ranking.facts import person_facts
from ranking.models import Exclusion, Finding
from ranking.services.fits.control import request_fit

Reason = Exclusion.Reason


@transaction.atomic
def exclude_person(
    *, project: Project, volunteer: User, reason: str, note: str, actor: User, shown: Shown | None = None
) -> Exclusion:
    """Leave a person's judgments out of consensus, leaderboard, agreement and datasets from now on.

    Blind tests that began before still count them. Raises RankingError for oneself and for a reason that is
    missing.
    """
    _lock(project, volunteer, actor, shown)
    if reason not in Reason.values:
        raise RankingError(_("Choose a reason."))
    if reason == Reason.OTHER and not note:
        raise RankingError(_("Say in a few words why."))
    if Exclusion.objects.active().filter(project=project, volunteer=volunteer).exists():
        raise RankingError(_("These judgments are left out already."))
    excluded = Exclusion.objects.create(
        project=project, volunteer=volunteer, reason=reason, note=note, excluded_by=actor
    )
    _record("person.excluded", project, volunteer, actor, reason=reason)
    request_fit(project)
    return excluded


@transaction.atomic
def include_person(
    *, project: Project, volunteer: User, actor: User, shown: Shown | None = None
) -> Exclusion:
    """Let the judgments of somebody who was excluded count again, also those given meanwhile."""
    _lock(project, volunteer, actor, shown)
    excluded = Exclusion.objects.active().filter(project=project, volunteer=volunteer).first()
    if excluded is None:
        raise RankingError(_("These judgments are counted."))
    excluded.undo(actor)
    _record("person.included", project, volunteer, actor)
    request_fit(project)
    return excluded


@transaction.atomic
def put_findings_away(*, project: Project, volunteer: User, actor: User, shown: Shown | None = None) -> None:
    """Have no reviewer look at a person again, before there is more to look at."""
    _lock(project, volunteer, actor, shown)
    Finding.objects.of_project(project).filter(volunteer=volunteer).put_away(actor)
    _record("person.looks_fine", project, volunteer, actor)


@transaction.atomic
def bring_findings_back(
    *, project: Project, volunteer: User, actor: User, shown: Shown | None = None
) -> None:
    """Have a reviewer look at a person again, who had been found to look fine."""
    _lock(project, volunteer, actor, shown)
    Finding.objects.of_project(project).filter(volunteer=volunteer).bring_back()
    _record("person.looked_at_again", project, volunteer, actor)


def _lock(project: Project, volunteer: User, actor: User, shown: Shown | None) -> None:
    """Take the lock that snapshots and withdrawals hold, too; nobody decides about themselves."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if volunteer == actor:
        raise RankingError(_("Somebody else has to decide about your own judgments."))
    check_shown(shown, person_facts(project, volunteer))


def _record(verb: str, project: Project, volunteer: User, actor: User, **data: str) -> None:
    # By the name that reviewers know them by: the log does not tell who it is.
    person = pseudonym_of(project.pk, volunteer.pk)
    record(verb, actor=actor, project=project, target=None, person=person, **data)
