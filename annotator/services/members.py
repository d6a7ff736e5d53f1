"""Changing what members may do, and letting them go."""

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.facts import role_facts
from annotator.models import AuditEvent, Membership, Project, Role, User
from annotator.shown import Change, ChangedMeanwhileError, Shown, check_shown

from .audit import record


def change_role(*, membership: Membership, role: Role, actor: User, shown: Shown | None = None) -> None:
    """Give a member another role; the last coordinator keeps theirs."""
    with transaction.atomic():
        before = keep_a_coordinator(membership, role, shown)
        Membership.objects.filter(pk=membership.pk).update(role=role)
        record(
            "member.role_changed",
            actor=actor,
            project=membership.project,
            target=membership.user,
            before=before,
            after=role,
        )


def remove_member(*, membership: Membership, actor: User, shown: Shown | None = None) -> None:
    """End a membership; what the person wrote and judged stays."""
    with transaction.atomic():
        role = keep_a_coordinator(membership, None, shown)
        facts = {"role": role, "membership": membership.pk}
        record("member.removed", actor=actor, project=membership.project, target=membership.user, **facts)
        membership.delete()


def keep_a_coordinator(membership: Membership, new_role: Role | None, shown: Shown | None = None) -> str:
    """The member's role as stored; refuses a change that would leave the project without coordinator.

    Refuses as well when the membership has ended in the meantime, or has another role than was shown.
    """
    # Two coordinators who demote each other at once wait here for one another.
    Project.objects.select_for_update(no_key=True).get(pk=membership.project_id)
    role = Membership.objects.filter(pk=membership.pk).values_list("role", flat=True).first()
    if role is None:
        raise RefusedError(_("This person is no longer a member."))
    membership.role = role
    check_shown(shown, role_facts(membership))
    coordinators = Membership.objects.filter(project=membership.project_id, role=Role.COORDINATOR)
    is_last = list(coordinators.values_list("pk", flat=True)) == [membership.pk]
    if is_last and new_role != Role.COORDINATOR:
        raise RefusedError(_("A project always has a coordinator. Make someone else one first."))
    return role


def member_or_404(project: Project, pk: int) -> Membership:
    """The membership of this id; of one that has ended since ChangedMeanwhileError says by whom."""
    membership = project.memberships.select_related("user", "project").filter(pk=pk).first()
    if membership is not None:
        return membership
    ends = AuditEvent.objects.about(project, "member.removed", "member.left").filter(data__membership=pk)
    if (end := ends.select_related("actor").first()) is None:
        raise Http404("No such member.")
    person = User.objects.filter(pk=end.target.rpartition(":")[2]).first()
    raise ChangedMeanwhileError([Change(str(person or ""), _("member"), _("no longer a member"), end)])
