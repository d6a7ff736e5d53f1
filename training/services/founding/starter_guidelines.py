"""The guidelines that a new project begins with, in the languages of the pages."""

from pathlib import Path

from django.utils.translation import get_language

FOLDER = Path(__file__).parent / "guidelines"


def starter_guidelines() -> str:
    """The text in the reader's language, as Markdown."""
    return (FOLDER / f"{get_language()}.md").read_text(encoding="utf-8")
