"""What is stored about a person: their account and what they did with people and material."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import Q
from rest_framework.authtoken.models import Token

from annotator.models import AuditEvent, Completion, Consent, Invitation, Membership, Notice, User
from annotator.models.personal_settings import PersonalSettings

Row = dict[str, Any]
Part = Callable[[User], Iterable[Row]]
CHUNK = 500


def account(user: User) -> Iterator[Row]:
    """The person and their settings; what signs them in is named, never given."""
    token = Token.objects.filter(user=user).first()
    yield {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "joined_at": user.date_joined,
        "last_sign_in_at": user.last_login,
        "has_password": user.has_usable_password(),
        "is_simulated": user.is_simulated,
        "api_token_made_at": token.created if token else None,
        "settings": {field.name: getattr(user, field.name) for field in PersonalSettings._meta.fields},
        "second_factors": [
            {"kind": factor.type, "made_at": factor.created_at, "last_used_at": factor.last_used_at}
            for factor in Authenticator.objects.filter(user=user)
        ],
        "signed_in": [
            {
                "since": session.created_at,
                "last_seen_at": session.last_seen_at,
                "ip": session.ip,
                "browser": session.user_agent,
            }
            for session in UserSession.objects.filter(user=user)
        ],
    }


def memberships(user: User) -> Iterator[Row]:
    for membership in Membership.objects.filter(user=user).select_related("project").order_by("pk"):
        yield {
            "project": membership.project.slug,
            "project_name": membership.project.name,
            "role": membership.role,
            "since": membership.created_at,
            "name_on_leaderboard": membership.shows_name,
            "groups": sorted(membership.stated_groups.values_list("name", flat=True)),
            "groups_answered": membership.groups_answered,
            "guidelines_read": membership.guidelines_read,
            "first_ready_at": membership.first_ready_at,
            "waiting_since": membership.waiting_since,
            "ready_at": membership.ready_at,
        }


def consents(user: User) -> Iterator[Row]:
    """What they agreed to, in the words that they read."""
    for consent in Consent.objects.filter(user=user).select_related("project").order_by("pk"):
        yield {
            "project": consent.project.slug,
            "number": consent.number,
            "licence": consent.licence,
            "language": consent.language,
            "text": consent.text,
            "given_at": consent.given_at,
        }


def invitations(user: User) -> Iterator[Row]:
    """Those they used and those they made, without the addresses of the people invited."""
    own = Invitation.objects.filter(Q(used_by=user) | Q(created_by=user)).select_related("project")
    for invitation in own.order_by("pk"):
        is_theirs = invitation.used_by_id == user.pk
        yield {
            "project": invitation.project.slug,
            "role": invitation.role,
            "used_by_you": is_theirs,
            "made_by_you": invitation.created_by_id == user.pk,
            "email": invitation.email if is_theirs else None,
            "made_at": invitation.created_at,
            "used_at": invitation.used_at,
        }


def written_answers(user: User) -> Iterator[Row]:
    """The answers to prompts that they wrote themselves."""
    written = Completion.objects.filter(author__user=user).select_related("prompt__project").order_by("pk")
    for completion in written.iterator(CHUNK):
        yield {
            "id": completion.pk,
            "project": completion.prompt.project.slug,
            "prompt": completion.prompt.messages,
            "text": completion.text,
            "written_at": completion.created_at,
        }


def told_by_mail(user: User) -> Iterator[Row]:
    """What they were told, or are to be told, by mail."""
    notices = Notice.objects.filter(user=user).select_related("event__project").order_by("pk")
    for notice in notices.iterator(CHUNK):
        yield {
            "project": notice.event.project.slug,
            "event": notice.event.kind,
            "happened_at": notice.event.created_at,
            "facts": notice.event.facts | notice.facts,
            "sent_at": notice.sent_at,
        }


def log_of_acts(user: User) -> Iterator[Row]:
    """What they did for a project, and what was done about them: by whom is not theirs to have."""
    events = AuditEvent.objects.filter(Q(actor=user) | Q(target=f"user:{user.pk}"))
    for event in events.select_related("project").order_by("pk").iterator(CHUNK):
        data = event.data
        if data.get("email") != user.email:
            data = {name: value for name, value in data.items() if name != "email"}
        yield {
            "at": event.created_at,
            "project": event.project.slug if event.project else None,
            "by_you": event.actor_id == user.pk,
            "act": event.verb,
            "target": event.target,
            "data": data,
        }


PARTS: dict[str, Part] = {
    "account": account,
    "memberships": memberships,
    "consents": consents,
    "invitations": invitations,
    "written_answers": written_answers,
    "told_by_mail": told_by_mail,
    "log": log_of_acts,
}
