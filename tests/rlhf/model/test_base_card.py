"""An adapter goes with the base model and the chat template that it was trained with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tests.rlhf.making import error_of, with_policy
from training.rlhf.__main__ import main
from training.rlhf.errors import ModelError
from training.rlhf.model.base_card import BASE_CARD, BaseCard, weights_sha256
from training.rlhf.model.loading import load_tokenizer


@pytest.fixture
def other(llama: Path, tmp_path: Path) -> Path:
    """A base of the same shapes with other weights."""
    folder: Path = shutil.copytree(llama, tmp_path / "other")
    weights = load_file(folder / "model.safetensors")
    name = next(iter(weights))
    save_file(weights | {name: weights[name] + 1}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture
def policy(llama: Path, tmp_path: Path) -> Path:
    """A policy adapter of `llama` with its base.json."""
    folder = tmp_path / "policy"
    with_policy(llama).save("policy", folder)
    BaseCard.of("the-base", str(llama), load_tokenizer(str(llama))).write(folder)
    return folder


@pytest.fixture
def sampled(make_run: Callable[..., Path], ppo_settings: dict[str, Any]) -> Callable[..., Path]:
    """Make a run that samples from a policy on a base."""

    def make(base: Path, policy: Path) -> Path:
        names = ("dataset", "threads", "max_new_tokens")
        settings = {name: ppo_settings[name] for name in names} | {"completions_per_prompt": 1}
        return make_run(
            settings | {"stage": "generate", "base_model": str(base), "policy_adapter": str(policy)}
        )

    return make


def test_an_adapter_on_its_own_base_is_accepted(
    llama: Path, policy: Path, sampled: Callable[..., Path], tmp_path: Path
) -> None:
    moved = shutil.copytree(llama, tmp_path / "moved")  # the folder's name does not matter
    run = sampled(moved, policy)
    assert main(["generate", str(run)]) == 0
    card = json.loads((run / "output" / BASE_CARD).read_text())
    assert card["base_sha256"] == weights_sha256(str(llama)) and card["base_model"] == str(moved)


def test_an_adapter_of_another_base_is_refused_with_both_names(
    other: Path, policy: Path, sampled: Callable[..., Path]
) -> None:
    run = sampled(other, policy)
    assert main(["generate", str(run)]) == 1
    reason = error_of(run)["reason"]
    assert "on the base model the-base, whose weights are not those" in reason and str(other) in reason
    assert main(["plan", str(run)]) == 1


def test_an_adapter_of_another_chat_template_is_refused_with_both_names(
    llama: Path, policy: Path, sampled: Callable[..., Path], tmp_path: Path
) -> None:
    changed = shutil.copytree(llama, tmp_path / "changed")
    template = (changed / "chat_template.jinja").read_text()
    (changed / "chat_template.jinja").write_text("{# new #}" + template)
    run = sampled(changed, policy)
    assert main(["generate", str(run)]) == 1
    reason = error_of(run)["reason"]
    assert "with the chat template of the-base" in reason and str(changed) in reason


def test_an_adapter_from_elsewhere_has_no_card_and_is_accepted(llama: Path, policy: Path) -> None:
    (policy / BASE_CARD).unlink()
    BaseCard.of("base", str(llama), load_tokenizer(str(llama))).require_same(policy)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[" * 9000])
def test_a_damaged_card_is_refused(text: str, llama: Path, policy: Path) -> None:
    (policy / BASE_CARD).write_text(text)
    with pytest.raises(ModelError, match="damaged"):
        BaseCard.of("base", str(llama), load_tokenizer(str(llama))).require_same(policy)


def test_a_hub_model_is_known_by_its_name(policy: Path) -> None:
    card = BaseCard("org/a", None, "0" * 64)
    card.write(policy)
    card.require_same(policy)
    with pytest.raises(ModelError, match="org/a, whose weights are not those of org/b"):
        BaseCard("org/b", None, "0" * 64).require_same(policy)
