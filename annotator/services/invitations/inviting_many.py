"""Inviting many people at once, by mail."""

from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.imports.addresses import Address, read_addresses
from annotator.imports.file_formats import LineNote
from annotator.models import Invitation, Project, Role, User
from annotator.tasks import mail_invitation

from .inviting import invite


@dataclass
class InvitationsReport:
    """Who was invited and who was skipped; with errors, nobody was invited."""

    invited: int = 0
    skipped: list[LineNote] = field(default_factory=list)
    errors: list[LineNote] = field(default_factory=list)


def invite_by_mail(
    *, project: Project, role: Role, addresses: str, days: int, actor: User, language: str
) -> InvitationsReport:
    """Invite everybody on a list, each by a mail with a link of their own; nobody if anything in it is wrong.

    Whoever is a member or has an invitation that works is skipped. The mail is in `language`.
    """
    listed, errors = read_addresses(addresses)
    report = InvitationsReport(errors=errors)
    if errors:
        return report
    with transaction.atomic():
        # Of two who invite the same person at once, the second finds the first's invitation.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        for address in _to_invite(project, listed, report):
            invitation, _token = invite(project=project, role=role, email=address, actor=actor, days=days)
            mail_invitation.enqueue(invitation.pk, language)
            report.invited += 1
    return report


def _to_invite(project: Project, listed: list[Address], report: InvitationsReport) -> list[str]:
    """The addresses to invite; the report gets the reasons why the others are not."""
    members = {email.lower() for email in project.memberships.values_list("user__email", flat=True)}
    invited = set(Invitation.objects.usable().filter(project=project).values_list("email", flat=True))
    line_of: dict[str, int] = {}
    for line, address in listed:
        reason = ""
        if address in members:
            reason = _("%s is a member already")
        elif address in line_of:
            reason = _("%s is on the list twice")
        elif address in invited:
            reason = _("%s has an invitation already; revoke it to send another one")
        if reason:
            report.skipped.append(LineNote(line, reason % address))
        else:
            line_of[address] = line
    return list(line_of)
