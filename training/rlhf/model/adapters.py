"""LoRA adapters on one frozen base model, which give it its roles.

`SharedBase` holds the only copy of the base weights. Policy, reference, reward and value are adapters on it,
chosen per forward pass by `use`. On disk an adapter is what peft writes (adapter_config.json,
adapter_model.safetensors); pickled weights are refused.
"""

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peft import (
    LoraConfig,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    set_peft_model_state_dict,
)
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, device, nn
from transformers import PreTrainedModel

from training.rlhf.distributed.processes import Processes
from training.rlhf.errors import ModelError, RecipeError, first_line
from training.rlhf.model.kernels.linear import Linear, LoRALinear
from training.rlhf.model.kernels.weight_prepacking import prepacked_weights
from training.rlhf.rundir import write_json

if TYPE_CHECKING:  # of use to divided bases alone
    from training.rlhf.distributed.fsdp import Sharding

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model."


def lora_config(
    model: PreTrainedModel, *, r: int, alpha: int, target: str, task_type: str = "CAUSAL_LM"
) -> LoraConfig:
    """A LoRA configuration whose target layers are named one by one, and made `LoRALinear` by peft.

    `target` is all-linear (every linear layer but the output head) or comma-separated layer names. Peft would
    resolve all-linear anew for every adapter, and then find the linear layers inside earlier adapters.
    """
    names = linear_layers(model) if target == "all-linear" else _named_layers(model, target)
    config = LoraConfig(
        r=r,
        lora_alpha=alpha,
        target_modules=names,
        lora_dropout=0.0,
        bias="none",
        task_type=task_type,
    )
    config._register_custom_module({Linear: LoRALinear})
    return config


def linear_layers(model: PreTrainedModel) -> list[str]:
    """Last name parts of all linear layers except the output head, sorted; those with adapters too."""
    head = model.get_output_embeddings()
    names = {name.rsplit(".", 1)[-1] for name, layer in _linear_layers(model) if layer is not head}
    return sorted(names - {"score"})


def _named_layers(model: PreTrainedModel, target: str) -> list[str]:
    """The comma-separated names; RecipeError for one that belongs to no linear layer."""
    names = [name.strip() for name in target.split(",")]
    linear = {path for path, _ in _linear_layers(model)}
    for name in names:
        found = {path for path, _ in model.named_modules() if path == name or path.endswith(f".{name}")}
        if not found or not found <= linear:
            raise RecipeError(
                f"lora_target names {name!r:.100}, which is no linear layer of the base model. It has "
                f"{', '.join(linear_layers(model))}."
            )
    return names


def _linear_layers(model: PreTrainedModel) -> list[tuple[str, nn.Module]]:
    """Path and layer; where an adapter was put on a layer, that stands for all it holds."""
    adapted = tuple(f"{path}." for path, layer in model.named_modules() if isinstance(layer, LoraLayer))
    layers: list[tuple[str, nn.Module]] = list(model.named_modules())
    return [
        (path, layer)
        for path, layer in layers
        if isinstance(layer, nn.Linear | LoraLayer) and not path.startswith(adapted)
    ]


