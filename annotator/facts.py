"""What the acts on people and material depend on."""

import hashlib
import json
from collections.abc import Collection

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from .models import AuditEvent, GuidelinesVersion, Membership, Project, Prompt, Role, User
from .shown import Fact, Facts

SETTINGS_VERBS = ("project.created", "project.changed", "mask.word_hidden", "mask.word_shown")
"""What changes a value on the settings page."""


def role_facts(membership: Membership) -> Facts:
    user = membership.user
    events = AuditEvent.objects.about(membership.project, "member.role_changed", target=user)
    return {"role": Fact(_("Role of %s") % user, membership.role, role_label, events)}


def role_label(value: str) -> object:
    return dict(Role.choices).get(value, value)


def waiting_facts(membership: Membership) -> Facts:
    since = membership.waiting_since
    decided = ("practice.let_in", "practice.another_try")
    events = AuditEvent.objects.about(membership.project, *decided, target=membership.user)
    label = _("%s waits for a decision since") % membership.user
    return {"waiting": Fact(label, since.isoformat() if since else "", moment, events)}


def prompt_facts(prompt: Prompt) -> Facts:
    used = "no" if prompt.withdrawn_at else "yes"
    return {"used": Fact(_("Prompt %d") % prompt.number, used, _use_label)}


def prompt_edit_facts(prompt: Prompt) -> Facts:
    """Its words are no fact: other words are another prompt."""
    return {
        **prompt_facts(prompt),
        "language": Fact(_("Language"), prompt.language),
        "source": Fact(_("Source"), prompt.source),
        "tags": Fact(_("Tags"), ", ".join(prompt.tags)),
    }


def _use_label(value: str) -> str:
    return _("in use") if value == "yes" else _("withdrawn")


def settings_facts(project: Project, fields: Collection[str]) -> Facts:
    """What some of the settings are, as a digest; the guidelines by the number of their version."""
    columns = [name for name in fields if name != "guidelines"]
    stored = Project.objects.values("pk", *columns).get(pk=project.pk)
    if "guidelines" in fields:
        written = GuidelinesVersion.objects.current(project)
        stored["guidelines"] = written.number if written else 0
    text = json.dumps(stored, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"settings": Fact(_("Settings"), digest, lambda _value: "")}


def token_facts(user: User) -> Facts:
    made = Token.objects.filter(user=user).values_list("created", flat=True).first()
    return {"token": Fact(_("API token"), made.isoformat() if made else "", moment)}


def moment(value: str) -> str:
    """A time that a fact has, for people."""
    try:
        parsed = parse_datetime(value)
        return date_format(localtime(parsed), "DATETIME_FORMAT") if parsed else value
    except ValueError:
        return value
