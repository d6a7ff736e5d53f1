"""In the place of a sentence encoder, which takes 90 MB: vectors of which words there are."""

import zlib
from collections.abc import Sequence

import numpy as np

from training.demonstration.utility import Vectors

SIZE = 256


def encode(texts: Sequence[str]) -> Vectors:
    vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
    for vector, text in zip(vectors, texts, strict=True):
        for word in text.lower().strip(".!?").split():
            vector[zlib.crc32(word.encode()) % SIZE] += 1
    return vectors / np.maximum(1e-9, np.linalg.norm(vectors, axis=1, keepdims=True))
