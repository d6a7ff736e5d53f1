"""base.json beside an adapter: which base model and which chat template it was trained with.

    {base_model, base_sha256, chat_template_sha256}

base_sha256 is of the base's weights, null for a hub model. It covers each file's size, its header and sixteen
parts spread over it, because reading a large model whole takes minutes. An adapter fits any base of the same
shapes, and would answer nonsense on another one, so the files are compared before an adapter is loaded.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from training.rlhf.errors import ModelError
from training.rlhf.rundir import write_json

BASE_CARD = "base.json"
_PARTS, _PART_BYTES = 16, 64 << 10


@dataclass(frozen=True)
class BaseCard:
    """What base.json holds."""

    base_model: str
    base_sha256: str | None
    chat_template_sha256: str

    @classmethod
    def of(cls, name: str, location: str, tokenizer: PreTrainedTokenizerBase) -> "BaseCard":
        """The card of a base model as it is now; `name` is what a recipe calls it."""
        template = str(tokenizer.chat_template).encode()
        return cls(name, weights_sha256(location), hashlib.sha256(template).hexdigest())

    def write(self, folder: Path) -> None:
        """Write base.json beside an adapter."""
        write_json(folder / BASE_CARD, asdict(self))

    def require_same(self, adapter: Path) -> None:
        """Raise ModelError when an adapter's base.json names another base or another chat template.

        An adapter without the file comes from elsewhere: only its shapes can be checked.
        """
        path = adapter / BASE_CARD
        if not path.is_file():
            return
        try:
            trained: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            name, template = trained["base_model"], trained["chat_template_sha256"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(f"{BASE_CARD} of the adapter in {adapter} is damaged.") from error
        weights = trained.get("base_sha256")
        if weights is None or self.base_sha256 is None:
            other_base = weights is self.base_sha256 is None and name != self.base_model
        else:
            other_base = weights != self.base_sha256
        if other_base:
            raise ModelError(
                f"The adapter in {adapter} was trained on the base model {name}, whose weights are not those "
                f"of {self.base_model}: use it with its own base, or train one on this base."
            )
        if template != self.chat_template_sha256:
            raise ModelError(
                f"The adapter in {adapter} was trained with the chat template of {name}, which is not that "
                f"of {self.base_model} as it is now: bring that template back, or train with this one."
            )


def weights_sha256(location: str) -> str | None:
    """A digest of the weights in a model's folder; None where there are none, as for a hub name."""
    files = sorted(Path(location).glob("*.safetensors")) if Path(location).is_dir() else []
    if not files:
        return None
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with open(path, "rb") as file:
            header = 8 + int.from_bytes(file.read(8), "little")
            file.seek(0)
            digest.update(file.read(min(header, size)))
            for part in range(_PARTS):
                file.seek(header + max(0, size - header) * part // _PARTS)
                digest.update(file.read(_PART_BYTES))
    return digest.hexdigest()
