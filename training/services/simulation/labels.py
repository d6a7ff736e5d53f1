"""What simulated volunteers go by: a corpus's statements, or a utility for a model that speaks freely."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from training.simulation import Labels
from training.starter.corpus import Topic
from training.starter.gold import GoldLabels

MODELS = ("starter", "smollm2")
"""Whose answers are labelled: of the starter, which repeats the corpus, or of the demonstration's base."""


def labels_for(model: str, topics: Sequence[Topic]) -> Labels:
    """The labels for a model's answers; FileNotFoundError where the sentence encoder is not installed."""
    if model == "starter":
        return GoldLabels(topics)
    from training.demonstration.encoder import SentenceEncoder  # torch takes seconds to import
    from training.demonstration.utility import TutorUtility

    with tempfile.TemporaryDirectory() as scratch:
        return TutorUtility(topics, SentenceEncoder(Path(scratch)))
