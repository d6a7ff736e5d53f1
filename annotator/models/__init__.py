"""People and the material they work on."""

from .audit import AuditEvent
from .material import Author, Completion, Prompt, Split
from .people import Invitation, Membership, Project, Role, User
from .questions import FlagKind

__all__ = [
    "AuditEvent",
    "Author",
    "Completion",
    "FlagKind",
    "Invitation",
    "Membership",
    "Project",
    "Prompt",
    "Role",
    "Split",
    "User",
]
