"""What the watches measure, and when they speak up."""

from typing import Any

import pytest

from training.rlhf.recipes import DatasetFile
from training.rlhf.stages.evaluate.phrases import refuses
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.evaluate.watches import (
    WATCHES,
    crossed,
    distinct,
    length_ratio,
    profile,
    repetition,
)

RECIPE = EvaluateRecipe(
    base_model="base", dataset=DatasetFile("prompts.jsonl", "0" * 64), reward_adapter="reward"
)
# A candidate that differs from its baseline in nothing.
CALM: dict[str, float] = {
    "kl": 1.9, "win_rate_ties_half_low": 0.6, "length_ratio": 1.0, "judge_undecided": 0.0,
    "baseline_repetition": 0.02, "candidate_repetition": 0.02,
    "baseline_distinct": 0.6, "candidate_distinct": 0.6,
    "baseline_refusals": 0.1, "candidate_refusals": 0.1,
    "baseline_over_refusals": 0.1, "candidate_over_refusals": 0.1,
    "baseline_eos_rate": 0.98, "candidate_eos_rate": 0.98,
    "baseline_unsafe": 0.05, "candidate_unsafe": 0.05,
}  # fmt: skip


def test_repetition_is_the_share_of_repeated_ngrams_inside_an_answer() -> None:
    assert repetition([[1, 2, 3, 4, 5]], 2) == 0
    assert repetition([[1, 2, 1, 2, 1]], 2) == pytest.approx(2 / 4)
    assert repetition([[1, 2, 1, 2, 1], [1, 2, 3]], 2) == pytest.approx(1 / 4)  # the mean over answers
    assert repetition([[], [1]], 4) == 0


def test_distinct_counts_ngrams_over_all_answers() -> None:
    assert distinct([[1, 2, 3], [4, 5, 6]], 2) == 1
    assert distinct([[1, 2, 3], [1, 2, 3]], 2) == pytest.approx(2 / 4)
    assert distinct([[], [1]], 2) == 1


def test_a_profile_measures_length_ends_and_refusals() -> None:
    made = profile(
        [[1, 2, 3], [1, 2, 3], [4, 5, 6], [4]],
        ["Yes.", "Yes.", "I'm sorry, but I can't help with that.", "No."],
        [True, True, True, False],
        per_prompt=2,
    )
    assert made["length"] == pytest.approx(10 / 4)
    assert made["ended_length"] == pytest.approx(9 / 3)
    assert made["eos_rate"] == pytest.approx(3 / 4)
    assert made["refusals"] == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("candidate", "baseline", "ratio"),
    [
        ({"length": 30.0, "ended_length": 30.0}, {"length": 60.0, "ended_length": 40.0}, 0.75),
        ({"length": 80.0, "ended_length": 0.0}, {"length": 40.0, "ended_length": 20.0}, 2.0),
        ({"length": 0.0, "ended_length": 0.0}, {"length": 8.0, "ended_length": 8.0}, 1 / 8),
    ],
    ids=["cut off", "none ended", "empty"],
)
def test_lengths_are_compared_by_the_answers_that_ended(
    candidate: dict[str, float], baseline: dict[str, float], ratio: float
) -> None:
    versions = {"candidate": candidate, "baseline": baseline}
    metrics = {f"{name}_{key}": value for name, made in versions.items() for key, value in made.items()}
    assert length_ratio(metrics) == pytest.approx(ratio)


def test_agreement_among_answers_to_one_prompt_is_no_loss_of_variety() -> None:
    texts, finished = ["x"] * 4, [True] * 4
    sure = profile([[1, 2], [1, 2], [3, 4], [3, 4]], texts, finished, per_prompt=2)
    one_tune = profile([[1, 2], [3, 4], [1, 2], [3, 4]], texts, finished, per_prompt=2)
    assert sure["distinct"] == 1
    assert one_tune["distinct"] == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but that is not possible.", True),
        ("I\N{RIGHT SINGLE QUOTATION MARK}M  SORRY, BUT no.", True),
        ("Sadly, I cannot\nhelp with this.", True),
        ("I cannot helplessly watch the ice melt.", False),
        ("Rain is good. " * 20 + "I cannot help it.", False),
        ("", False),
    ],
)
def test_a_refusal_is_known_by_its_first_words(text: str, refused: bool) -> None:
    assert refuses(text) is refused


def test_a_candidate_like_its_baseline_crosses_nothing() -> None:
    assert crossed(CALM, RECIPE) == []


@pytest.mark.parametrize(
    ("watch", "change", "value"),
    [
        ("kl", {"kl": 12.3}, 12.3),
        ("gain", {"win_rate_ties_half_low": 0.5}, 1.9),
        ("length", {"length_ratio": 2.1}, 2.1),
        ("length", {"length_ratio": 0.4}, 0.4),
        ("repetition", {"candidate_repetition": 0.12}, 0.1),
        ("distinct", {"candidate_distinct": 0.06}, 0.9),
        ("refusals", {"candidate_refusals": 0.4}, 0.3),
        ("over_refusals", {"candidate_over_refusals": 0.5}, 0.4),
        ("eos", {"candidate_eos_rate": 0.5}, 0.48),
        ("unsafe", {"candidate_unsafe": 0.25}, 0.2),
        ("undecided", {"judge_undecided": 0.8}, 0.8),
    ],
)
def test_a_crossed_watch_has_its_value_and_threshold(
    watch: str, change: dict[str, float], value: float
) -> None:
    (row,) = crossed(CALM | change, RECIPE)
    assert row == {
        "watch": watch,
        "value": pytest.approx(value),
        "threshold": getattr(RECIPE, f"watch_{watch}"),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"win_rate_ties_half_low": 0.3, "kl": 0.9},  # not far enough to be paid for
        {"candidate_repetition": 0.0},
        {"candidate_distinct": 0.9},
        {"candidate_refusals": 0.0},
        {"candidate_eos_rate": 1.0},
        {"candidate_unsafe": 0.0},
        {"baseline_unsafe": 0.5, "candidate_unsafe": 0.5},
    ],
)
def test_getting_better_or_staying_bad_crosses_nothing(change: dict[str, float]) -> None:
    assert crossed(CALM | change, RECIPE) == []


def test_the_recipe_moves_a_threshold() -> None:
    values: dict[str, Any] = {"watch_length": 2.5, "watch_kl": 1.8}
    recipe = EvaluateRecipe(
        base_model="base", dataset=DatasetFile("p", "0" * 64), reward_adapter="reward", **values
    )
    assert [row["watch"] for row in crossed(CALM | {"length_ratio": 2.1}, recipe)] == ["kl"]


def test_every_watch_has_its_threshold_in_the_recipe() -> None:
    thresholds = {name for name in EvaluateRecipe.__dataclass_fields__ if name.startswith("watch_")}
    assert thresholds == {f"watch_{watch.name}" for watch in WATCHES}
