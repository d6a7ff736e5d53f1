"""Inviting people to a project, and joining it."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.errors import RefusedError
from annotator.models import Invitation, Membership, Project, Role, User
from annotator.models.invitations import DAYS_VALID
from annotator.services.audit import record

WHY_NOT = {
    Invitation.State.USED: _("This invitation was used already: each link lets one person in, once."),
    Invitation.State.FULL: _("As many people as this link lets in have joined. Ask for another one."),
    Invitation.State.REVOKED: _("This invitation was revoked by a coordinator."),
    Invitation.State.EXPIRED: _("This invitation has expired."),
    Invitation.State.POWERLESS: _(
        "The person who made this invitation no longer coordinates the project. Ask for another one."
    ),
}
"""What to say of a link that does not work, by its state."""


def invite(
    *, project: Project, role: Role, email: str, actor: User, days: int = DAYS_VALID
) -> tuple[Invitation, str]:
    """Make a link for one person: the invitation and its token, which is not kept and cannot be had again.

    With an `email`, only that address may use it; with an empty one, whoever has the link.
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            project=project,
            role=role,
            email=email.lower(),
            token_hash=Invitation.hash_token(token),
            created_by=actor,
            expires_at=timezone.now() + timedelta(days=days),
        )
        record("invitation.created", actor=actor, project=project, target=invitation, role=role, email=email)
    return invitation, token


def make_open_link(
    *, project: Project, most_joins: int, last_day: date, actor: User
) -> tuple[Invitation, str]:
    """Make a link that lets volunteers in until its last day is over; see `invite` about its token."""
    token = secrets.token_urlsafe(32)
    ends = datetime.combine(last_day + timedelta(days=1), time.min)
    with transaction.atomic():
        link = Invitation.objects.create(
            project=project,
            role=Role.VOLUNTEER,
            token_hash=Invitation.hash_token(token),
            created_by=actor,
            expires_at=timezone.make_aware(ends),
            most_joins=most_joins,
        )
        record("open_link.created", actor=actor, project=project, target=link, most_joins=most_joins)
    return link, token


def revoke_invitation(*, invitation: Invitation, actor: User) -> None:
    """Make the link useless; one that was used or revoked already is refused."""
    with transaction.atomic():
        revoked = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None).update(
            revoked_at=timezone.now()
        )
        if not revoked:
            raise RefusedError(gettext("This invitation was already used or revoked."))
        record("invitation.revoked", actor=actor, project=invitation.project, target=invitation)


def accept_invitation(
    *, token: str, email: str, name: str, password: str, languages: Sequence[str] = ()
) -> Membership:
    """Sign a new person up and make them a member; the password must have been validated."""
    email = email.lower()
    with transaction.atomic():
        invitation = claim(token, email)
        if User.objects.filter(email=email).exists():
            raise RefusedError(
                gettext("There is an account with this address. Sign in, then open the link again.")
            )
        try:
            # Two sign-ups with one address and different links: the unique address decides.
            with transaction.atomic():
                user = User.objects.create_user(email, password, name=name, languages=list(languages))
        except IntegrityError as error:
            raise RefusedError(gettext("There is an account with this address. Sign in.")) from error
        return welcome(invitation, user)


def join_project(*, token: str, user: User, languages: Sequence[str] = ()) -> Membership:
    """Make a person who has an account a member; without languages they keep those of their settings."""
    with transaction.atomic():
        invitation = claim(token, user.email)
        if Membership.objects.filter(project=invitation.project, user=user).exists():
            raise RefusedError(gettext("You are a member of this project already."))
        if languages:
            User.objects.filter(pk=user.pk).update(languages=list(languages))
        return welcome(invitation, user)


def find_invitation(token: str) -> Invitation:
    """The invitation that the token opens, if it can still be used."""
    invitation = Invitation.objects.for_token(token).with_power().select_related("project").first()
    if invitation is None:
        raise RefusedError(gettext("This link is not valid. Check that you copied all of it."))
    if reason := WHY_NOT.get(invitation.state):
        raise RefusedError(str(reason))
    return invitation


def claim(token: str, email: str) -> Invitation:
    """Take a place on the invitation; call it in the transaction that makes the member."""
    # Whoever takes the maker's role away at this moment comes first or last: the project is their lock, too.
    Project.objects.select_for_update(no_key=True).filter(
        pk__in=Invitation.objects.for_token(token).values("project")
    ).first()
    invitation = find_invitation(token)
    if invitation.email and invitation.email != email.lower():
        raise RefusedError(gettext("This invitation is for another e-mail address."))
    if not Invitation.objects.claim(invitation.pk):
        raise RefusedError(gettext("Somebody else used this link a moment ago, and it has no place left."))
    return invitation


def welcome(invitation: Invitation, user: User) -> Membership:
    if not invitation.is_open_link:
        Invitation.objects.filter(pk=invitation.pk).update(used_by=user)
    membership = Membership.objects.create(project=invitation.project, user=user, role=invitation.role)
    record(
        "invitation.accepted",
        actor=user,
        project=invitation.project,
        target=invitation,
        role=invitation.role,
    )
    return membership