class SharedBase:
    """The one base model with its named adapters.

    Everything is frozen until `train` names the adapters to learn. `use(name)` chooses the adapter of the
    forward passes inside it; `use(None)` is the plain base.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self._configs: dict[str, LoraConfig] = {}
        self._in_use: str | None = None
        self._sharding: Sharding | None = None

    @property
    def hidden_size(self) -> int:
        embedding: Any = self.model.get_input_embeddings()
        return int(embedding.weight.shape[-1])

    @property
    def device(self) -> device:
        """Where the base and its adapters are, and what they read has to be."""
        return self.model.device

    def add(self, name: str, config: LoraConfig, weights: dict[str, Tensor] | None = None) -> None:
        """Add an adapter; without weights it is fresh, so that it changes nothing yet.

        Raises ModelError when it does not fit the base.
        """
        config._register_custom_module({Linear: LoRALinear})
        with warnings.catch_warnings():  # peft warns of several adapters, which are the point here
            warnings.simplefilter("ignore", UserWarning)
            try:
                inject_adapter_in_model(config, self.model, adapter_name=name)
            except (ValueError, TypeError, re.error) as error:
                raise ModelError(f"The adapter does not fit the base model: {first_line(error)}") from error
        self._configs[name] = config
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        for parameter in self.parameters(name):
            parameter.data = parameter.data.float()  # before the weights, or a bfloat16 base would round them
        if weights is not None:
            self.set_weights(name, weights)
        self._activate(self._in_use)

    def load(self, name: str, folder: Path) -> None:
        """Add the policy of a folder; ModelError when it is none, a reward adapter for example."""
        config, weights = read_adapter(folder)
        if any("lora_" not in key for key in weights):
            raise ModelError(f"The adapter in {folder} has more than LoRA weights, so it is no policy.")
        self.add_from(folder, name, config, weights)

    def add_from(self, folder: Path, name: str, config: LoraConfig, weights: dict[str, Tensor]) -> None:
        """Add an adapter that was read from a folder; ModelError, with its name, when it does not fit."""
        try:
            self.add(name, config, weights)
        except ModelError as error:
            reason = str(error).rstrip(".")
            raise ModelError(f"{folder}: {reason}. It may have been trained on another base.") from error

    def copy(self, source: str, name: str) -> None:
        """Add an adapter with the same weights as another."""
        self.add(name, self._configs[source], self.weights(source))

    def weights(self, name: str) -> dict[str, Tensor]:
        """A copy of an adapter's LoRA weights, on the processor, under the keys peft writes to disk."""
        state = get_peft_model_state_dict(self.model, adapter_name=name, save_embedding_layers=False)
        return {_PREFIX + key: value.detach().to("cpu", copy=True) for key, value in state.items()}

    def set_weights(self, name: str, weights: dict[str, Tensor]) -> None:
        """Set an adapter's weights, as `weights` gives them; ModelError when they do not fit the base."""
        state = {key.removeprefix(_PREFIX): value for key, value in weights.items()}
        self.require_fit(name, weights)
        if self.device.type != "meta":  # `plan` has a model of shapes alone
            set_peft_model_state_dict(self.model, state, adapter_name=name)

    def require_fit(self, name: str, weights: dict[str, Tensor]) -> None:
        """Raise ModelError unless the weights have the names and shapes of this adapter's."""
        own = get_peft_model_state_dict(self.model, adapter_name=name, save_embedding_layers=False)
        shapes = {_PREFIX + key: value.shape for key, value in own.items()}
        if missing := set(weights) ^ set(shapes):
            raise ModelError(
                f"The adapter does not fit the base model: {len(missing)} weights differ in name."
            )
        if any(value.shape != shapes[key] for key, value in weights.items()):
            raise ModelError("The adapter does not fit the base model: its weights have other shapes.")

    def save(self, name: str, folder: Path) -> None:
        """Write an adapter as peft does, so that PeftModel.from_pretrained reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.weights(name), folder / WEIGHTS, metadata={"format": "pt"})
        self._configs[name].save_pretrained(str(folder))
        sort_targets(folder)

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

    @contextmanager
    def sampling_from(self, name: str | None, rows: int) -> Iterator[PreTrainedModel]:
        """As `use`, for sampling so many answers at once: faster, and with copies of the weights."""
        faster = prepacked_weights(self.model, rows) if self._sharding is None else self.in_lockstep()
        with self.use(name) as model, faster:
            yield model

    def divide(self, processes: Processes) -> None:
        """Leave a part of the base in each process, once all adapters are there; they stay whole."""
        from training.rlhf.distributed.fsdp import Sharding

        adapters = {p for name in self._configs for p in self.parameters(name)}
        self._sharding = Sharding(self.model, adapters, processes)

    def in_lockstep(self, *, learning: bool = False) -> AbstractContextManager[None]:
        """Passes of a divided base, which all processes make together (see `Sharding`); else no effect."""
        return nullcontext() if self._sharding is None else self._sharding.in_lockstep(learning=learning)

    def _activate(self, name: str | None) -> None:
        # Peft's own set_adapter also switches requires_grad on and off, which is `train`'s business here.
        for layer in self._layers():
            layer._disable_adapters = name is None
            layer._active_adapter = [] if name is None else [name]
        self._in_use = name

    def _layers(self) -> list[LoraLayer]:
        return [module for module in self.model.modules() if isinstance(module, LoraLayer)]


def sort_targets(folder: Path) -> None:
    """Put the target modules of an adapter's configuration in order: the same run must give the same bytes.

    They are a set, which peft writes in any order.
    """
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    write_json(folder / CONFIG, config | {"target_modules": sorted(config["target_modules"])})


def read_adapter(folder: Path) -> tuple[LoraConfig, dict[str, Tensor]]:
    """Configuration and weights of an adapter folder; ModelError when it is missing, damaged or pickled.

    Also refused are settings that give single layers a rank or scale of their own, which nothing here writes.
    """
    if not (folder / CONFIG).is_file():
        raise ModelError(f"The adapter folder {folder} is missing or has no {CONFIG}.")
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"The adapter folder {folder} has no {WEIGHTS}; other weight formats are not accepted."
        )
    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not all(isinstance(settings[name], int | float) for name in ("r", "lora_alpha")):
            raise ValueError("r and lora_alpha must be numbers")
        if settings.get("rank_pattern") or settings.get("alpha_pattern"):
            raise ModelError(
                f"The adapter in {folder} has ranks or scales of single layers, which is not supported."
            )
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
        raise ModelError(f"The adapter in {folder} is damaged: {first_line(error)}") from error
