"""Changing what members may do, and letting them go."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Membership, Project, Role, User

from .audit import record


def change_role(*, membership: Membership, role: Role, actor: User) -> None:
    """Give a member another role; the last coordinator keeps theirs."""
    with transaction.atomic():
        before = keep_a_coordinator(membership, role)
        Membership.objects.filter(pk=membership.pk).update(role=role)
        record(
            "member.role_changed",
            actor=actor,
            project=membership.project,
            target=membership.user,
            before=before,
            after=role,
        )


def remove_member(*, membership: Membership, actor: User) -> None:
    """End a membership; what the person wrote and judged stays."""
    with transaction.atomic():
        role = keep_a_coordinator(membership, None)
        record("member.removed", actor=actor, project=membership.project, target=membership.user, role=role)
        membership.delete()


def keep_a_coordinator(membership: Membership, new_role: Role | None) -> str:
    """The member's role as stored; refuses a change that would leave the project without coordinator.

    Refuses as well when the membership has ended in the meantime.
    """
    # Two coordinators who demote each other at once wait here for one another.
    Project.objects.select_for_update(no_key=True).get(pk=membership.project_id)
    role = Membership.objects.filter(pk=membership.pk).values_list("role", flat=True).first()
    if role is None:
        raise RefusedError(_("This person is no longer a member."))
    coordinators = Membership.objects.filter(project=membership.project_id, role=Role.COORDINATOR)
    is_last = list(coordinators.values_list("pk", flat=True)) == [membership.pk]
    if is_last and new_role != Role.COORDINATOR:
        raise RefusedError(_("A project always has a coordinator. Make someone else one first."))
    return role
