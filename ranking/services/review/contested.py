"""What reviewers decide about contested comparisons: a judgment of their own, given blind, or more votes."""

import random
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import Project, User
from annotator.services.audit import record
from ranking.errors import DecidedSinceError, KeyReusedError, RankingError
from ranking.models import Assignment, Comparison, ComparisonItem, Judgment
from ranking.models.contested import free_for_decision, judged_by
from ranking.models.judgments import JudgmentQuerySet
from ranking.questions import Asked, check_answer, read_answer, store_answer
from ranking.services.fits.control import request_fit
from ranking.services.overlap import add_assignment, lock_comparison, store_next
from ranking.statistics.consensus import REVIEWERS_WEIGHT

from .flagged import withhold_harmful


def place_of(reviewer: User, comparison: Comparison) -> Assignment:
    """Their assignment at a comparison, with the key of what they decide next; not stored where it is new.

    Order and key follow from who and what, so that a page that is loaded again is the same, and a form that
    is sent twice is known.
    """
    stored = Assignment.objects.filter(comparison=comparison, volunteer=reviewer).first()
    place = stored or Assignment(comparison=comparison, round=comparison.round, volunteer=reviewer)
    place.key = _key(reviewer, comparison)
    if not stored:
        items = ComparisonItem.objects.filter(comparison=comparison).order_by("pk")
        place.order = list(items.values_list("completion_id", flat=True))
        random.Random(place.key.int).shuffle(place.order)
    return place


@transaction.atomic
def decide_comparison(
    *, comparison: Comparison, reviewer: User, key: uuid.UUID, seconds: float | None = None, **sent: Any
) -> Judgment:
    """Store what a reviewer says of a contested comparison, as a judgment that weighs more than a vote.

    `sent` is the answer, by the names of the questions. It fills no place of the round, so it counts in no
    progress. Sent again with the same key and content it answers the stored judgment. Raises
    InvalidJudgmentError, KeyReusedError or DecidedSinceError, with nothing stored.
    """
    project = _lock(comparison)
    place = place_of(reviewer, comparison)
    last = _decisions_of(reviewer, comparison).last()
    before = read_answer(last) if last else {}
    answer = check_answer(sent, Asked(place.order, project, before))
    if last and last.is_current and last.key == key:
        if before != answer:
            raise KeyReusedError
        return last
    if key != place.key or not _may_decide(comparison, reviewer, project):
        raise DecidedSinceError
    # What is current all the same is of somebody whose judgments are left out.
    for other in Judgment.objects.filter(comparison=comparison, by_reviewer=True, is_current=True):
        take_decision_back(judgment=other, actor=reviewer)
    given: dict[str, Any] = {"volunteer": reviewer, "seconds": seconds or 0.0, "key": key, "corrects": last}
    judgment = Judgment(
        comparison=comparison,
        assignment=_stored(place),
        by_reviewer=True,
        weight=REVIEWERS_WEIGHT,
        **given,
    )
    store_answer(judgment, answer)
    judgment.make_current()
    withhold_harmful(answer["flags"], project)
    request_fit(project)
    record("comparison.decided", actor=reviewer, project=project, target=judgment)
    return judgment


@transaction.atomic
def take_decision_back(*, judgment: Judgment, actor: User) -> None:
    """Let a decision no longer count, also in a closed round; datasets that hold it stay as they are.

    One that was taken back stays so.
    """
    project = _lock(judgment.comparison)
    locked = Judgment.objects.get(pk=judgment.pk, by_reviewer=True)
    if locked.is_current:
        locked.take_back()
        request_fit(project)
        record("comparison.undecided", actor=actor, project=project, target=locked)


@transaction.atomic
def ask_for_votes(*, comparison: Comparison, actor: User) -> Assignment:
    """Have one more volunteer judge a contested comparison in place of deciding it.

    Raises RankingError with the reason where nobody can be asked, or DecidedSinceError.
    """
    project = _lock(comparison)
    if not free_for_decision(project).filter(pk=comparison.pk).exists():
        raise DecidedSinceError
    if reason := why_nobody_is_asked(comparison):
        raise RankingError(reason)
    added = add_assignment(comparison=comparison)
    record("comparison.sent_back", actor=actor, project=project, target=comparison)
    return added


def why_nobody_is_asked(comparison: Comparison) -> str:
    """Why no more volunteers can judge a comparison, in words; empty where one can."""
    if not comparison.round.is_open:
        return _("Its round is closed, so nobody else can be asked.")
    most = comparison.round.project.most_judgments_per_comparison
    asked = Assignment.objects.of_volunteers().filter(comparison=comparison).count()
    if most is not None and asked >= most:
        return _("The project lets %d people judge a comparison at most, and so many did.") % most
    return ""


def _lock(comparison: Comparison) -> Project:
    """The lock of withdrawals and rounds; of two reviewers at once the second one sees the first."""
    projects = Project.objects.select_for_update(of=("self",), no_key=True)
    return projects.get(rounds=comparison.round_id)


def _may_decide(comparison: Comparison, reviewer: User, project: Project) -> bool:
    free = free_for_decision(project).filter(pk=comparison.pk)
    return free.exclude(judged_by(reviewer)).exists()


def _stored(place: Assignment) -> Assignment:
    """The assignment of a decision, which is done from the beginning."""
    if place.pk is not None:
        return place
    done = {"state": Assignment.State.DONE, "claimed_at": timezone.now()}
    shown = {"volunteer": place.volunteer, "key": place.key, "order": place.order}
    return store_next(lock_comparison(place.comparison_id), **shown, **done)


def _decisions_of(reviewer: User, comparison: Comparison) -> JudgmentQuerySet:
    return Judgment.objects.filter(comparison=comparison, volunteer=reviewer, by_reviewer=True)


def _key(reviewer: User, comparison: Comparison) -> uuid.UUID:
    """Another one for each time they decide; nobody else can find it out."""
    times = _decisions_of(reviewer, comparison).count()
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{settings.SECRET_KEY} {comparison.pk} {reviewer.pk} {times}")
