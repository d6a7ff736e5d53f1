"""When a practice answer is right, and how practice comparisons are read."""

import json
from pathlib import Path

import pytest

from annotator.imports.file_formats import BadRecordError, EmptyRecordError
from ranking.practice_files import practice_from_record, read_practice_file
from ranking.practice_marking import is_right

GOOD = {"prompt": "What is albedo?", "answers": ["True.", "False."], "ranks": [1, 2], "why": "It is true."}


@pytest.mark.parametrize(
    ("given", "known", "right"),
    [
        ((1, 2), (1, 2), True),
        ((2, 1), (1, 2), False),
        ((1, 1), (1, 2), False),
        ((1, 1), (1, 1), True),
        ((1, 2), (1, 1), False),
    ],
)
def test_of_two_answers_the_side_has_to_be_right(given, known, right):
    assert is_right(given, known) is right


@pytest.mark.parametrize(
    ("given", "known", "right"),
    [
        ((1, 2, 3), (1, 2, 3), True),
        ((1, 2, 2), (1, 2, 3), True),  # half of one of three pairs
        ((1, 3, 2), (1, 2, 3), False),  # one of three pairs
        ((2, 1, 3), (1, 2, 3), False),  # not the best
        ((1, 1, 2), (1, 2, 3), False),  # the best shares its rank with one that is not
        ((1, 1, 1), (1, 2, 2), False),
        ((1, 2, 3), (1, 2, 2), True),  # what is equally good may be ranked in any way
        ((2, 1, 3), (1, 1, 2), True),
        ((1, 2, 4, 3), (1, 2, 3, 4), True),  # one of six pairs
        ((1, 3, 4, 2), (1, 2, 3, 4), False),  # two of six pairs
        ((1, 4, 3, 2), (1, 2, 3, 4), False),
        ((1, 2, 2, 2), (1, 2, 3, 4), True),  # three ties: one and a half of six
    ],
)
def test_of_more_the_best_has_to_be_best_and_a_quarter_of_the_order_may_be_wrong(given, known, right):
    assert is_right(given, known) is right


def test_a_line_becomes_a_comparison_with_dense_ranks():
    draft = practice_from_record({**GOOD, "answers": [" a ", "b", "c"], "ranks": [1, 3, 3], "language": "fr"})
    assert draft.answers == ["a", "b", "c"] and draft.ranks == [1, 2, 2] and draft.language == "fr"
    assert draft.messages == [{"role": "user", "content": "What is albedo?"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"answers": None},
        {"answers": "one"},
        {"answers": ["one"], "ranks": [1]},
        {"answers": ["one", " "]},
        {"answers": ["one", "one"]},
        {"answers": ["one", 2]},
        {"answers": ["one", "\ud800"]},
        {"answers": ["one", "\0"]},
        {"answers": ["one", "x" * 10_000]},
        {"answers": list("abcdefghi"), "ranks": [1] * 9},
        {"answers": ["a", "b", "c"], "ranks": [1, 1, 1]},
        {"ranks": None},
        {"ranks": [1]},
        {"ranks": [0, 1]},
        {"ranks": [1, 3]},
        {"ranks": [True, 2]},
        {"ranks": [1, 10**400]},
        {"ranks": ["1", "2"]},
        {"why": ""},
        {"why": None},
        {"why": "a\0b"},
        {"prompt": ""},
        {"prompt": "\ud800"},
        {"language": "nonsense language"},
    ],
)
def test_a_line_that_cannot_be_a_practice_is_refused_with_words(wrong):
    with pytest.raises((BadRecordError, EmptyRecordError)) as refused:
        practice_from_record({**GOOD, **wrong})
    assert str(refused.value)


def test_a_file_lists_what_is_wrong_by_line():
    lines = [json.dumps(GOOD), "", "{", json.dumps({**GOOD, "why": ""}), '["no object"]']
    content = read_practice_file("\n".join(lines).encode())
    assert [note.line for note in content.errors] == [3, 4, 5]
    assert len(content.drafts) == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\xfa", b"x" * (1024**2 + 1)])
def test_a_file_that_holds_nothing_is_an_error(content):
    assert read_practice_file(content).errors


def test_the_demonstration_comes_with_five_practice_comparisons():
    path = Path(__file__).resolve().parents[2] / "training" / "demonstration" / "practice.jsonl"
    content = read_practice_file(path.read_bytes())
    assert content.errors == [] and len(content.drafts) == 5
