"""Preferences from the chat count as much as they agree with those from the desk."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.rlhf.making import BAD, GOOD, THINGS, write_rows
from tests.rlhf.stages.test_reward_report import example
from training.rlhf.__main__ import main
from training.rlhf.stages.reward.preferences import Examples
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.sources import (
    UNKNOWN,
    Probe,
    plan_probe,
    weigh_sources,
    weighted,
)

PAIRS = 400


def recipe(**values: Any) -> RewardRecipe:
    fixed = {"base_model": "base", "dataset": {"path": "a.jsonl", "sha256": "0" * 64}}
    return RewardRecipe.from_dict({**fixed, "min_pairs": 5, **values})


def of(source: str, count: int, split: str = "train", start: int = 0) -> list[Any]:
    return [example(start + n, source=source, split=split) for n in range(count)]


def weight_of(right: float, desk_right: float = 0.8, pairs: int = PAIRS, **settings: Any) -> Any:
    """The chat, where the desk's model orders these shares of its pairs, and of the desk's own, right."""
    desk, chat = of("ranking", PAIRS, "held_out"), of("chat", pairs, start=PAIRS)
    margins = np.concatenate([_margins(desk_right, PAIRS), _margins(right, pairs)])
    examples = Examples(learned=of("ranking", 10, start=9000) + chat, held_out=desk, overlong=0)
    probe = Probe(SimpleNamespace(steps=[]), desk + chat)  # type: ignore[arg-type]
    return weigh_sources(recipe(**settings), examples, probe, margins)["chat"]


def _margins(right: float, pairs: int) -> Any:
    return np.where(np.arange(pairs) < round(right * pairs), 1.0, -1.0)


def test_a_source_that_agrees_as_the_desk_itself_counts_nearly_as_much() -> None:
    source = weight_of(0.8)
    assert source.origin == "measured" and source.accuracy == 0.8
    assert 0.8 < source.weight < 1 and source.weight == pytest.approx(
        (2 * source.accuracy_low - 1) / 0.6, abs=1e-3
    )


def test_a_source_with_mistakes_counts_less_and_a_coin_nothing() -> None:
    # One in ten pairs is wrong: 0.8 x 0.9 + 0.2 x 0.1 = 0.74 agree, a signal of 0.8.
    assert 0.6 < weight_of(0.74).weight < 0.8
    assert weight_of(0.5).weight == 0 and weight_of(0.3).weight == 0


def test_a_few_pairs_earn_little_however_well_they_agree() -> None:
    assert weight_of(1.0, pairs=3).weight == 0
    assert weight_of(0.8, pairs=30).weight < weight_of(0.8).weight


def test_a_better_source_than_the_desk_counts_as_much_as_the_desk() -> None:
    assert weight_of(1.0).weight == 1


def test_where_the_desk_is_no_measure_the_weight_is_unknown() -> None:
    source = weight_of(0.8, desk_right=0.5)
    assert (source.weight, source.origin) == (UNKNOWN, "unknown")
    no_held_out = Examples(of("ranking", 10) + of("chat", 5, start=10), [], 0)
    assert plan_probe(recipe(), no_held_out) is None
    assert weigh_sources(recipe(), no_held_out, None, None)["chat"].weight == UNKNOWN


def test_a_weight_that_was_set_is_taken_and_nothing_is_measured() -> None:
    assert (weight_of(0.8, chat_weight=0.25).weight, weight_of(0.8, chat_weight=0.25).origin) == (0.25, "set")
    examples = Examples(of("ranking", 10) + of("chat", 5, start=10), of("ranking", 9, "held_out", 20), 0)
    assert plan_probe(recipe(chat_weight=1.0), examples) is None
    assert plan_probe(recipe(), examples) is not None


def test_without_the_chat_all_counts_as_it_did() -> None:
    examples = Examples(of("ranking", 10) + of("", 5, start=10), of("rewrite", 9, "held_out", 20), 0)
    assert plan_probe(recipe(), examples) is None
    sources = weigh_sources(recipe(), examples, None, None)
    assert sources["desk"].weight == 1 and weighted(examples.learned, sources) == examples.learned


def test_what_counts_nothing_is_left_out() -> None:
    learned = of("ranking", 10) + of("chat", 5, start=10)
    sources = weigh_sources(recipe(chat_weight=0.0), Examples(learned, [], 0), None, None)
    assert len(weighted(learned, sources)) == 10


def rows(chat_is_right: bool) -> list[dict[str, Any]]:
    """Pairs of the desk for GOOD over BAD, and of the chat for that or for the contrary."""
    made = []
    for source, things in (("ranking", THINGS), ("chat", [f"{thing} today" for thing in THINGS])):
        for thing in things:
            better, worse = (GOOD, BAD) if source == "ranking" or chat_is_right else (BAD, GOOD)
            made.append(
                {
                    "prompt": [{"role": "user", "content": f"Is {thing} good?"}],
                    "chosen": [{"role": "assistant", "content": better}],
                    "rejected": [{"role": "assistant", "content": worse}],
                    "prompt_id": thing,
                    "comparison_id": thing,
                    "source": source,
                    "split": "held_out" if source == "ranking" and thing in THINGS[-4:] else "train",
                }
            )
    return made


@pytest.fixture
def make_source_run(llama: Path, tmp_path: Path, make_run: Callable[..., Path]) -> Callable[[bool], Path]:
    def make(chat_is_right: bool) -> Path:
        settings = {
            "stage": "reward",
            "base_model": str(llama),
            "dataset": write_rows(tmp_path / "rows.jsonl", rows(chat_is_right)),
            "threads": 1,
            "lora_r": 4,
            "batch_size": 8,
            "max_steps": 12,
            "learning_rate": 1e-2,
            "min_pairs": 2,
        }
        return make_run(settings, "run")

    return make


@pytest.mark.parametrize(("chat_is_right", "least", "most"), [(True, 0.2, 1.0), (False, 0.0, 0.0)])
def test_the_stage_measures_the_weights_and_reports_them(
    make_source_run: Callable[[bool], Path], chat_is_right: bool, least: float, most: float
) -> None:
    run = make_source_run(chat_is_right)
    assert main(["reward", str(run)]) == 0
    metrics = json.loads((run / "result.json").read_text())["metrics"]
    chat = metrics["sources"]["chat"]
    assert chat["origin"] == "measured" and least <= chat["weight"] <= most
    assert chat["accuracy"] == (1 if chat_is_right else 0)
    assert metrics["train_pairs"] == (12 if chat_is_right else 4)
    report = json.loads((run / "output" / "report.json").read_text())
    assert report["sources"] == metrics["sources"] and set(report["by_source"]) == {"ranking"}
    assert steps_of(run)[-1] == (24, 24)


def test_what_an_earlier_attempt_has_measured_is_not_measured_again(
    make_source_run: Callable[[bool], Path],
) -> None:
    run = make_source_run(True)
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "sources.json").write_text(json.dumps([1.0] * 4 + [-1.0] * 8))
    assert main(["reward", str(run)]) == 0
    metrics = json.loads((run / "result.json").read_text())["metrics"]
    assert metrics["sources"]["chat"]["weight"] == 0
    assert min(step for step, _total in steps_of(run)) > 12 and steps_of(run)[-1] == (24, 24)


def steps_of(run: Path) -> list[tuple[int, int]]:
    lines = map(json.loads, (run / "progress.jsonl").read_text().splitlines())
    return [(line["step"], line["total"]) for line in lines]
