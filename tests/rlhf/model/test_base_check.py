"""A base model is checked once and whole, before anything runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

from tests.rlhf.making import BAD, GOOD, PROMPTS, SPECIAL, error_of, make_tokenizer, write_rows
from training.rlhf.__main__ import main
from training.rlhf.data import chat
from training.rlhf.model.base_check import check_base
from training.rlhf.model.loading import find_stop_ids, load_tokenizer

GEMMA = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture
def base(llama: Path, tmp_path: Path) -> Path:
    """A copy of a base to spoil."""
    return shutil.copytree(llama, tmp_path / "base")


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def as_gemma(base: Path) -> None:
    """Let the tokenizer's EOS be <|endoftext|>, while the template ends a turn with <|im_end|>."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_special_tokens({"eos_token": "<|endoftext|>", "pad_token": "<|im_start|>"})
    tokenizer.chat_template = GEMMA
    tokenizer.save_pretrained(base)
    change(base / "generation_config.json", eos_token_id=[0, 7])


def problem_of(base: Path) -> str:
    (problem,) = check_base(base.name, base.parent).problems
    return problem


def test_what_is_known_of_a_usable_base(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(base), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    model = LlamaForCausalLM.from_pretrained(base)
    assert (found["ok"], found["problems"], found["system_message"]) == (True, [], True)
    assert (found["model_type"], found["context"]) == ("llama", 256)
    assert found["parameters"] == sum(each.numel() for each in model.parameters())
    assert found["embeddings"] == found["token_ids"] == len(make_tokenizer())
    assert found["stop_ids"] == [SPECIAL.index("<|im_end|>")] and found["pad_id"] == 0
    assert all(len(found[name]) == 64 for name in ("template_sha256", "base_sha256"))


def test_every_stop_token_is_found_and_the_templates_comes_first(base: Path) -> None:
    as_gemma(base)
    tokenizer = load_tokenizer(str(base))
    assert find_stop_ids(str(base), tokenizer) == (2, 0, 7)
    assert chat.ending(tokenizer) == [2, *tokenizer.encode("\n", add_special_tokens=False)]
    report = check_base(base.name, base.parent)
    assert (report.problems, report.system_message, report.stop_ids) == ([], False, (2, 0, 7))


def test_a_tokenizer_that_gives_more_ids_than_the_embedding_has_rows_is_refused(
    base: Path, make_run: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens([f"word{number}" for number in range(30)])
    tokenizer.save_pretrained(base)
    rows = len(make_tokenizer())
    assert f"gives {rows + 30} token ids, but the model's embedding has {rows} rows" in problem_of(base)
    assert main(["check", str(base)]) == 1
    dataset = write_rows(tmp_path / "prompts.jsonl", PROMPTS)
    run = make_run({"stage": "generate", "base_model": str(base), "dataset": dataset, "threads": 1})
    assert main(["generate", str(run)]) == 1
    assert error_of(run)["kind"] == "model" and f"{rows + 30} token ids" in error_of(run)["reason"]
    assert main(["plan", str(run)]) == 1
    assert capsys.readouterr().err.count(f"{rows + 30} token ids") >= 2


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{% for m in messages %}{{ m['content'] }}\n{% endfor %}", "no special token after an answer"),
        ("{% for m in messages %}<|im_start|>{{ m['role'] }}<|im_end|>{% endfor %}", "leaves out the text"),
        (
            "{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>{% endif %}",
            "begins an answer that is asked for with other tokens",
        ),
        ("{{ raise_exception('no') }}", "refuses the conversation"),
        ("{{ 'a' * 300 }}{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}", "at most 256"),
    ],
)
def test_a_chat_template_that_no_stage_could_use_is_refused(base: Path, template: str, problem: str) -> None:
    (base / "chat_template.jinja").write_text(template)
    assert problem in problem_of(base)


def test_a_template_that_drops_the_system_message_is_usable_without_one(base: Path) -> None:
    template = (base / "chat_template.jinja").read_text()
    (base / "chat_template.jinja").write_text(
        template.replace("for m in messages", "for m in messages if m['role'] != 'system'")
    )
    report = check_base(base.name, base.parent)
    assert (report.problems, report.system_message) == ([], False)


def test_a_base_that_cannot_be_read_is_refused(base: Path, tmp_path: Path) -> None:
    assert "does not exist" in check_base("./foo", tmp_path).problems[0]
    (base / "model.safetensors").unlink()
    assert "no weights as safetensors" in problem_of(base)
    (base / "config.json").write_text('{"model_type": "llama", "hidden_size": "a"}')
    assert "configuration of the base model" in problem_of(base)


def test_a_stop_token_beyond_the_embedding_is_refused(base: Path) -> None:
    change(base / "generation_config.json", eos_token_id=[2, 9999])
    assert "with the token 9999" in problem_of(base)


@pytest.mark.parametrize("setting", ["max_new_tokens", "max_length"])
def test_a_length_that_the_model_cannot_read_is_refused(
    setting: str, base: Path, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = write_rows(tmp_path / "prompts.jsonl", PROMPTS)
    stage = "sft" if setting == "max_length" else "generate"
    run = make_run({"stage": stage, "base_model": str(base), "dataset": dataset, "threads": 1, setting: 257})
    assert main([stage, str(run)]) == 1
    assert f"{setting} is 257, but the base model reads at most 256" in error_of(run)["reason"]
    assert AutoConfig.from_pretrained(base).max_position_embeddings == 256


def test_answers_end_where_the_template_ends_a_turn_in_every_stage(
    base: Path, make_run: Callable[..., Path], ppo_settings: dict[str, Any]
) -> None:
    as_gemma(base)
    settings = {name: ppo_settings[name] for name in ("dataset", "threads", "max_new_tokens")}
    settings |= {"base_model": str(base), "stage": "generate", "completions_per_prompt": 1}
    run = make_run(settings)
    assert main(["generate", str(run)]) == 0
    rows = [json.loads(line) for line in (run / "output" / "completions.jsonl").read_text().splitlines()]
    assert {row["text"] for row in rows if row["finished"]} == {GOOD, BAD}
    assert sum(row["finished"] for row in rows) > len(rows) / 2
    run = make_run(ppo_settings | {"base_model": str(base), "steps": 1, "calibration_answers": 8}, "ppo")
    assert main(["ppo", str(run)]) == 0
    assert json.loads((run / "result.json").read_text())["metrics"]["eos_rate"] > 0.5
