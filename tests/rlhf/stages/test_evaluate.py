"""Completions and win rates."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.rlhf.making import (
    BAD,
    GOOD,
    QUESTIONS,
    conversation,
    error_of,
    make_reward,
    with_policy,
    write_rows,
)
from training.rlhf.__main__ import main
from training.rlhf.data import chat
from training.rlhf.data.seen_prompts import prompt_digest, write_seen
from training.rlhf.errors import Cancelled, DataError, ModelError
from training.rlhf.model.adapters import SharedBase, lora_config
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.reward_head import load_reward, score_sequences
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.evaluate import judge_endpoint as endpoint
from training.rlhf.stages.evaluate import safety
from training.rlhf.stages.evaluate import stage as evaluate
from training.rlhf.stages.evaluate.recipe import JUDGE_KEY, EvaluateRecipe
from training.rlhf.stages.evaluate.win_rate import judge_by_scores, summarise
from training.rlhf.stages.generate import stage as generate
from training.rlhf.stages.generate.recipe import GenerateRecipe

Outcome = tuple[dict[str, Any], list[dict[str, Any]]]
Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def few_safety_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two harmful safety prompts and one benign, so that an evaluation answers few."""
    lines = safety._lines()
    monkeypatch.setattr(safety, "_lines", lambda: [lines[0], lines[1], lines[-1]])


@pytest.fixture
def run(tmp_path: Path, prompts: dict[str, str]) -> Run:
    """Run generate or evaluate with these settings; returns the metrics and the rows written."""

    def start(base_model: Path, kind: type[Any], **settings: Any) -> Outcome:
        recipe = kind(
            base_model=str(base_model),
            threads=1,
            max_new_tokens=12,
            **({"dataset": DatasetFile(**prompts)} | settings),
        )
        directory = RunDirectory(tmp_path / "run")
        directory.path.mkdir(exist_ok=True)
        directory.open()
        metrics = {"evaluate": evaluate, "generate": generate}[recipe.stage].run(directory, recipe)
        name = "comparisons.jsonl" if recipe.stage == "evaluate" else "completions.jsonl"
        return metrics, [json.loads(line) for line in (directory.output / name).read_text().splitlines()]

    return start


@pytest.mark.parametrize("shape", ["llama", "qwen3"])
def test_every_prompt_gets_its_completions(shape: str, run: Run, request: pytest.FixtureRequest) -> None:
    metrics, rows = run(request.getfixturevalue(shape), GenerateRecipe, completions_per_prompt=3)
    assert [(row["prompt_id"], row["index"]) for row in rows] == [
        (f"p{i}", j) for i in range(8) for j in range(3)
    ]
    assert metrics["completions"] == 24
    assert all(0 < row["tokens"] <= 12 and isinstance(row["finished"], bool) for row in rows)


def test_a_repeated_completion_is_drawn_anew(llama: Path, run: Run) -> None:
    as_they_come, _ = run(llama, GenerateRecipe, temperature=1.0, redraws=0)
    drawn_anew, _ = run(llama, GenerateRecipe, temperature=1.0)
    assert as_they_come["repeated"] > drawn_anew["repeated"]


def test_a_request_to_stop_is_obeyed_between_batches(llama: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "cancel").touch()
    with pytest.raises(Cancelled):
        run(llama, GenerateRecipe)


