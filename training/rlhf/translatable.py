"""Marking texts of the engine for the site's translators; the engine itself writes English."""


def gettext_noop(text: str) -> str:
    """The text as it is: `make messages` collects it, and the site translates it where it shows it."""
    return text
