"""What a recipe is, and the settings that several stages share.

A recipe is one frozen dataclass for each stage (`stages/*/recipe.py`), each setting with its reason, and one
flat JSON object in `recipe.json`. Nothing here imports torch: the site builds recipes too. Paths may be
relative to the run directory.
"""

import json
import types
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from training.rlhf.errors import RecipeError

Dtype = Literal["float32", "bfloat16"]
Device = Literal["cpu", "cuda", "auto"]


def setting(reason: str, default: Any = MISSING) -> Any:
    """A recipe field with the reason that `--help` prints; without a default it is required."""
    return field(default=default, metadata={"help": reason})


@dataclass(frozen=True)
class DatasetFile:
    """One file of a dataset and the sha256 it must have."""

    path: str
    sha256: str

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise RecipeError(
                f"The sha256 of {self.path} must be 64 lower-case hexadecimal digits, as `sha256sum` prints "
                "them."
            )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every stage needs to know."""

    stage: ClassVar[str]

    base_model: str = setting("folder or hub name of the causal language model that every role shares")
    dataset: DatasetFile = setting("JSONL or Parquet file and its sha256, checked before the start")  # noqa: RUF009
    seed: int = setting("every random choice follows from it", 0)
    threads: int = setting("processor threads of a process; more than idle cores slows all of them down", 2)
    dtype: Dtype = setting("number format of the base weights; adapters stay in float32", "float32")  # noqa: RUF009
    device: Device = setting(  # noqa: RUF009
        "what runs the model: cpu, where a resumed run repeats to the bit; cuda, one GPU for each process; "
        "or auto, cuda where there is one",
        "cpu",
    )
    country: str = setting("ISO code (three letters) whose electricity the energy estimate assumes", "DEU")
    processor_watts: float | None = setting(
        "the processor's power under full load, for the energy estimate; null is what codecarbon finds", None
    )

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            _check_type(each.name, getattr(self, each.name), hints[each.name])
        require(bool(self.base_model), "base_model must name a folder or a hub model.")
        require(0 <= self.seed < 2**32, "seed must lie between 0 and 4294967295.")
        require(1 <= self.threads <= 1024, "threads must lie between 1 and 1024.")
        require(
            len(self.country) == 3 and self.country.isupper(),
            "country must be a three-letter ISO code.",
        )
        if self.processor_watts is not None:
            require(0 < self.processor_watts <= 10_000, "processor_watts must lie between 0 and 10000.")
        self.validate()

    @property
    def shared_rows(self) -> int | None:
        """Rows of the smallest batch that processes share; None for a stage that one process does."""
        return None

    def validate(self) -> None:
        """Raise RecipeError when settings of this stage contradict each other or are out of range."""

    def to_json(self) -> str:
        """The text of `recipe.json`."""
        return json.dumps({"stage": self.stage, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a recipe from parsed JSON without its `stage`; unknown and missing keys are refused."""
        known = {each.name: each for each in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise RecipeError(
                f"The {cls.stage} recipe has unknown settings: "
                f"{', '.join(_with_suggestions(unknown, known))}."
            )
        required = {name for name, each in known.items() if each.default is MISSING}
        if missing := sorted(required - set(values)):
            raise RecipeError(f"The {cls.stage} recipe lacks required settings: {', '.join(missing)}.")
        hints = get_type_hints(cls)
        return cls(**{name: _dataset_or_value(name, value, hints[name]) for name, value in values.items()})


@dataclass(frozen=True, kw_only=True)
class LoRARecipe(Recipe):
    """What the stages that train a LoRA adapter share."""

    least_rank: ClassVar[int] = 1

    lora_r: int = setting("rank of the LoRA adapter", 16)
    lora_alpha: int = setting("LoRA scale is alpha / r", 32)
    lora_target: str = setting("comma-separated layer names, or all-linear", "all-linear")

    def validate(self) -> None:
        super().validate()
        require(
            self.least_rank <= self.lora_r <= 1024, f"lora_r must lie between {self.least_rank} and 1024."
        )
        positive(self, "lora_alpha")


@dataclass(frozen=True, kw_only=True)
class TrainerRecipe(LoRARecipe):
    """What the stages that TRL's trainers do share."""

    epochs: float = setting("passes over the dataset", 1.0)
    max_steps: int = setting("stop after this many optimiser steps; 0 means by epochs", 0)
    batch_size: int = setting("rows per optimiser step", 32)
    learning_rate: float = setting("peak rate of AdamW", 2e-3)
    warmup_ratio: float = setting("share of steps in which the rate rises", 0.05)
    weight_decay: float = setting("AdamW's decay of weights", 0.01)
    max_length: int = setting("tokens of the longest row", 256)
    checkpoint_every: int = setting("optimiser steps between checkpoints", 200)

    def validate(self) -> None:
        super().validate()
        positive(self, "epochs", "batch_size", "learning_rate", "max_length", "checkpoint_every")
        not_negative(self, "max_steps", "weight_decay")
        within_unit(self, "warmup_ratio")


@dataclass(frozen=True, kw_only=True)
class SamplingRecipe(Recipe):
    """What the stages that sample answers share, so that they sample alike by default."""

    batch_size: int = setting("answers sampled at once", 64)
    max_prompt_tokens: int = setting("a longer prompt is left out and listed in output/left_out.jsonl", 512)
    max_new_tokens: int = setting("longest answer", 48)
    temperature: float = setting("of sampling; below 1 an answer strays less", 0.7)
    top_p: float = setting("nucleus; 1 samples from the model's whole distribution", 1.0)

    def validate(self) -> None:
        super().validate()
        positive(self, "batch_size", "max_prompt_tokens", "max_new_tokens", "temperature", "top_p")
        require(self.temperature >= 0.01, "temperature must be 0.01 or more.")
        require(self.top_p <= 1, "top_p must not exceed 1.")


def require(condition: bool, message: str) -> None:
    if not condition:
        raise RecipeError(message)


def positive(recipe: Recipe, *names: str) -> None:
    for name in names:
        require(getattr(recipe, name) > 0, f"{name} must be greater than 0.")


def not_negative(recipe: Recipe, *names: str) -> None:
    for name in names:
        require(getattr(recipe, name) >= 0, f"{name} must not be negative.")


def within_unit(recipe: Recipe, *names: str) -> None:
    for name in names:
        require(0 <= getattr(recipe, name) <= 1, f"{name} must lie between 0 and 1.")


def _with_suggestions(unknown: Sequence[str], known: Iterable[str]) -> list[str]:
    """The names, each with the known one that it may have been meant to be."""
    likely = {name: get_close_matches(name, known, n=1) for name in unknown}
    return [f"{name} (did you mean {like[0]}?)" if like else name for name, like in likely.items()]


def _dataset_or_value(name: str, value: Any, hint: Any) -> Any:
    if not isinstance(value, dict) or DatasetFile not in (hint, *get_args(hint)):
        return value
    if set(value) != {"path", "sha256"} or not all(isinstance(text, str) for text in value.values()):
        raise RecipeError(f"{name} must be an object with path and sha256, both text.")
    return DatasetFile(**value)


def _check_type(name: str, value: Any, hint: Any) -> None:
    """Raise RecipeError unless the value has the annotated type; an int is a fine float."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if any(_is_a(value, option) for option in options):
        return
    expected = " or ".join(_type_name(option) for option in options)
    raise RecipeError(f"{name} must be {expected}, not {value!r:.100}.")


def _is_a(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**32
    if hint is str:
        return isinstance(value, str) and value.isprintable()
    return isinstance(value, hint)


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    names = {float: "a finite number", int: "a whole number below 2^32", str: "text", bool: "true or false",
             DatasetFile: "a file with path and sha256", type(None): "null"}  # fmt: skip
    return names[hint]
