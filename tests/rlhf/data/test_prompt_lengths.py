"""One prompt that is too long does not block a stage."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rlhf.making import PROMPTS, TEMPLATE, error_of, write_rows
from training.rlhf.__main__ import main
from training.rlhf.data.chat import encode_prompt
from training.rlhf.data.files import Prompt
from training.rlhf.data.prompt_lengths import context_length, encode_fitting
from training.rlhf.errors import DataError
from training.rlhf.model.loading import load_tokenizer

LONG: dict[str, Any] = {"prompt_id": "long", "prompt": [{"role": "user", "content": "word " * 40}]}
REST = [row["prompt_id"] for row in PROMPTS]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("stage", ["generate", "evaluate", "ppo"])
def test_a_prompt_that_is_too_long_is_left_out_and_listed(
    stage: str,
    llama: Path,
    ppo_settings: dict[str, Any],
    make_run: Callable[..., Path],
    tmp_path: Path,
) -> None:
    shared = {name: ppo_settings[name] for name in ("base_model", "threads", "max_new_tokens")}
    settings = {
        "generate": shared | {"completions_per_prompt": 1},
        "evaluate": shared | {"reward_adapter": ppo_settings["reward_adapter"], "samples_per_prompt": 1},
        "ppo": ppo_settings | {"steps": 1, "calibration_answers": 8, "samples_every": 1},
    }[stage]
    dataset = write_rows(tmp_path / "some.jsonl", [*PROMPTS[:2], LONG, *PROMPTS[2:]])
    run = make_run(settings | {"stage": stage, "dataset": dataset, "max_prompt_tokens": 60})
    assert main([stage, str(run)]) == 0
    tokens = len(encode_prompt(load_tokenizer(str(llama)), LONG["prompt"]))
    assert rows_of(run / "output" / "left_out.jsonl") == [
        {"prompt_id": "long", "tokens": tokens, "limit": 60}
    ]
    assert json.loads((run / "result.json").read_text())["metrics"]["overlong_prompts"] == 1
    answered = {"generate": "completions.jsonl", "evaluate": "comparisons.jsonl", "ppo": "samples.jsonl"}
    found = {row["prompt_id"] for row in rows_of(run / "output" / answered[stage])}
    assert found <= set(REST) and (stage == "ppo" or found == set(REST))


def test_a_prompt_leaves_room_for_its_answer_in_what_the_base_reads(
    llama: Path, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = write_rows(tmp_path / "some.jsonl", [*PROMPTS, LONG])
    settings = {"stage": "generate", "base_model": str(llama), "dataset": dataset, "threads": 1}
    run = make_run(settings | {"completions_per_prompt": 1, "max_new_tokens": 220})
    assert main(["plan", str(run)]) == 0
    assert main(["generate", str(run)]) == 0
    (row,) = rows_of(run / "output" / "left_out.jsonl")
    assert (row["prompt_id"], row["limit"]) == ("long", 256 - 220)


def test_only_when_no_prompt_is_left_the_stage_ends(
    llama: Path, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = write_rows(tmp_path / "some.jsonl", [LONG])
    settings = {"stage": "generate", "base_model": str(llama), "dataset": dataset, "threads": 1}
    run = make_run(settings | {"max_prompt_tokens": 20})
    assert main(["generate", str(run)]) == 1
    assert error_of(run)["reason"].startswith("No prompt fits: the shortest of 1 has")


def test_lengths_are_measured_before_anything_runs(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "some.jsonl", [PROMPTS[0], LONG])
    names = [str(llama), str(tmp_path / "some.jsonl"), str(tmp_path / "lengths.jsonl")]
    assert main(["measure", *names]) == 0
    tokenizer, context = load_tokenizer(str(llama)), context_length(str(llama))
    assert context
    assert rows_of(tmp_path / "lengths.jsonl") == [
        {
            "prompt_id": row["prompt_id"],
            "tokens": len(encode_prompt(tokenizer, row["prompt"])),
            "context": context,
        }
        for row in (PROMPTS[0], LONG)
    ]
    (tmp_path / "some.jsonl").write_text("{")
    assert main(["measure", *names]) == 1
    assert "line 1: not valid JSON" in capsys.readouterr().err


def test_system_messages_that_the_template_drops_are_not_left_out_in_silence(llama: Path) -> None:
    tokenizer = load_tokenizer(str(llama))
    prompt = Prompt("1", [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}])
    assert len(encode_fitting([prompt], tokenizer, limit=100).ids) == 1
    tokenizer.chat_template = TEMPLATE.replace("in messages", "in messages if m['role'] != 'system'")
    with pytest.raises(DataError, match="leaves out system messages"):
        encode_fitting([prompt], tokenizer, limit=100)
