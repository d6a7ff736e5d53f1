"""Weights laid out for sampling: what base and adapter say, and nothing left behind."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.rlhf.making import load_shared, with_policy
from training.rlhf.model.adapters import SharedBase, lora_config
from training.rlhf.model.kernels.layers import Attention, GatedMLP
from training.rlhf.model.kernels.linear import Linear, frozen_part
from training.rlhf.model.kernels.lora_matmul import PrepackedWeights
from training.rlhf.model.kernels.weight_prepacking import prepacked_bytes, prepacked_weights

IDS = torch.arange(24).reshape(2, 12) + 5


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def what_is_held(base: SharedBase) -> list[PrepackedWeights | None]:
    """In the head, and in each block by its attention, its MLP, and the layer at the end of each."""
    blocks = [module for module in base.model.modules() if isinstance(module, Attention | GatedMLP)]
    last = [block.o_proj if isinstance(block, Attention) else block.down_proj for block in blocks]
    head = base.model.get_output_embeddings()
    assert isinstance(head, Linear)
    return [
        head.prepacked,
        *(block.prepacked for block in blocks),
        *(frozen_part(layer).prepacked for layer in last),
    ]


def logits(base: SharedBase) -> Tensor:
    with torch.no_grad():
        return base.model(IDS, use_cache=False).logits


@pytest.mark.parametrize("name", ["policy", None])
def test_prepacked_weights_give_what_base_and_adapter_give_and_leave_nothing(
    folder: Path, name: str | None
) -> None:
    base = with_policy(folder)
    before = {key: value.clone() for key, value in base.model.state_dict().items()}
    with base.use(name):
        expected = logits(base)
        with prepacked_weights(base.model, 2):
            assert all(held is not None and held.a is None for held in what_is_held(base))
            close(logits(base), expected)
        assert all(held is None for held in what_is_held(base))
        assert torch.equal(logits(base), expected)
    after = base.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has nothing for bfloat16"
)
def test_packed_bfloat16_weights_keep_the_adapter_apart_in_its_own_precision(llama: Path) -> None:
    base = with_policy(llama)
    learned = set(base.parameters("policy"))
    for parameter in base.model.parameters():
        if parameter not in learned:
            parameter.data = parameter.data.bfloat16()
    with base.use("policy"):
        expected = logits(base)
        with prepacked_weights(base.model, 2):
            apart = [held.a for held in what_is_held(base) if held is not None]
            assert len(apart) > 2 and all(a is not None for a in apart[1:])  # the first is the head
            torch.testing.assert_close(logits(base), expected, rtol=0, atol=0.1)  # of logits between -7 and 7
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


def test_layers_in_which_an_adapter_has_no_part_are_the_bases(llama: Path) -> None:
    base = load_shared(llama)
    base.add("everywhere", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    base.add("attention", lora_config(base.model, r=4, alpha=8, target="q_proj,v_proj"))
    plain = logits(base)
    for parameter in base.parameters("attention"):
        torch.nn.init.normal_(parameter, std=0.3)
    base.train("attention")
    with base.use("attention") as model:
        output = model(IDS, use_cache=False).logits
        output.square().mean().backward()
        with prepacked_weights(model, 2):
            close(logits(base), output.detach())
    assert (output.detach() - plain).abs().max() > 0.01
    assert all(parameter.grad is not None for parameter in base.parameters("attention"))


def test_the_room_that_prepacking_takes_is_that_of_its_copies(llama: Path) -> None:
    base = with_policy(llama)
    weights = {
        weight for name, weight in base.model.named_parameters() if "lora" not in name and "norm" not in name
    }
    bytes_of_weights = sum(weight.nbytes for weight in weights)
    with base.use("policy"):
        assert bytes_of_weights < prepacked_bytes(base.model) <= 1.5 * bytes_of_weights
    assert prepacked_bytes(base.model) > bytes_of_weights
