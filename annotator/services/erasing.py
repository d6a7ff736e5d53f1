"""Deleting a person."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from annotator.models import AuditEvent, Invitation, User

from .audit import record


@transaction.atomic
def erase_person(*, user: User) -> None:
    """Delete the account, and the person's address wherever else it stands.

    What they did for a project, such as opening a round, stays in its log and its rows, done by nobody. Rows
    that protect the user, such as judgments, must be gone.
    """
    bound = Invitation.objects.filter(email=user.email)
    # Without its address an unused one would let anybody in who has the link.
    bound.filter(used_at=None, revoked_at=None).update(revoked_at=timezone.now())
    bound.update(email="")
    for event in AuditEvent.objects.filter(data__email__iexact=user.email):
        event.data["email"] = ""
        event.save(update_fields=["data"])
    # By what is in them: how somebody signed in, with the address, stays in sessions that have long ended.
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
    record("account.erased", actor=None, project=None, target=None)
    user.delete()