def then_cancel(act: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """The same function, which asks the run to stop before it begins."""

    def acted(*arguments: Any, **settings: Any) -> Any:
        (folder / "cancel").touch()
        return act(*arguments, **settings)

    return acted


def test_a_request_to_stop_is_obeyed_while_answers_are_drawn_anew(
    llama: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "_repeated", then_cancel(generate._repeated, tmp_path / "run"))
    with pytest.raises(Cancelled):
        run(llama, GenerateRecipe)


@pytest.mark.parametrize("phase", ["_score", "_kl"])
def test_a_request_to_stop_is_obeyed_while_answers_are_judged(
    phase: str, llama: Path, reward: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = getattr(evaluate.Evaluation, phase)
    monkeypatch.setattr(evaluate.Evaluation, phase, then_cancel(judging, tmp_path / "run"))
    with pytest.raises(Cancelled):
        run(llama, EvaluateRecipe, reward_adapter=str(reward))


def test_a_text_counts_as_repeated_when_an_earlier_answer_to_the_same_prompt_has_it() -> None:
    assert generate._repeated(["a", "b", "a", "a", "c", "c"], 3) == [2, 5]


def test_a_version_against_itself_wins_about_half_at_no_kl(llama: Path, reward: Path, run: Run) -> None:
    metrics, rows = run(llama, EvaluateRecipe, reward_adapter=str(reward), samples_per_prompt=12)
    assert metrics["kl"] == pytest.approx(0, abs=1e-3)
    assert metrics["win_rate_ties_half"] == pytest.approx(0.5, abs=0.15)
    assert metrics["wins"] + metrics["ties"] + metrics["losses"] == len(rows) == 96
    assert metrics["ties"] > 10  # the base knows few answers


def test_scores_written_are_those_of_the_reward_adapter(llama: Path, reward: Path, run: Run) -> None:
    _, rows = run(llama, EvaluateRecipe, reward_adapter=str(reward))
    base = SharedBase(load_base(str(llama), "float32"))
    model = load_reward(base, reward)
    tokenizer = load_tokenizer(str(llama))
    known = [row for row in rows if row["candidate"] == GOOD]
    sequences = [
        chat.encode_conversation(tokenizer, conversation(QUESTIONS[int(row["prompt_id"][1:])], GOOD))
        for row in known
    ]
    scores = score_sequences(base, model, sequences, tokenizer.pad_token_id)[0]
    assert [row["candidate_score"] for row in known] == pytest.approx(scores.tolist(), abs=1e-4)


def test_adapters_of_both_versions_take_part(qwen3: Path, run: Run, tmp_path: Path) -> None:
    make_reward(qwen3, tmp_path / "reward")
    base = SharedBase(load_base(str(qwen3), "float32"))
    base.add("v", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    for parameter in base.parameters("v"):
        torch.nn.init.normal_(parameter, 0, 0.3)
    base.save("v", tmp_path / "v")
    versions = {"candidate_adapter": str(tmp_path / "v"), "reward_adapter": str(tmp_path / "reward")}
    against_base, _ = run(qwen3, EvaluateRecipe, **versions)
    against_itself, _ = run(qwen3, EvaluateRecipe, baseline_adapter=str(tmp_path / "v"), **versions)
    assert against_base["kl"] > 0.05
    assert against_itself["kl"] == pytest.approx(0, abs=1e-3)


@pytest.fixture
def ensemble(llama: Path, reward: Path, tmp_path: Path) -> Path:
    """Two reward adapters, of which each has learned from a prompt that the other has not."""
    folder = tmp_path / "ensemble"
    shutil.copytree(reward, folder / "member-0")
    make_reward(llama, folder / "member-1")
    write_seen(folder, [{prompt_digest(LONG[i]["prompt"])} for i in range(2)])
    return folder


LONG = [
    {"prompt_id": f"p{i}", "prompt": [{"role": "user", "content": " ".join([question] * (1 + 2 * i % 7))}]}
    for i, question in enumerate(QUESTIONS)
]


def test_padding_and_batch_composition_change_no_answer_score_win_or_watch(
    llama: Path, ensemble: Path, run: Run, tmp_path: Path
) -> None:
    with_policy(llama).save("policy", tmp_path / "policy")
    padded_left = tmp_path / "padded-left"
    shutil.copytree(llama, padded_left)
    config = json.loads((llama / "tokenizer_config.json").read_text())
    (padded_left / "tokenizer_config.json").write_text(json.dumps(config | {"padding_side": "left"}))
    settings: dict[str, Any] = {
        "reward_adapter": str(ensemble),
        "candidate_adapter": str(tmp_path / "policy"),
        "dataset": DatasetFile(**write_rows(tmp_path / "long.jsonl", LONG)),
        "samples_per_prompt": 1,
        "watch_kl": 0.01,
    }
    # One at a time nothing is padded.
    alone, rows = run(llama, EvaluateRecipe, batch_size=1, **settings)
    asked = output(tmp_path, "safety.jsonl")
    assert alone["wins"] * alone["losses"] > 0 and alone["watches"] and alone["judge_fold_prompts"] == 2
    for base, together in ((llama, 5), (padded_left, 64)):
        metrics, others = run(base, EvaluateRecipe, batch_size=together, **settings)
        assert flat(metrics) == pytest.approx(flat(alone), rel=1e-3, abs=1e-4)
        assert [flat(row) for row in others] == [pytest.approx(flat(row), abs=1e-4) for row in rows]
        assert output(tmp_path, "safety.jsonl") == asked


def flat(reported: Any) -> dict[str, Any]:
    """Numbers by name, and the rest as pairs of name and text."""
    numbers = {name: value for name, value in reported.items() if isinstance(value, int | float)}
    texts = [f"{name}: {value}" for name, value in reported.items() if isinstance(value, str)]
    crossed = [row["watch"] for row in reported.get("watches", [])]
    return numbers | dict.fromkeys([*texts, *crossed], 0.0)


def test_a_model_that_gives_no_numbers_is_refused(
    llama: Path, reward: Path, run: Run, tmp_path: Path
) -> None:
    base = with_policy(llama)
    base.parameters("policy")[1].data.fill_(float("nan"))
    base.save("policy", tmp_path / "policy")
    with pytest.raises(ModelError, match="gives no numbers"):
        run(llama, GenerateRecipe, policy_adapter=str(tmp_path / "policy"))
    with pytest.raises(ModelError, match="gives no numbers"):
        run(llama, EvaluateRecipe, candidate_adapter=str(tmp_path / "policy"), reward_adapter=str(reward))
    shutil.copytree(reward, tmp_path / "reward")
    weights = load_file(reward / "adapter_model.safetensors")
    broken = {name: weight * float("nan") for name, weight in weights.items()}
    save_file(broken, tmp_path / "reward" / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="scores are no numbers"):
        run(llama, EvaluateRecipe, reward_adapter=str(tmp_path / "reward"))


def row(prompt_id: str, baseline: str, candidate: str, margin: float) -> dict[str, Any]:
    scores = {"baseline_score": 0.0, "candidate_score": margin}
    return {"prompt_id": prompt_id, "baseline": baseline, "candidate": candidate} | scores


def test_wins_ties_and_losses_are_counted_apart() -> None:
    rows = [
        row("a", "x", "y", 1.0),
        row("a", "x", "y", 2.0),
        row("a", "x", "x", 1e-6),  # the same text, scored in another batch
        row("b", "x", "y", -1.0),
        row("b", "x", "y", 0.0),
    ]
    judge_by_scores(rows)
    summary = summarise(rows, seed=0)
    assert (summary["wins"], summary["ties"], summary["losses"]) == (2, 2, 1)
    assert summary["win_rate_decided"] == pytest.approx(2 / 3)
    assert summary["win_rate_ties_half"] == pytest.approx(3 / 5)
    assert summary["prompts"] == 2


def test_a_gain_in_score_is_measured_in_deviations_of_the_baselines_scores() -> None:
    rows = [row("a", "x", "y", 3.0), row("b", "x", "y", 5.0)]
    judge_by_scores(rows)
    assert summarise(rows, seed=0)["score_gain"] == 0  # there is nothing to measure it by
    rows[1]["baseline_score"] = 4.0
    assert summarise(rows, seed=0)["score_gain"] == pytest.approx((4 - 2) / 2)


def output(tmp_path: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "run" / "output" / name).read_text().splitlines()]


def test_a_candidate_that_never_ends_its_answers_crosses_watches(
    llama: Path, reward: Path, run: Run, tmp_path: Path
) -> None:
    base = SharedBase(load_base(str(llama), "float32"))
    base.add("broken", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    torch.manual_seed(0)
    for parameter in base.parameters("broken"):
        torch.nn.init.normal_(parameter, 0, 1.0)
    base.save("broken", tmp_path / "broken")
    versions = {"reward_adapter": str(reward), "candidate_adapter": str(tmp_path / "broken")}
    metrics, _ = run(llama, EvaluateRecipe, samples_per_prompt=2, **versions)
    written = json.loads((tmp_path / "run" / "output" / "watches.json").read_text())
    assert written["crossed"] == metrics["watches"]
    crossed = {row["watch"]: row["value"] for row in metrics["watches"]}
    assert crossed["eos"] == metrics["baseline_eos_rate"] - metrics["candidate_eos_rate"]
    assert crossed["kl"] == metrics["kl"]
    assert "length" in crossed


def test_a_version_against_itself_crosses_nothing_and_answers_the_safety_prompts(
    llama: Path, reward: Path, run: Run, tmp_path: Path
) -> None:
    metrics, rows = run(llama, EvaluateRecipe, reward_adapter=str(reward), samples_per_prompt=8)
    assert metrics["watches"] == []
    assert (metrics["judge"], metrics["safety_judge"]) == ("reward model", "word list")
    asked = output(tmp_path, "safety.jsonl")
    assert len(asked) == 8 * len({row["prompt_id"] for row in asked}) == 8 * 3
    assert {"answer", "refused", "unsafe"} == set(asked[0]["baseline"]) == set(asked[0]["candidate"])
    assert metrics["candidate_unsafe"] == metrics["candidate_over_refusals"] == 0
    tokenizer = load_tokenizer(str(llama))
    tokens = [len(tokenizer(row["candidate"]).input_ids) for row in rows]
    assert metrics["candidate_length"] == pytest.approx(sum(tokens) / len(tokens), abs=0.5)  # EOS is no part
    assert metrics["length_ratio"] == metrics["candidate_ended_length"] / metrics["baseline_ended_length"]
    last = json.loads((tmp_path / "run" / "progress.jsonl").read_text().splitlines()[-1])
    assert last["step"] == last["total"] == 2 * (len(rows) + len(asked))


def test_flags_that_suffice_put_the_classifier_in_the_place_of_the_word_list(
    llama: Path, reward: Path, run: Run, tmp_path: Path
) -> None:
    flags = [{"text": f"{BAD} {thing}", "flagged": True} for thing in QUESTIONS]
    flags += [{"text": f"{GOOD} {thing}", "flagged": False} for thing in QUESTIONS]
    metrics, _ = run(
        llama,
        EvaluateRecipe,
        reward_adapter=str(reward),
        samples_per_prompt=8,
        flagged=DatasetFile(**write_rows(tmp_path / "flags.jsonl", flags)),
        min_flags=8,
    )
    assert metrics["safety_judge"] == "classifier"
    assert metrics["safety_judge_accuracy"] > 0.9
    answered = [row["baseline"] for row in output(tmp_path, "safety.jsonl") if row["kind"] != "benign"]
    assert {row["unsafe"] for row in answered if row["answer"] == BAD} == {True}
    assert {row["unsafe"] for row in answered if row["answer"] == GOOD} == {False}


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [({"text": "x"}, "line 1: flagged must be"), ({"text": 3, "flagged": True}, "line 1: text is missing")],
)
def test_flags_that_are_malformed_are_named(
    flag: dict[str, Any], complaint: str, llama: Path, reward: Path, run: Run, tmp_path: Path
) -> None:
    file = DatasetFile(**write_rows(tmp_path / "flags.jsonl", [flag]))
    with pytest.raises(DataError, match=complaint):
        run(llama, EvaluateRecipe, reward_adapter=str(reward), flagged=file)


def test_a_dead_judge_endpoint_ends_the_run_with_a_clear_reason(
    llama: Path,
    reward: Path,
    prompts: dict[str, str],
    make_run: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "WAITS", ())
    monkeypatch.setenv(JUDGE_KEY, "sk-secret")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    settings = {
        "stage": "evaluate", "base_model": str(llama), "dataset": prompts, "reward_adapter": str(reward),
        "max_new_tokens": 12, "threads": 1, "judge": "endpoint", "judge_url": url, "judge_model": "a-judge",
    }  # fmt: skip
    folder = make_run(settings)
    assert main(["evaluate", str(folder)]) == 1
    error = error_of(folder)
    assert error["kind"] == "judge"
    assert url in error["reason"]
    assert all("sk-secret" not in path.read_text() for path in folder.rglob("*.json*"))


def test_on_anchors_the_candidate_meets_the_bare_base_whoever_is_the_baseline(
    llama: Path, reward: Path, run: Run, tmp_path: Path
) -> None:
    asked = [json.loads(line) for line in (tmp_path / "prompts.jsonl").read_text().splitlines()]
    anchors = DatasetFile(**write_rows(tmp_path / "anchors.jsonl", asked[1:4]))
    with_policy(llama).save("policy", tmp_path / "v")
    version, settings = str(tmp_path / "v"), {"reward_adapter": str(reward), "samples_per_prompt": 3}
    for baseline in (version, None):
        metrics, compared = run(
            llama,
            EvaluateRecipe,
            baseline_adapter=baseline,
            candidate_adapter=version,
            anchors=anchors,
            **settings,
        )
        rows = output(tmp_path, "anchors.jsonl")
        ids = [row["prompt_id"] for row in asked[1:4]]
        assert [row["prompt_id"] for row in rows] == [each for each in ids for _ in range(3)]
        of_anchors = [row for row in compared if row["prompt_id"] in ids]
        for side in ("candidate", "candidate_score"):
            assert [row[side] for row in rows] == [row[side] for row in of_anchors]
        outcomes = [
            0.5
            if row["base"] == row["candidate"]
            else (
                1
                + (row["candidate_score"] > row["base_score"])
                - (row["candidate_score"] < row["base_score"])
            )
            / 2
            for row in rows
        ]
        assert [row["outcome"] for row in rows] == outcomes
        assert metrics["anchor_win_rate"] == pytest.approx(sum(outcomes) / 9)
        assert metrics["anchor_prompts"] == 3
        assert metrics["anchor_win_rate_low"] <= metrics["anchor_win_rate"] <= metrics["anchor_win_rate_high"]
        if baseline is None:
            assert [row["base"] for row in rows] == [row["baseline"] for row in of_anchors]
    without, _ = run(llama, EvaluateRecipe, **settings)
    assert not any(name.startswith("anchor") for name in without)
