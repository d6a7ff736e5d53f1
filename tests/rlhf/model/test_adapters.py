"""One base model in several roles: adapters change what they should and nothing else."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from tests.rlhf.making import load_shared, with_policy
from training.rlhf.errors import ModelError, RecipeError
from training.rlhf.model.adapters import SharedBase, lora_config
from training.rlhf.model.loading import load_base
from training.rlhf.model.reward_head import load_reward

IDS = torch.arange(24).reshape(2, 12) + 5


def logits(base: SharedBase, name: str | None) -> torch.Tensor:
    with torch.no_grad(), base.use(name) as model:
        return model(IDS, use_cache=False).logits


def test_a_fresh_adapter_changes_nothing_and_a_trained_one_only_where_it_is_used(folder: Path) -> None:
    plain = logits(load_shared(folder), None)
    assert torch.equal(logits(with_policy(folder, fresh=True), "policy"), plain)
    base = with_policy(folder)
    assert (logits(base, "policy") - plain).abs().max() > 0.01
    assert torch.equal(logits(base, None), plain)


def test_peft_reads_what_is_saved_and_gives_the_same_logits(folder: Path, tmp_path: Path) -> None:
    base = with_policy(folder)
    base.save("policy", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(peft(IDS).logits, logits(base, "policy"))
    again = load_shared(folder)
    again.load("reloaded", tmp_path)
    assert torch.equal(logits(again, "reloaded"), logits(base, "policy"))


def test_on_a_base_in_bfloat16_a_saved_adapter_comes_back_to_the_bit(folder: Path, tmp_path: Path) -> None:
    base = SharedBase(load_base(str(folder), "bfloat16"))
    torch.manual_seed(3)
    base.add("policy", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    for parameter in base.parameters("policy"):
        parameter.data.normal_(0, 0.1)
    base.save("policy", tmp_path)
    before = base.weights("policy")
    again = SharedBase(load_base(str(folder), "bfloat16"))
    again.load("policy", tmp_path)
    base.copy("policy", "copy")
    for copied in (again.weights("policy"), base.weights("copy")):
        assert all(value.dtype == torch.float32 for value in copied.values())
        assert all(torch.equal(value, before[name]) for name, value in copied.items())


def test_a_copy_starts_equal_and_stays_when_its_source_moves(llama: Path) -> None:
    base = with_policy(llama)
    base.copy("policy", "reference")
    before = logits(base, "policy")
    assert torch.equal(logits(base, "reference"), before)
    for parameter in base.parameters("policy"):
        parameter.data += 0.1
    assert not torch.equal(logits(base, "policy"), before)
    assert torch.equal(logits(base, "reference"), before)


def test_only_the_adapter_in_training_gets_gradients(llama: Path) -> None:
    base = with_policy(llama)
    base.copy("policy", "reference")
    base.train("policy")
    with base.use("policy") as model:
        model(IDS).logits.sum().backward()
    moved = {name for name, parameter in base.model.named_parameters() if parameter.grad is not None}
    assert len(moved) == len(base.parameters("policy"))
    assert all(".policy." in name for name in moved)


def test_the_base_is_in_memory_once(llama: Path, reward: Path) -> None:
    base = with_policy(llama)
    base.copy("policy", "reference")
    load_reward(base, reward)
    plain = load_shared(llama).model
    adapters = sum(
        parameter.numel() for name in ("policy", "reference", "reward") for parameter in base.parameters(name)
    )
    assert sum(p.numel() for p in base.model.parameters()) == adapters + sum(
        p.numel() for p in plain.parameters()
    )


def test_pickled_weights_are_refused(llama: Path, tmp_path: Path) -> None:
    with_policy(llama).save("policy", tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    torch.save({}, tmp_path / "adapter_model.bin")
    weights.unlink()
    with pytest.raises(ModelError, match="other weight formats are not accepted"):
        load_shared(llama).load("policy", tmp_path)


def test_a_reward_adapter_is_no_policy(llama: Path, reward: Path) -> None:
    with pytest.raises(ModelError, match="no policy"):
        load_shared(llama).load("policy", reward)


def test_an_adapter_that_does_not_fit_or_is_damaged_is_refused(llama: Path, tmp_path: Path) -> None:
    base = with_policy(llama)
    base.save("policy", tmp_path / "good")
    shutil.copytree(tmp_path / "good", tmp_path / "wide")
    config = json.loads((tmp_path / "good" / "adapter_config.json").read_text())
    (tmp_path / "wide" / "adapter_config.json").write_text(json.dumps(config | {"r": 8}))
    with pytest.raises(ModelError, match=r"wide: .* other shapes. It may have been trained on another base"):
        load_shared(llama).load("policy", tmp_path / "wide")
    shutil.copytree(tmp_path / "good", tmp_path / "few")
    (tmp_path / "few" / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["q_proj"]}))
    with pytest.raises(ModelError, match="does not fit the base"):
        load_shared(llama).load("policy", tmp_path / "few")
    for setting, value in (("target_modules", ["c_attn"]), ("target_modules", "((("), ("r", 0), ("r", "4")):
        (tmp_path / "few" / "adapter_config.json").write_text(json.dumps(config | {setting: value}))
        with pytest.raises(ModelError, match=r"few.*(does not fit the base|is damaged)"):
            load_shared(llama).load("policy", tmp_path / "few")
    for broken in (b"", b"\xff" * 100):
        (tmp_path / "good" / "adapter_model.safetensors").write_bytes(broken)
        with pytest.raises(ModelError, match="is damaged"):
            load_shared(llama).load("policy", tmp_path / "good")
    for setting in ("rank_pattern", "alpha_pattern"):
        (tmp_path / "few" / "adapter_config.json").write_text(json.dumps(config | {setting: {"q_proj": 2}}))
        with pytest.raises(ModelError, match="of single layers"):
            load_shared(llama).load("policy", tmp_path / "few")
    with pytest.raises(ModelError, match="missing"):
        load_shared(llama).load("policy", tmp_path / "none")


def test_layers_with_an_adapter_can_get_another(llama: Path) -> None:
    base = load_shared(llama)
    everywhere = lora_config(base.model, r=2, alpha=4, target="all-linear").target_modules
    base.add("first", lora_config(base.model, r=2, alpha=4, target="all-linear"))
    assert lora_config(base.model, r=2, alpha=4, target="all-linear").target_modules == everywhere
    assert lora_config(base.model, r=2, alpha=4, target="q_proj").target_modules == {"q_proj"}


@pytest.mark.parametrize("target", ["c_attn", "", "q_proj,input_layernorm", "embed_tokens"])
def test_a_target_that_is_no_linear_layer_is_refused(target: str, llama: Path) -> None:
    with pytest.raises(RecipeError, match=r"lora_target names .* It has down_proj, gate_proj"):
        lora_config(load_base(str(llama), "float32"), r=4, alpha=8, target=target)
