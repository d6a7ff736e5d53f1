"""Withdrawing judgments: leaving a project, erasing an account, taking back what one said in the chat."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Author, Completion, Membership, Project, Role, User
from annotator.services.audit import record
from annotator.services.erasing import erase_person
from annotator.services.members import keep_a_coordinator
from ranking.models import (
    Assignment,
    Comparison,
    ComparisonItem,
    Dataset,
    Exclusion,
    Finding,
    Judgment,
    LapsedAssignment,
    Reliability,
    Round,
    Skip,
    Tally,
    UnpairedPreference,
    Withdrawal,
    WithdrawnPart,
)
from ranking.models.judgments import JudgmentQuerySet
from ranking.models.progress import TallyQuerySet
from ranking.models.unpaired import UnpairedPreferenceQuerySet
from ranking.signals import withdrawn

from .fits.control import request_fit


@transaction.atomic
def leave_project(*, membership: Membership, withdraw: bool) -> None:
    """End one's own membership; with `withdraw`, one's judgments there are withdrawn.

    Raises RefusedError, with nothing changed, for the project's only coordinator.
    """
    user, project = membership.user, membership.project
    role = keep_a_coordinator(membership, None)
    if withdraw:
        withdraw_judgments(volunteer=user, project=project)
        withdrawn.send(leave_project, volunteer=user, project=project)
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
    withdrawn.send(erase_account, volunteer=user, project=None)
    erase_person(user=user)


@transaction.atomic
def withdraw_judgments(*, volunteer: User, project: Project) -> None:
    """Delete what a volunteer judged, skipped and wrote in a project, and free the assignments that this
    filled.

    Datasets and what was trained on them stay as they are; those with some of it are marked. An answer of
    theirs that is compared with others stays, because others' judgments are about it. What was found about
    their judgments goes, too, and that they were excluded.
    """
    _wait_for_others(volunteer, project)
    judgments = Judgment.objects.filter(volunteer=volunteer, comparison__round__project=project)
    of_decisions = set(judgments.filter(by_reviewer=True).values_list("assignment", flat=True))
    _withdraw(judgments, UnpairedPreference.objects.filter(volunteer=volunteer), volunteer, project)
    for known in (Reliability, Finding, Exclusion):
        known.objects.filter(project=project, volunteer=volunteer).delete()
    # Where they decided as a reviewer there is no place for a volunteer.
    Assignment.objects.filter(pk__in=of_decisions).delete()
    Assignment.objects.filter(round__project=project, volunteer=volunteer).free()
    LapsedAssignment.objects.filter(comparison__round__project=project, volunteer=volunteer).delete()
    Skip.objects.filter(comparison__round__project=project, volunteer=volunteer).delete()
    _delete_tallies(Tally.objects.of(volunteer, project))


@transaction.atomic
def withdraw_from_chat(
    *, volunteer: User, project: Project, comparisons: Collection[int], thumbs: Collection[int]
) -> None:
    """Delete what a volunteer said in the chat: these comparisons with their judgments, and these thumbs.

    Datasets and answers as when all judgments are withdrawn.
    """
    _wait_for_others(volunteer, project)
    judgments = Judgment.objects.in_chat().filter(volunteer=volunteer, comparison__in=comparisons)
    own = UnpairedPreference.objects.filter(volunteer=volunteer, pk__in=thumbs)
    _withdraw(judgments, own, volunteer, project)


def _delete_tallies(tallies: TallyQuerySet) -> None:
    """Delete a volunteer's tallies; the assignments that were added after their judgments stay."""
    for row in tallies.values("round").annotate(added=Sum("added")).filter(added__gt=0):
        Round.objects.filter(pk=row["round"]).update(assignment_count=F("assignment_count") + row["added"])
    tallies.delete()


def _withdraw(
    judgments: JudgmentQuerySet, thumbs: UnpairedPreferenceQuerySet, volunteer: User, project: Project
) -> None:
    """Delete a volunteer's judgments and thumbs in a project and the answers that only these were about.

    Datasets with some of them are marked first.
    """
    thumbs = thumbs.of_project(project)
    from_chat = set(judgments.in_chat().values_list("comparison", flat=True))
    _mark_datasets(project, judgments, thumbs)
    _delete_judgments(judgments)
    _delete_from_chat(from_chat, thumbs)
    _delete_written(volunteer, project)
    request_fit(project)


def _delete_judgments(judgments: JudgmentQuerySet) -> None:
    # From the last revision back: a judgment is protected by the one that corrects it.
    while judgments.filter(correction=None).delete()[0]:
        pass


def _delete_from_chat(comparisons: set[int], thumbs: UnpairedPreferenceQuerySet) -> None:
    """Delete comparisons without judgments, thumbs, and the answers that only these were about."""
    items = ComparisonItem.objects.filter(comparison__in=comparisons)
    answers = {*items.values_list("completion", flat=True), *thumbs.values_list("completion", flat=True)}
    Comparison.objects.filter(pk__in=comparisons).delete()
    thumbs.delete()
    Completion.objects.filter(
        pk__in=answers,
        comparisons=None,
        unpaired_preferences=None,
        demonstrations=None,
        edited_demonstrations=None,
    ).delete()


def _delete_written(volunteer: User, project: Project) -> None:
    """Delete the answers that they wrote, but for those that are compared or still preferred."""
    written = Completion.objects.filter(author__project=project, author__user=volunteer)
    preferred = Q(demonstrations__isnull=False) | Q(edited_demonstrations__isnull=False)
    written.exclude(Q(pk__in=ComparisonItem.objects.values("completion")) | preferred).delete()
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


def _mark_datasets(project: Project, judgments: JudgmentQuerySet, thumbs: UnpairedPreferenceQuerySet) -> None:
    """Note in which datasets these judgments and thumbs are, and how many; nothing without any."""
    count = judgments.filter(is_current=True).count() + thumbs.count()
    if not count:
        return
    withdrawal = Withdrawal.objects.create(project=project, judgments=count)
    record("judgments.withdrawn", actor=None, project=project, target=withdrawal, judgments=count)
    for dataset in Dataset.objects.filter(project=project):
        about_pairs, of_thumbs = judgments.counted_in(dataset).count(), thumbs.in_dataset(dataset).count()
        if within := about_pairs + of_thumbs:
            WithdrawnPart.objects.create(
                withdrawal=withdrawal, dataset=dataset, judgments=within, thumbs=of_thumbs
            )


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
        UnpairedPreference.objects.filter(volunteer=user).values_list(
            "completion__prompt__project", flat=True
        ),
        Skip.objects.filter(volunteer=user).values_list("comparison__round__project", flat=True),
        Tally.objects.filter(volunteer=user).values_list("round__project", flat=True),
        Author.objects.filter(user=user).values_list("project", flat=True),
    )
    return {project for found in rows for project in found.order_by().distinct()}
