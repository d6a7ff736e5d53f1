"""The corpus reader: what it takes, and what it refuses with which message."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.starter.corpus import CorpusError, load_corpus, without_questions


def make_row(topic: str = "tides", **changes: Any) -> dict[str, Any]:
    return {
        "topic": topic,
        "language": "en",
        "questions": [f"What are {topic}?", f"Why are there {topic}?"],
        "accurate": [{"text": f"It is true of {topic}.", "source": "a book"}],
        "inaccurate": [{"text": f"It is false of {topic}.", "kind": "myth"}],
    } | changes


def write_rows(folder: Path, *rows: Any) -> Path:
    path = folder / "corpus.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_reads_topics_with_their_statements(tmp_path: Path) -> None:
    [tides, winds] = load_corpus(write_rows(tmp_path, make_row(), make_row("winds")))
    assert tides.questions == ("What are tides?", "Why are there tides?")
    assert [statement.is_accurate for statement in winds.statements] == [True, False]


def test_blank_lines_do_not_shift_line_numbers(tmp_path: Path) -> None:
    path = write_rows(tmp_path, make_row(), "", "{broken")
    with pytest.raises(CorpusError, match="line 3: not JSON"):
        load_corpus(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("[1, 2]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"topic": ' + "9" * 5000 + "}", "not JSON"),
        (make_row(topic=""), "'topic' must be a text"),
        (make_row(language=float("nan")), "'language' must be a text"),
        (make_row(questions=[]), "'questions' must be a list with at least one entry"),
        (make_row(questions="why"), "'questions' must be a list"),
        (make_row(questions=["nul\x00"]), "cannot be stored"),
        (make_row(questions=["half \ud800"]), "cannot be stored"),
        (make_row(accurate=["text"]), "every entry of 'accurate' must be an object"),
        (make_row(accurate=[{"text": "Without a source."}]), "'source' must be a text"),
        (make_row(inaccurate=[{"text": "A lie.", "kind": "lie"}]), "'kind' must be one of myth"),
        (make_row(inaccurate=[{"text": "A lie.", "kind": ["myth"]}]), "'kind' must be one of myth"),
        (make_row(questions=["Why?", "why? "]), "repeated"),
    ],
)
def test_refuses_a_faulty_row_by_line_number(tmp_path: Path, row: Any, message: str) -> None:
    path = write_rows(tmp_path, make_row("winds"), row)
    with pytest.raises(CorpusError, match=f"line 2: .*{message}"):
        load_corpus(path)


def test_names_every_faulty_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        load_corpus(write_rows(tmp_path, "{", make_row(), "}"))
    assert [line.split(":")[0] for line in str(error.value).splitlines()[1:]] == ["line 1", "line 3"]


def test_refuses_a_question_that_two_topics_share(tmp_path: Path) -> None:
    rows = make_row(questions=["Why?"]), make_row("winds", questions=["WHY?"])
    with pytest.raises(CorpusError, match="line 2: question 'why\\?' is already on line 1"):
        load_corpus(write_rows(tmp_path, *rows))


def test_refuses_an_empty_file_and_one_that_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no topics"):
        load_corpus(write_rows(tmp_path))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorpusError, match="not UTF-8"):
        load_corpus(tmp_path / "binary")


def test_excluded_questions_are_gone_however_they_are_spelled(tmp_path: Path) -> None:
    corpus = load_corpus(write_rows(tmp_path, make_row()))
    [tides] = without_questions(corpus, ["what  ARE tides?"])
    assert tides.questions == ("Why are there tides?",)
