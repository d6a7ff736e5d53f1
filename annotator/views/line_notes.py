"""What a page shows of the notes on a file's lines."""

from collections.abc import Sequence
from typing import Any

from annotator.imports.file_formats import LineNote

NOTES_SHOWN = 100


def notes_shown(notes: Sequence[LineNote]) -> dict[str, Any] | None:
    """The first notes, few enough for a session to keep, and how many there are; None without any."""
    if not notes:
        return None
    first = [{"line": note.line, "reason": note.reason} for note in notes[:NOTES_SHOWN]]
    return {"count": len(notes), "first": first}
