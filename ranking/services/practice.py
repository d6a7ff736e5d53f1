"""Practice before the first comparison, and coordinators' decisions about it."""

import random
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotator.facts import waiting_facts
from annotator.models import Membership, Project, Role, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from ranking.errors import NoAttemptLeftError, NothingToPractiseError, NotWaitingError
from ranking.facts import practice_facts
from ranking.models import PracticeAssignment, PracticeAttempt, PracticeComparison
from ranking.practice_files import PracticeDraft
from ranking.practice_marking import is_right
from ranking.questions import Asked, check_answer

MOST_ATTEMPTS = 2
"""How often a new volunteer may practise before a coordinator is asked."""


@transaction.atomic
def begin_practice(*, membership: Membership, chance: random.Random | None = None) -> PracticeAttempt:
    """The member's open attempt, or the next one. Raises NoAttemptLeftError or NothingToPractiseError."""
    # The second of a double click waits here, and then finds the attempt of the first.
    member = Membership.objects.select_for_update().get(pk=membership.pk)
    if opened := member.practice_attempts.filter(finished_at=None).first():
        return opened
    if not may_try(member):
        raise NoAttemptLeftError
    return _draw_attempt(member, chance or random.Random())


def may_try(membership: Membership) -> bool:
    """Whether another attempt may be begun: any number where practice is optional, else MOST_ATTEMPTS."""
    is_free = membership.first_ready_at is not None or membership.role != Role.VOLUNTEER
    return is_free or membership.practice_attempts.count() < MOST_ATTEMPTS


@transaction.atomic
def answer_practice(*, assignment: PracticeAssignment, ranks: Mapping[int, int]) -> PracticeAssignment:
    """Take the ranks of the assignment's answers, by their place in the comparison; the last one ends the
    attempt.

    An assignment that was answered stays as it is. Raises InvalidJudgmentError.
    """
    attempt = PracticeAttempt.objects.select_for_update().get(pk=assignment.attempt_id)
    assignment = attempt.assignments.select_related("comparison__project").get(pk=assignment.pk)
    if assignment.is_right is not None:
        return assignment
    asked = Asked(assignment.order, assignment.comparison.project)
    assignment.ranks = [rank for _place, rank in check_answer({"ranks": ranks}, asked)["ranks"]]
    assignment.is_right = is_right(assignment.ranks, assignment.comparison.ranks)
    assignment.save(update_fields=["ranks", "is_right"])
    if attempt.next_assignment() is None:
        attempt.finish()
        if not attempt.passed and not may_try(attempt.membership):
            attempt.membership.wait()
    return assignment


@transaction.atomic
def let_in(*, membership: Membership, actor: User, shown: Shown | None = None) -> None:
    """Let a waiting member rank without practice. Raises NotWaitingError."""
    _end_waiting(membership, shown, first_ready_at=timezone.now())
    record("practice.let_in", actor=actor, project=membership.project, target=membership.user)


@transaction.atomic
def allow_another_attempt(
    *,
    membership: Membership,
    actor: User,
    chance: random.Random | None = None,
    shown: Shown | None = None,
) -> PracticeAttempt:
    """Give a waiting member one more attempt. Raises NotWaitingError or NothingToPractiseError."""
    _end_waiting(membership, shown)
    # They may have begun one meanwhile, in a role in which they need not ask.
    opened = membership.practice_attempts.filter(finished_at=None).first()
    attempt = opened or _draw_attempt(membership, chance or random.Random())
    record("practice.another_try", actor=actor, project=membership.project, target=membership.user)
    return attempt


def _end_waiting(membership: Membership, shown: Shown | None, **values: object) -> None:
    """End the waiting; a second coordinator waits for the first, and is told."""
    locked = Membership.objects.select_for_update(of=("self",)).select_related("project", "user")
    check_shown(shown, waiting_facts(locked.get(pk=membership.pk)))
    waiting = Membership.objects.waiting().filter(pk=membership.pk)
    if not waiting.update(waiting_since=None, **values):
        raise NotWaitingError


def _draw_attempt(membership: Membership, chance: random.Random) -> PracticeAttempt:
    """As many comparisons as the project asks for, first those that the member reads, then unseen ones."""
    project = membership.project
    seen = set(
        PracticeAssignment.objects.filter(attempt__membership=membership).values_list(
            "comparison_id", flat=True
        )
    )
    comparisons = list(project.practice_comparisons.in_use())
    chance.shuffle(comparisons)
    comparisons.sort(key=lambda one: (not membership.user.reads(one.language), one.pk in seen))
    drawn = comparisons[: project.practice_length]
    if not drawn:
        raise NothingToPractiseError
    last = membership.practice_attempts.aggregate(last=Max("number"))["last"] or 0
    attempt = PracticeAttempt.objects.create(
        membership=membership, number=last + 1, needed=min(project.practice_pass_mark, len(drawn))
    )
    PracticeAssignment.objects.bulk_create(
        PracticeAssignment(
            attempt=attempt,
            comparison=one,
            place=place,
            order=chance.sample(range(len(one.answers)), len(one.answers)),
        )
        for place, one in enumerate(drawn, start=1)
    )
    return attempt


@transaction.atomic
def add_practice(
    *, project: Project, drafts: Iterable[PracticeDraft], actor: User
) -> list[PracticeComparison]:
    """Store practice comparisons."""
    added = PracticeComparison.objects.bulk_create(
        PracticeComparison(
            project=project,
            messages=draft.messages,
            language=draft.language,
            answers=draft.answers,
            ranks=draft.ranks,
            why=draft.why,
        )
        for draft in drafts
    )
    record("practice.added", actor=actor, project=project, target=project, count=len(added))
    return added


@transaction.atomic
def replace_practice(
    *, comparison: PracticeComparison, draft: PracticeDraft, actor: User, shown: Shown | None = None
) -> PracticeComparison | None:
    """Replace a practice comparison; an attempt that has begun keeps the old one.

    None, with nothing stored, where it has been replaced or removed meanwhile.
    """
    locked = PracticeComparison.objects.select_for_update(no_key=True, of=("self",))
    check_shown(shown, practice_facts(locked.get(pk=comparison.pk)))
    if not remove_practice(comparison=comparison, actor=actor):
        return None
    return add_practice(project=comparison.project, drafts=[draft], actor=actor)[0]


@transaction.atomic
def remove_practice(*, comparison: PracticeComparison, actor: User) -> bool:
    """Retire a practice comparison; False if it was already."""
    if not PracticeComparison.objects.in_use().filter(pk=comparison.pk).update(is_in_use=False):
        return False
    record("practice.removed", actor=actor, project=comparison.project, target=comparison)
    return True
