"""The starter model: its lessons, its tokenizer, and the folder that appears whole or not at all."""

import json
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.rlhf.engine import ForkedEngine, fork, status_of, wait_until
from training.rlhf.data.chat import encode_conversation, encode_prompt
from training.starter import build
from training.starter.__main__ import main
from training.starter.build import StarterError, StarterRecipe, make_starter
from training.starter.corpus import Statement, Topic, without_questions
from training.starter.lessons import Lesson, LessonWriter
from training.starter.model import make_tokenizer

TINY = StarterRecipe(
    vocabulary=400, hidden=32, layers=1, lessons_per_statement=2, fewest_lessons=48, batch_size=8
)


def make_topic(name: str) -> Topic:
    return Topic(
        topic=name,
        language="en",
        questions=(f"What is {name}?", f"Why do people talk about {name} so much?", f"Do {name}s matter?"),
        accurate=tuple(
            Statement(text=f"It is true that {name} has {n} parts.", source="a book") for n in (2, 3)
        ),
        inaccurate=tuple(Statement(text=f"Nobody knows {name} number {n}.", kind="myth") for n in (4, 5)),
    )


CORPUS = [make_topic(name) for name in ("granite", "marble", "basalt")]


def write_lessons(count: int = 600, seed: int = 0) -> list[Lesson]:
    return LessonWriter(CORPUS, np.random.default_rng(seed)).write(count)


def test_every_statement_is_taught_equally_often() -> None:
    taught = Counter(lesson["messages"][-1]["content"] for lesson in write_lessons())
    assert set(taught) == {statement.text for topic in CORPUS for statement in topic.statements}
    assert set(taught.values()) == {50}


def test_lessons_follow_from_the_seed() -> None:
    assert write_lessons(seed=1) == write_lessons(seed=1) != write_lessons(seed=2)


def test_most_questions_name_the_topic_and_nearly_none_another() -> None:
    right = wrong = 0
    for lesson in write_lessons():
        question, answer = (message["content"].lower() for message in lesson["messages"][-2:])
        (topic,) = [name for name in ("granite", "marble", "basalt") if name in answer]
        right += topic[:4] in question
        wrong += any(name[:4] in question for name in ("granite", "marble", "basalt") if name != topic)
    assert right > 450 and wrong < 30


def test_questions_are_asked_in_many_ways() -> None:
    assert len({lesson["messages"][-2]["content"] for lesson in write_lessons()}) > 200


def test_a_system_message_is_sometimes_there_to_be_ignored() -> None:
    roles = Counter(lesson["messages"][0]["role"] for lesson in write_lessons())
    assert 20 < roles["system"] < 120


def test_excluded_questions_are_never_taught() -> None:
    asked = {topic.questions[1] for topic in CORPUS}
    lessons = LessonWriter(without_questions(CORPUS, asked), np.random.default_rng(0)).write(600)
    words = {word for lesson in lessons for word in lesson["messages"][-2]["content"].lower().split()}
    assert not words & {"people", "much", "much?", "talk"}


def test_a_corpus_of_one_topic_with_one_question_will_do() -> None:
    small = [replace(CORPUS[0], questions=())]
    assert len(LessonWriter(small, np.random.default_rng(0)).write(20)) == 20


@pytest.mark.parametrize("text", ["CO2 at 1.5 °C", "naïve\n\ttabs", "海平面 🌊", "<|user|>", " "])
def test_the_tokenizer_can_write_any_text(text: str) -> None:
    tokenizer = make_tokenizer(["some words", "some more words"], 300)
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_template_begins_an_answer_where_the_prompt_ends_and_ends_it_with_eos() -> None:
    tokenizer = make_tokenizer(["some words", "some more words"], 300)
    prompt = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "some words?"}]
    answer = [{"role": "assistant", "content": "more words"}]
    start = encode_prompt(tokenizer, prompt)
    whole = encode_conversation(tokenizer, prompt + answer)
    assert whole[: len(start)] == start
    assert whole[len(start) :] == [*tokenizer("more words").input_ids, tokenizer.eos_token_id]
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines need not load their libraries; the test of a killed build starts one as the house does."""
    monkeypatch.setattr(build, "EngineProcess", ForkedEngine)


@pytest.mark.usefixtures("forked")
def test_makes_a_folder_that_is_a_base_model_and_makes_it_once(tmp_path: Path) -> None:
    folder = tmp_path / "starter"
    make_starter(CORPUS, folder, threads=1, recipe=TINY)
    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
    assert len(AutoTokenizer.from_pretrained(folder)) == model.config.vocab_size
    assert [path.name for path in tmp_path.iterdir()] == ["starter"]
    made = (folder / "model.safetensors").stat().st_ino
    make_starter(CORPUS, folder, threads=1, recipe=TINY)
    assert (folder / "model.safetensors").stat().st_ino == made


def test_a_killed_build_takes_its_engine_with_it_and_the_next_one_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "starter"
    builder = fork(partial(make_starter, threads=1, recipe=TINY), CORPUS, folder)

    def engine() -> str:
        return "".join(lock.read_text() for lock in tmp_path.glob(".starter.*/engine.lock"))

    wait_until(engine, builder)
    pid = int(engine().split()[0])
    builder.kill()
    status_of(builder)
    deadline = time.monotonic() + 30
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(pid) and not folder.exists()
    monkeypatch.setattr(build, "EngineProcess", ForkedEngine)
    make_starter(CORPUS, folder, threads=1, recipe=TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["starter"]


def is_running(pid: int) -> bool:
    """Whether a process is there that is not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("forked")
def test_a_failed_build_says_why_and_leaves_the_older_starter(tmp_path: Path) -> None:
    folder = tmp_path / "starter"
    folder.mkdir()
    (folder / "starter.json").write_text(json.dumps({"key": "older"}))
    with pytest.raises(StarterError, match="loss is no longer a number"):
        make_starter(CORPUS, folder, threads=1, recipe=replace(TINY, learning_rate=1e8))
    assert json.loads((folder / "starter.json").read_text()) == {"key": "older"}


def test_the_command_names_the_faults_of_a_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corpus.jsonl").write_text("{}\n")
    assert main([str(tmp_path / "corpus.jsonl"), str(tmp_path / "starter")]) == 1
    assert "line 1: 'topic' must be a text" in capsys.readouterr().err
    assert main([str(tmp_path / "absent.jsonl"), str(tmp_path / "starter")]) == 1
    assert "absent.jsonl" in capsys.readouterr().err
