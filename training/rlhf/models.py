"""One frozen base model and the adapters and heads that give it its roles.

`SharedBase` holds the only copy of the base weights. Policy, reference, reward and value are LoRA adapters on
it, chosen per forward pass by `use`; a score is a linear head on the last hidden state. On disk an adapter is
what peft writes (adapter_config.json, adapter_model.safetensors); pickled weights and remote code are
refused.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import (
    LoraConfig,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    set_peft_model_state_dict,
)
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from training.rlhf.errors import ModelError
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import RunDirectory, write_json

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model."

_SPARE_TOKENS = ("<|endoftext|>", "<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>", "<unk>")

disable_progress_bar()  # the log is for what the stages say


def base_location(directory: RunDirectory, recipe: Recipe) -> str:
    """The folder of the base model, or its hub name; ModelError for a folder that is missing."""
    folder = directory.resolve(recipe.base_model)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"The model folder {recipe.base_model} has no config.json.")
        return str(folder)
    looks_local = recipe.base_model.startswith((".", "/", "~")) or recipe.base_model.count("/") > 1
    if looks_local:
        raise ModelError(f"The model folder {recipe.base_model} does not exist.")
    return recipe.base_model


def load_tokenizer(location: str) -> PreTrainedTokenizerBase:
    """The tokenizer with its chat template and a padding token that is not EOS."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"The tokenizer of {location} cannot be loaded: {_first_line(error)}") from error
    if not tokenizer.chat_template:
        raise ModelError(f"The tokenizer of {location} has no chat template.")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"The tokenizer of {location} has no EOS token.")
    if tokenizer.pad_token_id in (None, tokenizer.eos_token_id):
        vocabulary = tokenizer.get_vocab()
        spare = [token for token in _SPARE_TOKENS if token in vocabulary and token != tokenizer.eos_token]
        if not spare:
            raise ModelError(f"The tokenizer of {location} has no padding token apart from EOS.")
        tokenizer.pad_token = spare[0]
    return tokenizer


def load_base(
    location: str, dtype: str, kind: Any = AutoModelForCausalLM, **settings: Any
) -> PreTrainedModel:
    """The base model under one of transformers' auto classes, frozen, in evaluation mode."""
    try:
        model = kind.from_pretrained(
            location,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=False,
            **settings,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"The base model {location} cannot be loaded: {_first_line(error)}") from error
    model.config.use_cache = False
    return model.requires_grad_(False).eval()


