"""Norms, attention and MLPs: what transformers' give, keeping less for the backward pass."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from tests.rlhf.making import load_shared, with_policy
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.kernels.layers import Attention, GatedMLP, RMSNorm, replace_layers

IDS = torch.arange(24).reshape(2, 12) + 5


def kinds_in(model: nn.Module) -> set[type]:
    return {type(module) for module in model.modules()}


def as_transformers_does(base: SharedBase) -> SharedBase:
    """The same model with the norms, attention and MLPs that transformers gave it."""
    plain = AutoModelForCausalLM.from_config(base.model.config)
    originals = {name: type(module) for name, module in plain.named_modules()}
    for name, module in base.model.named_modules():
        if isinstance(module, Attention | GatedMLP | RMSNorm):
            module.__class__ = originals[name]
    assert not kinds_in(base.model) & {Attention, GatedMLP, RMSNorm}
    return base


def outputs_and_gradients(base: SharedBase) -> list[Tensor]:
    base.train("policy")
    with base.use("policy") as model:
        logits = model(IDS, use_cache=False).logits
        (logits.float() ** 2).mean().backward()
    gradients = [parameter.grad for parameter in base.parameters("policy")]
    assert all(gradient is not None for gradient in gradients)
    return [logits, *(gradient for gradient in gradients if gradient is not None)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_block_gives_transformers_outputs_and_gradients(folder: Path, dtype: torch.dtype) -> None:
    def made() -> SharedBase:
        base = with_policy(folder)
        for parameter in base.model.parameters():
            if parameter not in set(base.parameters("policy")):
                parameter.data = parameter.data.to(dtype)
        return base

    assert {Attention, GatedMLP, RMSNorm} <= kinds_in(made().model)
    own, expected = outputs_and_gradients(made()), outputs_and_gradients(as_transformers_does(made()))
    for one, other in zip(own, expected, strict=True):
        scale = float(other.detach().abs().max()) + 1e-6
        tolerance = 1e-5 if dtype == torch.float32 else 0.1
        torch.testing.assert_close(one / scale, other / scale, rtol=0, atol=tolerance)


def test_without_an_adapter_and_without_gradients_a_block_says_the_same(folder: Path) -> None:
    results = []
    for base in (with_policy(folder), as_transformers_does(with_policy(folder))):
        with base.use(None) as model:
            results.append(model(IDS, use_cache=False).logits)
        with torch.no_grad(), base.use("policy") as model:
            results.append(model(IDS, use_cache=False).logits)
    # Processors add the same products up in different orders.
    torch.testing.assert_close(results[0], results[2], rtol=1e-5, atol=5e-6)
    torch.testing.assert_close(results[1], results[3], rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "smollm3"])
def test_each_family_says_what_it_says_in_transformers(family: str) -> None:
    torch.manual_seed(0)
    settings: dict[str, Any] = {"num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2}
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "pad_token_id": 0}
    if family in ("mistral", "qwen2", "smollm3"):
        settings |= {"sliding_window": 5}
    if family in ("qwen2", "smollm3"):
        settings |= {"use_sliding_window": True, "max_window_layers": 2}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **settings, **sizes))
    model.requires_grad_(False).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)  # biases and norms too
    ids = torch.randint(1, 64, (3, 12))
    mask = torch.ones(3, 12, dtype=torch.long)
    mask[0, :4] = 0

    def outputs() -> list[Tensor]:
        whole = model(ids, attention_mask=mask)
        last = model(
            ids[:, :1],
            attention_mask=torch.cat([mask, mask[:, -1:]], 1),
            past_key_values=whole.past_key_values,
        )
        return [whole.logits[:, 4:], last.logits]

    expected = outputs()
    replace_layers(model)
    assert {Attention, GatedMLP, RMSNorm} <= kinds_in(model)
    for one, other in zip(outputs(), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def kept_for_backward(base: SharedBase) -> int:
    """Bytes that a forward pass keeps, apart from weights."""
    weights = {weight.untyped_storage().data_ptr() for weight in base.model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    base.train("policy")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), base.use("policy") as model:
        loss = model(IDS, use_cache=False).logits.sum()
    assert loss.requires_grad
    return sum(kept.values())


def test_blocks_keep_less_for_backward(llama: Path) -> None:
    own, plain = with_policy(llama), as_transformers_does(with_policy(llama))
    assert kept_for_backward(own) < 0.8 * kept_for_backward(plain)


def test_a_base_that_learns_gets_its_gradients(llama: Path) -> None:
    gradients = []
    for base in (load_shared(llama), as_transformers_does(load_shared(llama))):
        base.model.requires_grad_(True)
        base.model(IDS, use_cache=False).logits.square().mean().backward()
        gradients.append([parameter.grad for parameter in base.model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_mlps_with_another_activation_stay_as_they_are(llama: Path) -> None:
    model = AutoModelForCausalLM.from_config(load_shared(llama).model.config)
    for module in model.modules():
        if hasattr(module, "act_fn"):
            module.act_fn = nn.GELU()
    replace_layers(model)
    assert GatedMLP not in kinds_in(model) and RMSNorm in kinds_in(model)
