"""Telling people, once, that their answers to gold questions differ from the right ones."""

from django.db import transaction
from django.utils import timezone

from annotator.models import Membership, Project
from annotator.services.audit import record
from ranking.models import PracticeAdvice
from ranking.models.gold_votes import gold_votes_of


@transaction.atomic
def advise_practice(*, project: Project) -> None:
    """Advise practice to members whose answers to gold questions are too often wrong, unless they were told.

    It changes nothing else: what their votes weigh follows from the same answers, by the fit.
    """
    wrong = gold_votes_of(project).often_wrong()
    members = project.memberships.select_for_update(of=("self",)).select_related("user")
    for member in members.filter(user__in=wrong, user__is_simulated=False, practice_advice=None):
        PracticeAdvice.objects.create(membership=member)
        record("gold.told", actor=None, project=project, target=member.user)


def close_advice(*, membership: Membership) -> None:
    """Not to be shown again; closed twice it stays so."""
    open_ = PracticeAdvice.objects.filter(membership=membership, closed_at=None)
    open_.update(closed_at=timezone.now())


def has_advice(membership: Membership) -> bool:
    """Whether the member was advised to practise and has not closed that."""
    return PracticeAdvice.objects.filter(membership=membership, closed_at=None).exists()
