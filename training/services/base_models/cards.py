"""What is known of a base model: its licence and its card, as its makers or the GGUF file say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from annotator.text.storable import storable

CARD = "README.md"
MOST_BYTES = 256 * 1024
_RULE = "---\n"


@dataclass(frozen=True)
class BaseDescription:
    """A base model as a page shows it: Markdown without front matter; empty is what is not known."""

    name: str
    licence: str = ""
    card: str = ""
    hub_url: str = ""


def describe_base(location: str) -> BaseDescription:
    """What the model's folder says of it; of a model of the hub where the hub says it."""
    folder = Path(settings.DATA_DIR) / location
    if not folder.is_dir():
        if location.count("/") == 1 and not location.startswith((".", "/", "~")):
            return BaseDescription(location, hub_url=f"https://huggingface.co/{location}")
        return BaseDescription(folder.name)  # one that is gone, or not unpacked yet
    try:
        with open(folder / CARD, "rb") as file:
            text = storable(file.read(MOST_BYTES).decode("utf-8", errors="replace")).replace("\r\n", "\n")
    except OSError:
        return BaseDescription(folder.name)
    front, card = _split(text)
    return BaseDescription(folder.name, _licence(front), card.strip())


def _split(text: str) -> tuple[str, str]:
    """The YAML between the rules at the beginning, and what follows."""
    if not text.startswith(_RULE):
        return "", text
    front, _, card = text.removeprefix(_RULE).partition(f"\n{_RULE}")
    return front, card


def _licence(front: str) -> str:
    try:
        data: Any = yaml.safe_load(front)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ""
    if not isinstance(data, dict):
        return ""
    name = data.get("license_name") if data.get("license") == "other" else data.get("license")
    return " ".join(name.split())[:200] if isinstance(name, str) else ""
