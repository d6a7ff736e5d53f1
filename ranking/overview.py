"""What waits for reviewers and coordinators, as a project's first page tells it; other apps add to it."""

from collections.abc import Callable
from typing import NamedTuple

from annotator.models import Project, Role


class Waiting(NamedTuple):
    """One thing that waits, and the page where it is decided."""

    words: str
    url: str


Look = Callable[[Project, Role], Waiting | None]
_looks: list[Look] = []


def add_waiting(look: Look) -> None:
    """Let the page tell what waits in another app; `look` gives None for nothing that this role decides."""
    _looks.append(look)


def what_waits(project: Project, role: Role) -> list[Waiting]:
    return [waiting for look in _looks if (waiting := look(project, role))]
