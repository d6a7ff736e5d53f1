"""People and the material they work on."""

from .audit import AuditEvent
from .licences import Licence
from .material import Author, Completion, Prompt, Split
from .people import Invitation, Membership, Project, Role, User
from .questions import FlagKind
from .reading import Consent, GuidelinesVersion

__all__ = [
    "AuditEvent",
    "Author",
    "Completion",
    "Consent",
    "FlagKind",
    "GuidelinesVersion",
    "Invitation",
    "Licence",
    "Membership",
    "Project",
    "Prompt",
    "Role",
    "Split",
    "User",
]
