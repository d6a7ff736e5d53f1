"""Linear layers: what torch's and peft's give, in less time."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn

from tests.rlhf.making import load_shared, with_policy
from training.rlhf.model.kernels.linear import Linear, LoRALinear, replace_linear_layers


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


def test_all_linear_layers_of_a_base_are_replaced(folder: Path) -> None:
    base = load_shared(folder)
    kinds = {type(module) for module in base.model.modules() if isinstance(module, nn.Linear)}
    assert kinds == {Linear}
    policy = with_policy(folder)
    assert any(isinstance(module, LoRALinear) for module in policy.model.modules())
    assert not any(type(module) is PeftLinear for module in policy.model.modules())