def write_base_card(directory: RunDirectory, recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write output/base.json: which base and which chat template the output belongs to."""
    template = str(tokenizer.chat_template).encode()
    card = {"base_model": recipe.base_model, "chat_template_sha256": hashlib.sha256(template).hexdigest()}
    write_json(directory.output / "base.json", card)


def lora_config(model: PreTrainedModel, *, r: int, alpha: int, target: str) -> LoraConfig:
    """A LoRA configuration whose target layers are named one by one.

    `target` is all-linear (every linear layer but the output head) or comma-separated layer names. Peft would
    resolve all-linear anew for every adapter, and then find the linear layers inside earlier adapters.
    """
    names = linear_layers(model) if target == "all-linear" else [name.strip() for name in target.split(",")]
    return LoraConfig(
        r=r,
        lora_alpha=alpha,
        target_modules=names,
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )


def linear_layers(model: PreTrainedModel) -> list[str]:
    """Last name parts of all linear layers except the output head, sorted."""
    head = model.get_output_embeddings()
    return sorted(
        {
            name.rsplit(".", 1)[-1]
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and module is not head and not name.endswith("score")
        }
    )


class SharedBase:
    """The one base model with its named adapters.

    Everything is frozen until `train` names the adapters to learn. `use(name)` chooses the adapter of the
    forward passes inside it; `use(None)` is the plain base.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self._configs: dict[str, LoraConfig] = {}
        self._in_use: str | None = None

    @property
    def hidden_size(self) -> int:
        embedding: Any = self.model.get_input_embeddings()
        return int(embedding.weight.shape[-1])

    def add(self, name: str, config: LoraConfig, weights: dict[str, Tensor] | None = None) -> None:
        """Add an adapter; without weights it is fresh, so that it changes nothing yet."""
        with warnings.catch_warnings():  # peft warns of several adapters, which are the point here
            warnings.simplefilter("ignore", UserWarning)
            inject_adapter_in_model(config, self.model, adapter_name=name)
        self._configs[name] = config
        if weights is not None:
            self._set_weights(name, weights)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        for parameter in self.parameters(name):
            parameter.data = parameter.data.float()
        self._activate(self._in_use)

    def load(self, name: str, folder: Path) -> dict[str, Tensor]:
        """Add the adapter of a folder; returns the weights in it that are no LoRA weights (a score head)."""
        config, weights = read_adapter(folder)
        lora = {key: value for key, value in weights.items() if "lora_" in key}
        self.add(name, config, lora)
        return {key.removeprefix(_PREFIX): value for key, value in weights.items() if key not in lora}

    def copy(self, source: str, name: str) -> None:
        """Add an adapter with the same weights as another."""
        self.add(
            name,
            self._configs[source],
            {key: value.clone() for key, value in self.weights(source).items()},
        )

    def weights(self, name: str) -> dict[str, Tensor]:
        """A copy of an adapter's LoRA weights, under the keys peft writes to disk."""
        state = get_peft_model_state_dict(self.model, adapter_name=name, save_embedding_layers=False)
        return {_PREFIX + key: value.detach().clone() for key, value in state.items()}

    def restore(self, name: str, weights: dict[str, Tensor]) -> None:
        """Set the weights of an adapter that is there already, as `weights` gave them."""
        self._set_weights(name, weights)

    def save(self, name: str, folder: Path) -> None:
        """Write an adapter as peft does, so that PeftModel.from_pretrained reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.weights(name), folder / WEIGHTS, metadata={"format": "pt"})
        self._configs[name].save_pretrained(str(folder))
        # Peft writes the set of target modules in any order; the same run must give the same bytes.
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        write_json(folder / CONFIG, config | {"target_modules": sorted(config["target_modules"])})

    def parameters(self, name: str) -> list[nn.Parameter]:
        """The parameters of one adapter, in the order of the layers."""
        marked = f".{name}."
        return [p for key, p in self.model.named_parameters() if "lora_" in key and marked in key]

    def train(self, *names: str) -> None:
        """Let exactly these adapters learn."""
        self.model.requires_grad_(False)
        for name in names:
            for parameter in self.parameters(name):
                parameter.requires_grad_(True)

    @contextmanager
    def use(self, name: str | None) -> Iterator[PreTrainedModel]:
        """Choose the adapter of forward passes in this block; None is the plain base."""
        before = self._in_use
        self._activate(name)
        try:
            yield self.model
        finally:
            self._activate(before)

    def _activate(self, name: str | None) -> None:
        # Peft's own set_adapter also switches requires_grad on and off, which is `train`'s business here.
        for layer in self._layers():
            layer._disable_adapters = name is None
            layer._active_adapter = [] if name is None else [name]
        self._in_use = name

    def _layers(self) -> list[LoraLayer]:
        return [module for module in self.model.modules() if isinstance(module, LoraLayer)]

    def _set_weights(self, name: str, weights: dict[str, Tensor]) -> None:
        state = {key.removeprefix(_PREFIX): value for key, value in weights.items()}
        missing = {_PREFIX + key for key in state} ^ set(self.weights(name))
        if missing:
            raise ModelError(
                f"The adapter does not fit the base model: {len(missing)} weights differ in name."
            )
        try:
            set_peft_model_state_dict(self.model, state, adapter_name=name)
        except RuntimeError as error:
            raise ModelError(
                "The adapter does not fit the base model: its weights have other shapes."
            ) from error


def read_adapter(folder: Path) -> tuple[LoraConfig, dict[str, Tensor]]:
    """Configuration and weights of an adapter folder; ModelError when it is missing, damaged or pickled."""
    if not (folder / CONFIG).is_file():
        raise ModelError(f"The adapter folder {folder} is missing or has no {CONFIG}.")
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"The adapter folder {folder} has no {WEIGHTS}; other weight formats are not accepted."
        )
    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        config = LoraConfig(
            r=settings["r"],
            lora_alpha=settings["lora_alpha"],
            target_modules=settings["target_modules"],
            use_rslora=bool(settings.get("use_rslora")),
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
        )
        return config, load_file(folder / WEIGHTS)
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"The adapter in {folder} is damaged: {_first_line(error)}") from error


class ScalarHead(nn.Module):
    """A linear map from a hidden state to one number: (…, H) to (…)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_size, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden.float()).squeeze(-1)


def load_reward(base: SharedBase, folder: Path, name: str = "reward") -> ScalarHead:
    """Add the reward stage's adapter to the base and give its score head.

    The folder is what peft writes for AutoModelForSequenceClassification with the score head in
    modules_to_save. The score of a sequence is the head applied to the last hidden state at its last token,
    as in transformers.
    """
    extra = base.load(name, folder)
    scores = [value for key, value in extra.items() if key.split(".")[-2:] == ["score", "weight"]]
    if len(scores) != 1 or scores[0].shape != (1, base.hidden_size):
        raise ModelError(f"The adapter in {folder} has no score head that fits the base model.")
    head = ScalarHead(base.hidden_size)
    head.linear.weight.data.copy_(scores[0])
    return head.requires_grad_(False)


def last_hidden_states(model: PreTrainedModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Hidden states after the last layer's norm, (B, T, H), for padded token ids and their mask, (B, T)."""
    trunk = getattr(model, model.base_model_prefix)
    positions = positions_of(mask)
    return trunk(
        input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False
    ).last_hidden_state


def positions_of(mask: Tensor) -> Tensor:
    """Positions (B, T) that count an input's own tokens from 0, whatever the padding before them."""
    return (mask.cumsum(-1) - 1).clamp(min=0)


def pad(rows: list[list[int]], pad_id: int, *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) and mask (B, T) of rows of different lengths."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for i, row in enumerate(rows):
        where = slice(width - len(row), width) if left else slice(len(row))
        ids[i, where] = torch.tensor(row)
        mask[i, where] = 1
    return ids, mask


@torch.no_grad()
def score_sequences(
    base: SharedBase,
    adapter: str,
    head: ScalarHead,
    sequences: list[list[int]],
    pad_id: int,
    batch_size: int = 64,
) -> Tensor:
    """The reward of each token sequence, (N,): the head at its last token.

    A sequence is a whole conversation as the reward stage saw it: prompt, answer, EOS and the template's
    ending. Rows of similar length share a batch, which changes no score.
    """
    scores = torch.empty(len(sequences))
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    with base.use(adapter) as model:
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            ids, mask = pad([sequences[i] for i in chosen], pad_id)
            hidden = last_hidden_states(model, ids, mask)
            last = hidden[torch.arange(len(chosen)), mask.sum(-1) - 1]
            scores[chosen] = head(last)
    return scores


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
