"""Answers that say nearly the same, of which people can hardly say which is better."""

import re
from collections.abc import Sequence

from rapidfuzz.distance import Indel

ALIKE = 0.975
"""Likeness of two texts from which they are nearly the same: one word of 40 is another, or one of 20 is more.

A threshold in letters would take a short answer for its opposite, from which it differs in one word.
"""


def different_texts(texts: Sequence[str]) -> list[int]:
    """The places of texts that are not nearly the same as an earlier one; only words and numbers count.

    Likeness is the normalised indel similarity of the words.
    """
    words = [re.findall(r"\w+", text.casefold()) or [text] for text in texts]
    kept: list[int] = []
    for place, own in enumerate(words):
        likest = (Indel.normalized_similarity(own, words[other], score_cutoff=ALIKE) for other in kept)
        if max(likest, default=0.0) < ALIKE:
            kept.append(place)
    return kept
