"""Rows in each of TRL's formats give the same prompt and answers, and none that is taken twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.rlhf.data.files import read_conversations, read_preferences, read_prompts
from training.rlhf.errors import DataError
from training.rlhf.rundir import RunDirectory, dataset_file

SYSTEM = [{"role": "system", "content": "Be brief."}]
ASKED = [{"role": "user", "content": "Why?"}]
YES, NO = ([{"role": "assistant", "content": text}] for text in ("So.", "Not so."))
EARLIER = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]


def read(reader: Any, folder: Path, *rows: dict[str, Any]) -> list[Any]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found: list[Any] = reader(RunDirectory(folder), dataset_file(path))
    return found


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"prompt": ASKED, "chosen": ASKED + YES, "rejected": ASKED + NO}, ASKED),
        ({"prompt": ASKED, "chosen": ASKED + YES, "rejected": NO}, ASKED),
        ({"prompt": SYSTEM + ASKED, "chosen": ASKED + YES, "rejected": ASKED + NO}, SYSTEM + ASKED),
        (
            {"prompt": EARLIER + ASKED, "chosen": ASKED + YES, "rejected": EARLIER + ASKED + NO},
            EARLIER + ASKED,
        ),
        ({"chosen": EARLIER + ASKED + YES, "rejected": EARLIER + ASKED + NO}, EARLIER + ASKED),
        ({"prompt": None, "chosen": ASKED + YES, "rejected": ASKED + NO}, ASKED),
        ({"prompt": "Why?", "chosen": "So.", "rejected": " Not so."}, ASKED),
        ({"prompt": "Why?", "chosen": ASKED + YES, "rejected": ASKED + NO}, ASKED),
        (
            {
                "chosen": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant: So.",
                "rejected": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant: Not so.",
            },
            EARLIER + ASKED,
        ),
    ],
)
def test_the_prompt_is_taken_once_in_every_format(
    tmp_path: Path, row: dict[str, Any], prompt: list[dict[str, str]]
) -> None:
    (preference,) = read(read_preferences, tmp_path, row)
    assert (preference.prompt, preference.chosen, preference.rejected) == (prompt, YES, NO)


def test_rows_of_one_prompt_belong_together_in_every_format(tmp_path: Path) -> None:
    rows = [
        {"prompt": ASKED, "chosen": YES, "rejected": NO},
        {"prompt": ASKED, "chosen": ASKED + YES, "rejected": ASKED + NO},
        {"chosen": ASKED + YES, "rejected": ASKED + NO},
    ]
    assert len({each.prompt_id for each in read(read_preferences, tmp_path, *rows)}) == 1


def test_a_completion_that_repeats_its_prompt_is_learned_once(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": ASKED, "completion": ASKED + YES},
        {"prompt": "Why?", "completion": "So."},
        {"messages": ASKED + YES},
    ]
    assert read(read_conversations, tmp_path, *rows) == [ASKED + YES] * 3


def test_a_prompt_may_be_a_text(tmp_path: Path) -> None:
    (prompt,) = read(read_prompts, tmp_path, {"prompt_id": "a", "prompt": "Why?"})
    assert prompt.messages == ASKED


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"chosen": ASKED + ASKED + YES, "rejected": ASKED + NO}, "chosen begins with a message of the user"),
        (
            {"prompt": ASKED, "chosen": EARLIER + YES, "rejected": NO},
            "begins with a message of the user",
        ),
        (
            {"prompt": ASKED, "chosen": SYSTEM + ASKED + YES, "rejected": NO},
            "a message of the system",
        ),
        ({"chosen": ASKED + YES, "rejected": EARLIER + NO}, "have no beginning in common"),
        ({"chosen": YES, "rejected": NO}, "have no beginning in common"),
        ({"chosen": "So.", "rejected": "Not so."}, "prompt is missing, and chosen is no conversation"),
        (
            {"prompt": ASKED, "chosen": ASKED, "rejected": NO},
            "must be the assistant's",
        ),
        ({"prompt": ASKED, "chosen": "", "rejected": NO}, "chosen must be a list of messages or a text"),
        ({"prompt": ASKED, "chosen": ASKED + YES, "rejected": YES}, "are the same"),
    ],
)
def test_answers_that_do_not_follow_their_prompt_are_refused(
    tmp_path: Path, row: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(DataError, match=f"line 1: .*{complaint}"):
        read(read_preferences, tmp_path, row)
