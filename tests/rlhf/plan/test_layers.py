"""What a pass through all layers costs is found by passes through a few."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rlhf.making import make_base, make_reward, workload_of
from training.rlhf.plan import layers
from training.rlhf.plan.estimate import count_memory
from training.rlhf.plan.layers import Layers
from training.rlhf.plan.meta_model import Cost

LAYERS = 6


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models of six layers with a random reward adapter: all alike, and every other one with a window."""
    folder = tmp_path_factory.mktemp("bases")
    kinds = ["sliding_attention", "full_attention"] * (LAYERS // 2)
    make_base("llama", folder / "alike", num_hidden_layers=LAYERS)
    windows = {"use_sliding_window": True, "sliding_window": 8, "layer_types": kinds}
    make_base("qwen3", folder / "mixed", num_hidden_layers=LAYERS, **windows)
    for name in ("alike", "mixed"):
        make_reward(folder / name, folder / f"{name}-reward")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The numbers of layers that models have while passes through them are counted."""
    seen: set[int] = set()
    add_up = Layers.cost

    def watched(all_of_them: Layers, count: Callable[[], Cost]) -> Cost:
        def count_and_see() -> Cost:
            seen.add(len(all_of_them._trunk.layers))
            return count()

        return add_up(all_of_them, count_and_see)

    monkeypatch.setattr(Layers, "cost", watched)
    return seen


@pytest.mark.parametrize(
    ("base", "stage", "change", "expected"),
    [
        ("alike", "sft", {}, {2, 3}),
        ("alike", "reward", {}, {2, 3}),
        ("alike", "ppo", {}, {2, 3}),
        ("alike", "sft", {"lora_target": "model.layers.1.self_attn.q_proj"}, {LAYERS}),
        ("mixed", "ppo", {}, {LAYERS}),
    ],
)
def test_passes_through_two_and_three_layers_give_the_cost_of_all_that_are_alike(
    base: str,
    stage: str,
    change: dict[str, Any],
    expected: set[int],
    passed: set[int],
    bases: dict[str, Path],
    settings: dict[str, dict[str, Any]],
    make_run: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_base = {"base_model": str(bases[base]), "reward_adapter": str(bases[f"{base}-reward"])}
    known = settings[stage]
    folder = make_run(known | {name: of_base[name] for name in of_base.keys() & known} | change)
    few = workload_of(folder)
    counted = few.phases, count_memory(few)
    assert passed == expected
    monkeypatch.setattr(layers, "_FEW", LAYERS)
    whole = workload_of(folder)
    assert counted == (whole.phases, count_memory(whole))
