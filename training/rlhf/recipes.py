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
from training.rlhf.translatable import gettext_noop as _

Dtype = Literal["float32", "bfloat16"]
Device = Literal["cpu", "cuda", "auto"]


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have; `above` is the one bound that it must not reach."""

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def complaint(self, value: float) -> str:
        """What a number must do and does not, such as `must not exceed 1`; empty where it is in range."""
        within = self.most is None or value <= self.most
        within &= self.least is None or value >= self.least
        if within and (self.above is None or value > self.above):
            return ""
        if self.most is not None and self.least is not None:
            return f"must lie between {self.least:g} and {self.most:g}"
        if self.most is not None and value > self.most:
            return f"must not exceed {self.most:g}"
        if self.above is not None:
            return f"must be greater than {self.above:g}"
        return "must not be negative" if self.least == 0 else f"must be {self.least:g} or more"


def setting(
    reason: str,
    default: Any = MISSING,
    *,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> Any:
    """A recipe field: the reason that `--help` and the site's form give, what it counts, and its range.

    Without a default it is required.
    """
    allowed = Range(least, most, above)
    return field(default=default, metadata={"help": reason, "unit": unit, "range": allowed})


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
    seed: int = setting(_("every random choice follows from it"), 0, least=0, most=2**32 - 1)
    threads: int = setting(
        _("processor threads of a process; more than idle cores slows all of them down"),
        2,
        least=1,
        most=1024,
    )
    dtype: Dtype = setting(_("number format of the base weights; adapters stay in float32"), "float32")  # noqa: RUF009
    device: Device = setting(  # noqa: RUF009
        _(
            "what runs the model: cpu, where a resumed run repeats to the bit; cuda, one GPU for each "
            "process; or auto, cuda where there is one"
        ),
        "cpu",
    )
    country: str = setting(_("ISO code (three letters) whose electricity the energy estimate assumes"), "DEU")
    processor_watts: float | None = setting(
        _("the processor's power under full load, for the energy estimate; otherwise what codecarbon finds"),
        None,
        unit=_("watts"),
        least=1,
        most=10_000,
    )

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            value = getattr(self, each.name)
            _check_type(each.name, value, hints[each.name])
            if isinstance(value, int | float) and (wrong := each.metadata["range"].complaint(value)):
                raise RecipeError(f"{each.name} {wrong}.")
        require(bool(self.base_model), "base_model must name a folder or a hub model.")
        require(
            len(self.country) == 3 and self.country.isupper(),
            "country must be a three-letter ISO code.",
        )
        self.validate()

    @property
    def shared_rows(self) -> int | None:
        """Rows of the smallest batch that processes share; None for a stage that one process does."""
        return None

    def validate(self) -> None:
        """Raise RecipeError when settings of this stage contradict each other."""

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

    lora_r: int = setting(_("rank of the LoRA adapter"), 16, least=1, most=1024)
    lora_alpha: int = setting(_("LoRA scale is alpha / r"), 32, above=0)
    lora_target: str = setting(_("comma-separated layer names, or all-linear"), "all-linear")


@dataclass(frozen=True, kw_only=True)
class TrainerRecipe(LoRARecipe):
    """What the stages that TRL's trainers do share."""

    epochs: float = setting("passes over the dataset", 1.0, above=0)
    max_steps: int = setting(
        _("stop after this many optimiser steps; 0 means by epochs"), 0, unit=_("steps"), least=0
    )
    batch_size: int = setting("rows per optimiser step", 32, above=0)
    learning_rate: float = setting("peak rate of AdamW", 2e-3, above=0)
    warmup_ratio: float = setting(_("share of steps in which the rate rises"), 0.05, least=0, most=1)
    weight_decay: float = setting("AdamW's decay of weights", 0.01, least=0)
    max_length: int = setting("tokens of the longest row", 256, above=0)
    checkpoint_every: int = setting("optimiser steps between checkpoints", 200, above=0)


@dataclass(frozen=True, kw_only=True)
class SamplingRecipe(Recipe):
    """What the stages that sample answers share, so that they sample alike by default."""

    batch_size: int = setting(_("answers sampled at once"), 64, unit=_("answers"), above=0)
    max_prompt_tokens: int = setting(
        _("a longer prompt is left out and listed in output/left_out.jsonl"), 512, unit=_("tokens"), above=0
    )
    max_new_tokens: int = setting(_("longest answer"), 48, unit=_("tokens"), above=0)
    temperature: float = setting(_("of sampling; below 1 an answer strays less"), 0.7, least=0.01)
    top_p: float = setting(_("nucleus; 1 samples from the model's whole distribution"), 1.0, above=0, most=1)


def require(condition: bool, message: str) -> None:
    if not condition:
        raise RecipeError(message)


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
