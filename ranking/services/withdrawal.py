"""Withdrawing judgments: leaving a project, and erasing an account."""

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Author, Completion, Membership, Project, Role, User
from annotator.services.audit import record
from annotator.services.erasing import erase_person
from annotator.services.members import keep_a_coordinator
from ranking.models import (
    Assignment,
    ComparisonItem,
    Dataset,
    Judgment,
    LapsedAssignment,
    Round,
    Skip,
    Tally,
    Withdrawal,
    WithdrawnPart,
)
from ranking.models.judgments import JudgmentQuerySet


@transaction.atomic
def leave_project(*, membership: Membership, withdraw: bool) -> None:
    """End one's own membership; with `withdraw`, one's judgments there are withdrawn.

    Raises RefusedError, with nothing changed, for the project's only coordinator.
    """
    user, project = membership.user, membership.project
    role = keep_a_coordinator(membership, None)
    if withdraw:
        withdraw_judgments(volunteer=user, project=project)
    else:
        Assignment.objects.filter(round__project=project).held_by(user).free()
    facts = {"role": role, "withdrew": withdraw, "membership": membership.pk}
    record("member.left", actor=user, project=project, target=user, **facts)
    membership.delete()


@transaction.atomic
def erase_account(*, user: User) -> None:
    """Withdraw the person's judgments in all projects, also those they left, and delete their data.

    Raises RefusedError, with nothing changed, for the only coordinator of a project.
    """
    _check_replaceable(user)
    for project in Project.objects.filter(pk__in=_projects_with_traces(user)).order_by("pk"):
        withdraw_judgments(volunteer=user, project=project)
    erase_person(user=user)


@transaction.atomic
def withdraw_judgments(*, volunteer: User, project: Project) -> None:
    """Delete what a volunteer judged, skipped and wrote in a project, and free the assignments that this
    filled.

    Datasets and what was trained on them stay as they are; those with some of it are marked. An answer of
    theirs that is compared with others stays, because others' judgments are about it.
    """
    _wait_for_others(volunteer, project)
    judgments = Judgment.objects.filter(volunteer=volunteer, comparison__round__project=project)
    _mark_datasets(project, judgments)
    Assignment.objects.filter(round__project=project, volunteer=volunteer).free()
    # From the last revision back: a judgment is protected by the one that corrects it.
    while judgments.filter(correction=None).delete()[0]:
        pass
    LapsedAssignment.objects.filter(comparison__round__project=project, volunteer=volunteer).delete()
    Skip.objects.filter(comparison__round__project=project, volunteer=volunteer).delete()
    Tally.objects.filter(round__project=project, volunteer=volunteer).delete()
    written = Completion.objects.filter(author__project=project, author__user=volunteer)
    written.exclude(pk__in=ComparisonItem.objects.values("completion")).delete()
    Author.objects.filter(project=project, user=volunteer, completions=None, rounds=None).delete()


def _wait_for_others(volunteer: User, project: Project) -> None:
    """Take the locks of snapshots, corrections and judgments, so that none runs at the same time.

    `no_key`, because a judgment that is being stored refers to these rows while it holds its assignment's
    lock.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    list(Round.objects.select_for_update(no_key=True).filter(project=project).order_by("pk"))
    own = Assignment.objects.filter(Q(volunteer=volunteer) | Q(lapsed__volunteer=volunteer))
    assignments = Assignment.objects.filter(round__project=project, pk__in=own.values("pk"))
    list(assignments.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def _mark_datasets(project: Project, judgments: JudgmentQuerySet) -> None:
    """Note in which datasets these judgments are, and how many; nothing without judgments."""
    count = judgments.filter(is_current=True).count()
    if not count:
        return
    withdrawal = Withdrawal.objects.create(project=project, judgments=count)
    record("judgments.withdrawn", actor=None, project=project, target=withdrawal, judgments=count)
    for dataset in Dataset.objects.filter(project=project):
        if within := judgments.counted_in(dataset).count():
            WithdrawnPart.objects.create(withdrawal=withdrawal, dataset=dataset, judgments=within)


def _check_replaceable(user: User) -> None:
    alone = []
    for membership in user.memberships.filter(role=Role.COORDINATOR).order_by("project").select_related():
        try:
            keep_a_coordinator(membership, None)
        except RefusedError:
            alone.append(membership.project.name)
    if alone:
        raise RefusedError(
            _("You are the only coordinator of %s. Make someone else a coordinator there first.")
            % ", ".join(alone)
        )


def _projects_with_traces(user: User) -> set[int]:
    """Projects with judgments, assignments, skips or answers of theirs, members or not."""
    rows = (
        Judgment.objects.filter(volunteer=user).values_list("comparison__round__project", flat=True),
        Assignment.objects.filter(volunteer=user).values_list("round__project", flat=True),
        LapsedAssignment.objects.filter(volunteer=user).values_list("comparison__round__project", flat=True),
        Skip.objects.filter(volunteer=user).values_list("comparison__round__project", flat=True),
        Tally.objects.filter(volunteer=user).values_list("round__project", flat=True),
        Author.objects.filter(user=user).values_list("project", flat=True),
    )
    return {project for found in rows for project in found.order_by().distinct()}
