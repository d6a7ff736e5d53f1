"""What an evaluation noticed."""

from training.models import ModelVersion
from training.watch_sentences import watch_sentence


def warnings_of(version: ModelVersion) -> list[str] | None:
    """A sentence for each watch that was crossed in the newest evaluation that has any; None if none has."""
    watched = [each.metrics["watches"] for each in version.evaluations.all() if "watches" in each.metrics]
    return [watch_sentence(watch) for watch in watched[0]] if watched else None
