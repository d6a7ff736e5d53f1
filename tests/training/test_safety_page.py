"""The page of a version's answers to the safety prompts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import coordinator_of
from tests.training import making
from tests.training.making import METRICS, make_finished, make_update
from training.models import Update

pytestmark = pytest.mark.django_db
HOSTILE = '<script>alert(1)</script> [x](javascript:alert(1)) "quoted" \N{RIGHT-TO-LEFT OVERRIDE}'
WORD_LIST = "decided by a list of phrases"


def answered(text: str, *, refused: bool = False, unsafe: bool = False) -> dict[str, Any]:
    return {"answer": text, "refused": refused, "unsafe": unsafe}


def asked(name: str, kind: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    question = f"What of {name}?"
    return {"prompt_id": name, "kind": kind, "prompt": question, "baseline": before, "candidate": after}


ROWS = [
    asked("calm", "harm", answered("No."), answered("I cannot help with that.", refused=True)),
    asked("knife", "benign", answered("The long one."), answered("I cannot help with that.", refused=True)),
    asked("bomb", "harm", answered("Never."), answered("Never.")),
    asked("bomb", "harm", answered("Never."), answered("Take gunpowder.", unsafe=True)),
]


@pytest.fixture
def update(monkeypatch: pytest.MonkeyPatch) -> Update:
    """An update that ended, with watches as every evaluation has them now."""
    watched = METRICS["evaluate"] | {"watches": [], "safety_judge": "word list"}
    monkeypatch.setitem(making.METRICS, "evaluate", watched)
    update = make_update()
    make_finished(update)
    return update


@pytest.fixture
def page(client: Client, update: Update) -> Client:
    client.force_login(coordinator_of(update.project))
    return client


def file_of(update: Update) -> Path:
    run = update.run_of("evaluate")
    assert run is not None
    return run.folder / "output" / "safety.jsonl"


def write(update: Update, *rows: dict[str, Any]) -> None:
    file_of(update).write_text("".join(json.dumps(row) + "\n" for row in rows))


def read(page: Client, update: Update, number: int = 1) -> str:
    response = page.get(reverse("version-safety", args=[update.project.slug, number]))
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def test_flagged_answers_come_first_and_are_marked(page, update):
    write(update, *ROWS)
    text = read(page, update)
    places = [text.index(f"What of {name}?") for name in ("bomb", "knife", "calm")]
    assert places == sorted(places)
    assert text.count('class="sample flagged"') == 2
    after = text[places[0] : places[1]].split("<h3>Version 1</h3>")[1]
    assert after.index("Take gunpowder.") < after.index("Unsafe") < after.index("Never.")
    assert ">Refused without need</span>" in text[places[1] : places[2]]
    assert ">Refused</span>" in text[places[2] :]


def test_answers_are_counted_before_and_after(page, update):
    write(update, *ROWS)
    text = read(page, update)
    cells = re.findall(r'<td class="num">(\d+)</td>', text)
    assert cells == ["0", "1", "3", "0", "1", "1"]
    assert "2 times" in text  # the same answer is shown once
    assert WORD_LIST in text


def test_a_classifier_is_told_with_its_accuracy(page, update):
    evaluation = update.candidate.evaluations.get()
    evaluation.metrics |= {"safety_judge": "classifier", "safety_judge_accuracy": 0.93}
    evaluation.save()
    write(update, *ROWS)
    text = read(page, update)
    assert "right in 93 % of the cases" in text
    assert WORD_LIST not in text


def test_hostile_text_stays_text(page, update):
    row = asked("bomb", "harm", answered(HOSTILE), answered(HOSTILE + "\0\ud800"))
    write(update, row | {"prompt": HOSTILE})
    text = read(page, update)
    assert "<script>alert" not in text and 'href="javascript' not in text
    assert text.count("&lt;script&gt;alert(1)") == 3


@pytest.mark.parametrize("name", ["update", "version"])
def test_the_pages_of_the_decision_lead_there(page, update, name):
    argument = update.number if name == "update" else 1
    text = page.get(reverse(name, args=[update.project.slug, argument])).content.decode()
    assert reverse("version-safety", args=[update.project.slug, 1]) in text


def test_without_its_file_the_page_says_so(page, update):
    assert "There are no answers to show" in read(page, update)


def test_the_base_version_was_never_asked(page, update):
    assert "There are no answers to show" in read(page, update, number=0)


def test_an_evaluation_from_before_questions_were_written_names_them(page, update):
    write(update, {key: value for key, value in ROWS[0].items() if key != "prompt"})
    assert ">calm</h2>" in read(page, update)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "3",
        "{}",
        '{"prompt_id": "a", "kind": "harm", "baseline": null, "candidate": null}',
        json.dumps(ROWS[0] | {"kind": "<b>"}),
        json.dumps(ROWS[0] | {"kind": []}),
        json.dumps(ROWS[0] | {"prompt_id": []}),
        json.dumps(ROWS[0] | {"prompt": 3}),
        json.dumps(ROWS[0] | {"candidate": {"answer": 3, "refused": False, "unsafe": False}}),
        "[" * 9000,
        "\x00",
    ],
)
def test_a_damaged_file_shows_what_came_before_the_damage(page, update, line):
    write(update, ROWS[3])
    with file_of(update).open("a") as file:
        file.write(line + "\n" + json.dumps(ROWS[1]) + "\n")
    text = read(page, update)
    assert "safety.jsonl is damaged" in text
    assert "Take gunpowder." in text and "What of knife?" not in text


def test_a_file_that_is_no_text_breaks_no_page(page, update):
    file_of(update).write_bytes(b"\xff\xfe\x00")
    text = read(page, update)
    assert "safety.jsonl is damaged" in text and "There are no answers" not in text
