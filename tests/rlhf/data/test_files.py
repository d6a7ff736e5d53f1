"""Dataset files are the ones that the recipe names, and a wrong row is named by its line."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.rlhf.data.files import read_conversations, read_preferences, read_prompts
from training.rlhf.errors import DataError
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory, dataset_file

USER = [{"role": "user", "content": "Why?"}]
ANSWER = [{"role": "assistant", "content": "So."}]
OTHER = [{"role": "assistant", "content": "Not so."}]


def entry(tmp_path: Path, text: str | bytes, name: str = "rows.jsonl") -> tuple[RunDirectory, DatasetFile]:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return RunDirectory(tmp_path), DatasetFile(name, dataset_file(tmp_path / name).sha256)


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_prompts_are_read_relative_to_the_run_directory(tmp_path: Path) -> None:
    found = read_prompts(*entry(tmp_path, lines({"prompt_id": "a", "prompt": USER}) + "\n"))
    assert [(prompt.prompt_id, prompt.messages) for prompt in found] == [("a", USER)]


def test_jsonl_and_parquet_give_the_same_preferences(tmp_path: Path) -> None:
    rows = [{"prompt": USER, "chosen": ANSWER, "rejected": OTHER, "prompt_id": "a", "split": "held_out"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    directory, file = entry(tmp_path, lines(*rows))
    parquet = DatasetFile("rows.parquet", dataset_file(tmp_path / "rows.parquet").sha256)
    (preference,) = read_preferences(directory, file)
    assert read_preferences(directory, parquet) == [preference]
    assert (preference.weight, preference.split) == (1.0, "held_out")


def test_pairs_without_a_prompt_id_belong_together_by_what_was_asked(tmp_path: Path) -> None:
    pair, other = {"chosen": ANSWER, "rejected": OTHER}, [{"role": "user", "content": "When?"}]
    rows = [{"prompt": USER} | pair, {"prompt": USER, "prompt_id": ""} | pair, {"prompt": other} | pair]
    first, second, third = (each.prompt_id for each in read_preferences(*entry(tmp_path, lines(*rows))))
    assert first == second != third


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b'{"prompt_id": "a"', "line 1: not valid JSON .* at character 18"),
        (b"\n\n[1]\n", "line 3: not a JSON object"),
        (b"\xff\xfe{}\n", "line 1: not valid JSON"),
        (b"[" * 100_000, "line 1: not valid JSON"),
        (lines({"prompt": USER}), "line 1: prompt_id is missing"),
        (lines({"prompt_id": "a", "prompt": " "}), "prompt must be a list of messages or a text"),
        (lines({"prompt_id": "a", "prompt": []}), "prompt must be a list of messages"),
        (lines({"prompt_id": "a", "prompt": [{"role": "tool", "content": "x"}]}), "needs a role among"),
        (
            lines({"prompt_id": "a", "prompt": [{"role": "user", "content": None}]}),
            "needs its content as text",
        ),
        (lines({"prompt_id": "a", "prompt": [{"role": "user", "content": "\ud800"}]}), "content as text"),
        (lines({"prompt_id": "a", "prompt": ANSWER}), "the last message of prompt must be the user's"),
        (lines(*[{"prompt_id": "a", "prompt": USER}] * 2), "the same prompt_id twice: a"),
        (lines({"prompt_id": "\ud800", "prompt": USER}), "line 1: prompt_id has characters"),
        ("", "holds no prompts"),
    ],
)
def test_a_wrong_prompt_file_is_refused(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read_prompts(*entry(tmp_path, text))


@pytest.mark.parametrize("weight", [float("nan"), -1, "2", True, 10**400])
def test_a_weight_must_be_a_number_that_is_not_negative(tmp_path: Path, weight: Any) -> None:
    row = {"prompt": USER, "chosen": ANSWER, "rejected": OTHER, "weight": weight}
    with pytest.raises(DataError, match="weight must be"):
        read_preferences(*entry(tmp_path, lines(row)))


def test_a_pair_of_equal_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="are the same"):
        read_preferences(*entry(tmp_path, lines({"prompt": USER, "chosen": ANSWER, "rejected": ANSWER})))


def test_a_conversation_ends_with_the_assistant(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be the assistant's"):
        read_conversations(*entry(tmp_path, lines({"messages": USER})))


def test_a_conversation_has_a_question(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: .* at least one message before its last answer"):
        read_conversations(*entry(tmp_path, lines({"messages": USER + ANSWER}, {"messages": ANSWER})))


def test_a_prompt_and_its_completion_are_a_conversation(tmp_path: Path) -> None:
    row = {"prompt": USER, "completion": ANSWER}
    assert read_conversations(*entry(tmp_path, lines(row))) == [USER + ANSWER]
    with pytest.raises(DataError, match="the last message of completion must be the assistant's"):
        read_conversations(*entry(tmp_path, lines(row | {"completion": USER})))


@pytest.mark.parametrize("name", ["prompt_id", "comparison_id", "split", "round", "language"])
def test_a_name_that_no_file_could_hold_is_refused(tmp_path: Path, name: str) -> None:
    row = {"prompt": USER, "chosen": ANSWER, "rejected": OTHER, name: "\ud800"}
    with pytest.raises(DataError, match=f"line 1: {name} has characters"):
        read_preferences(*entry(tmp_path, lines(row)))


def test_a_parquet_file_whose_text_is_no_unicode_is_refused(tmp_path: Path) -> None:
    offsets, text = pa.py_buffer(bytes([0, 0, 0, 0, 2, 0, 0, 0])), pa.py_buffer(b"\xff\xfe")
    names = pa.StringArray.from_buffers(1, offsets, text)
    pq.write_table(pa.table({"prompt_id": names}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read_prompts(*entry(tmp_path, (tmp_path / "rows.parquet").read_bytes(), "rows.parquet"))


def test_a_file_that_changed_or_went_is_refused(tmp_path: Path) -> None:
    directory, file = entry(tmp_path, lines({"prompt_id": "a", "prompt": USER}))
    (tmp_path / file.path).write_text(lines({"prompt_id": "b", "prompt": USER}))
    with pytest.raises(DataError, match=f"its sha256 is {dataset_file(tmp_path / file.path).sha256}"):
        read_prompts(directory, file)
    (tmp_path / file.path).unlink()
    with pytest.raises(DataError, match="does not exist"):
        read_prompts(directory, file)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_file_of_another_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"neither|not a readable Parquet"):
        read_prompts(*entry(tmp_path, "a,b", name))
