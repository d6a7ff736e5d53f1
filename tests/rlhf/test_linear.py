"""Linear layers: what torch's and peft's give, in less time."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn

from tests.rlhf.making import load_shared, with_policy
from training.rlhf.adapters import SharedBase, lora_config
from training.rlhf.linear import Linear, LoRALinear, packed, replace_linear_layers

IDS = torch.arange(24).reshape(2, 12) + 5


def close(a: Tensor | None, b: Tensor | None) -> None:
    assert a is not None and b is not None
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(6,), (2, 3), (0, 3)])
def test_a_linear_layer_gives_torchs_outputs_and_gradients(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    expected = nn.Linear(5, 7, bias=bias)
    layer = nn.Sequential(nn.Linear(5, 7, bias=bias))
    layer[0].load_state_dict(expected.state_dict())
    replace_linear_layers(layer)
    assert type(layer[0]) is Linear
    results = []
    for module in (expected, layer):
        x = torch.randn(*shape, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
        y = module(x)
        (y**2).sum().backward()
        results.append((y, x.grad, *(parameter.grad for parameter in module.parameters())))
    for one, other in zip(*results, strict=True):
        close(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_lora_layer_gives_pefts_outputs_and_gradients(dtype: torch.dtype) -> None:
    config = LoraConfig(r=3, lora_alpha=6, init_lora_weights=False)
    results = []
    for kind, base_kind in ((PeftLinear, nn.Linear), (LoRALinear, Linear)):
        torch.manual_seed(0)
        base = base_kind(5, 7)
        base.requires_grad_(False).to(dtype)
        layer = kind(base, "policy", config=config, r=3, lora_alpha=6, init_lora_weights=False)
        layer.lora_A.float(), layer.lora_B.float()
        x = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
        y = layer(x)
        (y.float() ** 2).sum().backward()
        results.append((y, x.grad, layer.lora_A["policy"].weight.grad, layer.lora_B["policy"].weight.grad))
        assert base.weight.grad is None
    for one, other in zip(*results, strict=True):
        assert one.dtype == other.dtype
        tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0.05, "atol": 0.1}
        torch.testing.assert_close(one, other, **tolerance)


def test_a_lora_layer_follows_mixed_precision_as_pefts_does() -> None:
    config = LoraConfig(r=3, lora_alpha=6, init_lora_weights=False)
    outputs = []
    for kind, base_kind in ((PeftLinear, nn.Linear), (LoRALinear, Linear)):
        torch.manual_seed(0)
        layer = kind(base_kind(5, 7), "policy", config=config, r=3, lora_alpha=6, init_lora_weights=False)
        with torch.autocast("cpu", torch.bfloat16):
            outputs.append(layer(torch.ones(2, 5)))
    assert outputs[1].dtype == torch.bfloat16 and torch.equal(*outputs)


def logits(base: SharedBase) -> Tensor:
    with torch.no_grad():
        return base.model(IDS, use_cache=False).logits


@pytest.mark.parametrize("name", ["policy", None])
def test_packed_weights_say_what_base_and_adapter_say_and_leave_nothing(
    folder: Path, name: str | None
) -> None:
    base = with_policy(folder)
    before = {key: value.clone() for key, value in base.model.state_dict().items()}
    with base.use(name):
        expected = logits(base)
        with packed(base.model, 2):
            layers = [layer for layer in base.model.modules() if isinstance(layer, Linear)]
            assert all(layer.packed is not None for layer in layers)
            close(logits(base), expected)
        assert torch.equal(logits(base), expected)
    after = base.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_packed_bfloat16_weights_keep_the_adapter_apart_in_its_own_precision(llama: Path) -> None:
    base = with_policy(llama)
    learned = set(base.parameters("policy"))
    for parameter in base.model.parameters():
        if parameter not in learned:
            parameter.data = parameter.data.bfloat16()
    with base.use("policy"):
        expected = logits(base)
        with packed(base.model, 2):
            layers = [layer for layer in base.model.modules() if isinstance(layer, LoRALinear)]
            assert all(layer.frozen.packed is not None and not layer.merged_in_packed for layer in layers)
            torch.testing.assert_close(logits(base), expected, rtol=0.02, atol=0.02)
    with base.use(None):
        assert (logits(base) - expected).abs().max() > 0.1  # or the adapter would not be seen


def test_packed_weights_follow_an_adapter_that_learned_meanwhile(llama: Path) -> None:
    base = with_policy(llama)
    with base.sampling_from("policy", 2):
        first = logits(base)
    for parameter in base.parameters("policy"):
        parameter.data *= 3
    with base.sampling_from("policy", 2):
        assert (logits(base) - first).abs().max() > 0.01


def test_all_linear_layers_of_a_base_are_replaced(folder: Path) -> None:
    base = load_shared(folder)
    kinds = {type(module) for module in base.model.modules() if isinstance(module, nn.Linear)}
    assert kinds == {Linear}
    policy = with_policy(folder)
    assert any(isinstance(module, LoRALinear) for module in policy.model.modules())
    assert not any(type(module) is PeftLinear for module in policy.model.modules())


def test_layers_in_which_an_adapter_has_no_part_are_the_bases(llama: Path) -> None:
    base = load_shared(llama)
    base.add("everywhere", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    base.add("attention", lora_config(base.model, r=4, alpha=8, target="q_proj,v_proj"))
    plain = logits(base)
    for parameter in base.parameters("attention"):
        torch.nn.init.normal_(parameter, std=0.3)
    base.train("attention")
    with base.use("attention") as model:
        said = model(IDS, use_cache=False).logits
        said.square().mean().backward()
        with packed(model, 2):
            close(logits(base), said.detach())
    assert (said.detach() - plain).abs().max() > 0.01
    assert all(parameter.grad is not None for parameter in base.parameters("attention"))
