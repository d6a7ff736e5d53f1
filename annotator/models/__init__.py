"""People and the material they work on."""

from .audit import AuditEvent
from .completions import Author, Completion
from .consents import Consent
from .events import Event, Notice
from .flags import FlagKind
from .guidelines import GuidelinesVersion
from .invitations import Invitation
from .licences import Licence
from .memberships import Membership, Role
from .projects import Project
from .prompts import Prompt, Split
from .rate_limits import RateLimit
from .stated_groups import StatedGroup
from .users import User
from .webhooks import Delivery, Webhook

__all__ = [
    "AuditEvent",
    "Author",
    "Completion",
    "Consent",
    "Delivery",
    "Event",
    "FlagKind",
    "GuidelinesVersion",
    "Invitation",
    "Licence",
    "Membership",
    "Notice",
    "Project",
    "Prompt",
    "RateLimit",
    "Role",
    "Split",
    "StatedGroup",
    "User",
    "Webhook",
]
