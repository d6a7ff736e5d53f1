"""The settings of every stage, each with its reason.

A recipe is one frozen dataclass per stage and one flat JSON object in `recipe.json`. Nothing here imports
torch: the site builds recipes too. Paths may be relative to the run directory.
"""

import json
import types
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from training.rlhf.errors import RecipeError

Dtype = Literal["float32", "bfloat16"]


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
            raise RecipeError("dataset.sha256 must be 64 lower-case hexadecimal digits.")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every stage needs to know."""

    stage: ClassVar[str]

    base_model: str = setting("folder or hub name of the causal language model that every role shares")
    dataset: DatasetFile = setting("JSONL or Parquet file and its sha256, checked before the start")  # noqa: RUF009
    seed: int = setting("every random choice follows from it", 0)
    threads: int = setting("processor threads; more than idle cores slows all of them down", 2)
    dtype: Dtype = setting("number format of the base weights; adapters stay in float32", "float32")  # noqa: RUF009
    country: str = setting("ISO code (three letters) whose electricity the energy estimate assumes", "DEU")

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
        self.validate()

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
            raise RecipeError(f"The {cls.stage} recipe has unknown settings: {', '.join(unknown)}.")
        required = {name for name, each in known.items() if each.default is MISSING}
        if missing := sorted(required - set(values)):
            raise RecipeError(f"The {cls.stage} recipe lacks required settings: {', '.join(missing)}.")
        return cls(**{name: _dataset_or_value(name, value) for name, value in values.items()})


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
class SFTRecipe(LoRARecipe):
    """Supervised fine-tuning on conversations (InstructGPT, step 1)."""

    stage = "sft"
    least_rank = 0

    lora_r: int = setting("rank of the LoRA adapter; 0 trains every weight of the base", 0)
    epochs: float = setting("passes over the conversations", 1.0)
    max_steps: int = setting("stop after this many optimiser steps; 0 means by epochs", 0)
    batch_size: int = setting("conversations per optimiser step", 32)
    learning_rate: float = setting("peak rate of AdamW", 2e-3)
    warmup_ratio: float = setting("share of steps in which the rate rises", 0.05)
    weight_decay: float = setting("AdamW's decay of weights", 0.01)
    max_length: int = setting("longer conversations are cut to this many tokens", 256)
    completion_only_loss: bool = setting("learn the assistant's tokens only, not the question", True)
    mixed_precision: bool = setting(
        "multiply in bfloat16 where the processor has it; the weights stay in float32", False
    )
    checkpoint_every: int = setting("optimiser steps between checkpoints", 200)

    def validate(self) -> None:
        super().validate()
        positive(self, "epochs", "batch_size", "learning_rate", "max_length", "checkpoint_every")
        not_negative(self, "max_steps", "weight_decay")
        within_unit(self, "warmup_ratio")
        require(
            self.lora_r > 0 or self.dtype == "float32",
            "dtype must be float32 when every weight is trained (lora_r 0): bfloat16 rounds steps away.",
        )


@dataclass(frozen=True, kw_only=True)
class RewardRecipe(LoRARecipe):
    """A reward model from preferences (InstructGPT, equation 1): LoRA adapter and score head."""

    stage = "reward"

    held_out: DatasetFile | None = setting("preferences on prompts never trained on, for accuracy", None)  # noqa: RUF009
    epochs: float = setting("passes over the pairs; InstructGPT saw overfitting after one", 2.0)
    max_steps: int = setting("stop after this many optimiser steps; 0 means by epochs", 0)
    batch_size: int = setting("pairs per optimiser step", 32)
    learning_rate: float = setting("peak rate of AdamW for adapter and head", 2e-3)
    warmup_ratio: float = setting("share of steps in which the rate rises", 0.05)
    weight_decay: float = setting("AdamW's decay of adapter weights", 0.0)
    max_length: int = setting("pairs with more tokens are left out and counted in the result", 256)
    center_rewards: float = setting("weight that keeps the mean reward near zero; 0 turns it off", 0.01)
    min_pairs: int = setting("fewer training pairs than this teach nothing but noise", 20)
    checkpoint_every: int = setting("optimiser steps between checkpoints", 100)

    def validate(self) -> None:
        super().validate()
        positive(
            self,
            "epochs",
            "batch_size",
            "learning_rate",
            "max_length",
            "checkpoint_every",
            "min_pairs",
        )
        not_negative(self, "max_steps", "weight_decay", "center_rewards")
        within_unit(self, "warmup_ratio")


@dataclass(frozen=True, kw_only=True)
class SamplingRecipe(Recipe):
    """What the stages that sample answers share; they sample alike unless told otherwise."""

    batch_size: int = setting("answers sampled at once", 64)
    max_prompt_tokens: int = setting("a longer prompt is an error, not silently cut", 512)
    max_new_tokens: int = setting("longest answer", 48)
    temperature: float = setting("of sampling; below 1 an answer strays less", 0.7)
    top_p: float = setting("nucleus; 1 samples from the model's whole distribution", 1.0)

    def validate(self) -> None:
        super().validate()
        positive(self, "batch_size", "max_prompt_tokens", "max_new_tokens", "temperature", "top_p")
        require(self.top_p <= 1, "top_p must not exceed 1.")


@dataclass(frozen=True, kw_only=True)
class PPORecipe(SamplingRecipe, LoRARecipe):
    """PPO of a LoRA policy against the reward adapter (InstructGPT, equation 2, no pretraining term)."""

    stage = "ppo"

    reward_adapter: str = setting("folder of the reward stage's adapter")
    policy_adapter: str | None = setting(
        "adapter to start from, also the reference; none starts from the base", None
    )
    lora_r: int = setting("rank of a fresh policy adapter; one that is loaded keeps its own", 16)

    steps: int = setting("PPO iterations, each one a rollout and its optimisation", 40)
    batch_size: int = setting("prompts per rollout", 128)

    epochs: int = setting("passes over one rollout", 2)
    minibatches: int = setting("optimiser steps per pass", 4)
    learning_rate: float = setting("of AdamW for the policy adapter, falling linearly to a tenth", 1e-3)
    value_learning_rate: float = setting("of AdamW for the value head, which starts far from its goal", 1e-3)
    clip_range: float = setting("ratio clip of the surrogate objective (PPO, equation 7)", 0.2)
    value_clip_range: float = setting("how far a value may move from its rollout value", 0.2)
    gamma: float = setting("discount; 1 because an answer is short and judged as a whole", 1.0)
    gae_lambda: float = setting(
        "GAE's trade of bias against variance; 1 credits an answer's first words in full", 1.0
    )
    max_grad_norm: float = setting("gradients are clipped to this length", 1.0)

    kl_coef: float = setting("price of one nat of KL to the reference, in deviations of the score", 0.2)
    kl_target: float = setting(
        "KL per answer that the adaptive controller steers to; 0 keeps kl_coef fixed", 0.0
    )
    kl_horizon: int = setting(
        "answers over which the controller acts (Ziegler et al. 2019, section 2.2)", 5000
    )
    kl_stop: float = setting("end the run, keeping the last good step, when KL per answer exceeds this", 40.0)
    kl_epoch_stop: float = setting(
        "leave a rollout's passes early at this KL per token to its own policy", 0.1
    )

    score_clip: float = setting("normalised scores are cut to this magnitude; 0 turns it off", 5.0)
    missing_eos_penalty: float = setting("taken from the score of an answer that does not end", 2.0)

    checkpoint_every: int = setting("iterations between checkpoints", 10)
    samples_every: int = setting("iterations between lines of output/samples.jsonl", 10)

    def validate(self) -> None:
        super().validate()
        positive(
            self, "steps", "epochs", "minibatches", "learning_rate", "value_learning_rate", "clip_range",
            "value_clip_range", "max_grad_norm", "kl_horizon", "kl_stop", "kl_epoch_stop",
            "checkpoint_every", "samples_every",
        )  # fmt: skip
        not_negative(self, "kl_coef", "kl_target", "score_clip", "missing_eos_penalty")
        within_unit(self, "gamma", "gae_lambda")
        require(self.minibatches <= self.batch_size, "minibatches must not exceed batch_size.")
        require(
            self.kl_target == 0 or self.kl_horizon >= self.batch_size,
            "kl_horizon must not be less than batch_size.",
        )


@dataclass(frozen=True, kw_only=True)
class GenerateRecipe(SamplingRecipe):
    """Completions of prompts by one version, for volunteers to compare."""

    stage = "generate"

    policy_adapter: str | None = setting("adapter of the version; none samples from the base", None)
    completions_per_prompt: int = setting("answers per prompt", 4)
    redraws: int = setting("times that an answer which repeats another is drawn anew", 3)

    def validate(self) -> None:
        super().validate()
        require(
            1 <= self.completions_per_prompt <= 1000,
            "completions_per_prompt must lie between 1 and 1000.",
        )
        not_negative(self, "redraws")


@dataclass(frozen=True, kw_only=True)
class EvaluateRecipe(SamplingRecipe):
    """A candidate's win rate over a baseline on held-out prompts, judged by the reward adapter."""

    stage = "evaluate"

    reward_adapter: str = setting("folder of the reward adapter that judges")
    baseline_adapter: str | None = setting("adapter of the version to beat; none is the base", None)
    candidate_adapter: str | None = setting("adapter of the new version; none is the base", None)
    samples_per_prompt: int = setting("answers of each version per prompt, compared one to one", 4)

    def validate(self) -> None:
        super().validate()
        positive(self, "samples_per_prompt")


RECIPES: dict[str, type[Recipe]] = {
    cls.stage: cls for cls in (SFTRecipe, RewardRecipe, PPORecipe, GenerateRecipe, EvaluateRecipe)
}


def parse_recipe(text: str) -> Recipe:
    """The recipe in the text of a `recipe.json`; RecipeError says what is wrong with it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"recipe.json is not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise RecipeError("recipe.json must hold one JSON object.")
    stage = values.pop("stage", None)
    if not isinstance(stage, str) or stage not in RECIPES:
        raise RecipeError(f"recipe.json names no known stage: {stage!r}.")
    return RECIPES[stage].from_dict(values)


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


def _dataset_or_value(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
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
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e15
    if hint is str:
        return isinstance(value, str) and value.isprintable()
    return isinstance(value, hint)


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    names = {float: "a finite number", int: "a whole number", str: "text", bool: "true or false",
             DatasetFile: "a file with path and sha256", type(None): "null"}  # fmt: skip
    return names[hint]
