"""The time for a text grows with its length, not with its square, whatever the text is made of.

Each function that reads what others write gets adversarial texts, and some of four times the length: linear
work takes four times as long for these, quadratic work sixteen times.
"""

import gc
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpRequest, QueryDict

from annotator.codes.languages import languages_of_browser
from annotator.imports.addresses import read_addresses
from annotator.imports.prompt_files import read_prompt_file
from annotator.text.diff import changed_lines
from annotator.text.identifiers import hide_identifiers
from annotator.text.markdown import render_markdown, render_without_links
from annotator.text.storable import is_blank, storable
from annotator.text.strict_json import BadJSONError, load_json
from ranking.masking.detection import find_names
from ranking.practice_files import read_practice_file
from training.cron import CronError, next_times

MOST = 10.0
TOO_QUICK = 0.1
"""Seconds that need no look: nothing is learned from so short a time."""
TRIES = 5


def seconds(act: Callable[[Any], object], value: Any) -> float:
    gc.disable()
    try:
        begun = time.process_time()
        act(value)
        return time.process_time() - begun
    finally:
        gc.enable()


def assert_linear(act: Callable[[Any], object], make: Callable[[int], Any], size: int) -> None:
    """Another process may slow one of the two down, so the shortest of some times count."""
    short, long = make(size), make(4 * size)
    times: list[tuple[float, float]] = []
    for _ in range(TRIES):
        times.append((seconds(act, short), seconds(act, long)))
        least_short, least_long = map(min, zip(*times, strict=True))
        if least_long < TOO_QUICK or least_long < MOST * least_short:
            return
    pytest.fail(f"{least_short:.3f} s became {least_long:.3f} s")


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda size: before + unit * (size // len(unit)) + after


MARKDOWN = [
    *(
        "[",
        "![",
        "[[a](",
        "](",
        "[a][b]",
        "[a]: b\n",
        "*a ",
        "**a* ",
        "_a*",
        "~~a ",
        "`a",
        "<a ",
        "<http://a",
        "&",
    ),
    *(
        "\\",
        "> ",
        "- ",
        "1. ",
        "- a\n",
        "  - a\n",
        "#",
        "---\n",
        "~~~\n",
        "a\n",
        "|a",
        "a|b\n",
        "|-\n",
        "|a|\n|-|\n",
    ),
]


@pytest.mark.parametrize("render", [render_markdown, render_without_links])
@pytest.mark.parametrize("unit", MARKDOWN)
def test_markdown(render: Any, unit: str):
    assert_linear(render.__wrapped__, repeated(unit), 5000)


def test_a_table_that_leaves_out_its_cells_stays_small():
    text = "|a" * 200 + "|\n" + "|-" * 200 + "|\n" + "|\n" * 500
    assert len(render_markdown(text)) < 100 * len(text)


NAMES = [
    repeated("gemini "),
    repeated("i am a gemini, "),
    repeated("gemini zz ", "openai ki-ki-ki-ki-ki-ki-ki-ki- "),
    lambda size: "openai" + " " * (size // 2) + "zzz " + "gemini " * (size // 14),
    repeated("1", "chatgpt", "z"),
    repeated(".", "qwen", "z"),
    repeated("qwen-a"),
    repeated("technology" + " " * 100),
    repeated(" ", "شات"),
    repeated("the ", "i am "),
    repeated("klima\t"),
]


@pytest.mark.parametrize("make", NAMES)
def test_names_to_hide(make: Callable[[int], str]):
    def find(text: str) -> None:
        find_names(text, own=("Kli 1",), words=("klima  x",), asked=text[len(text) // 2 :])

    assert_linear(find, make, 5000)


def interleaved(size: int, between: str = "") -> tuple[str, str]:
    """Two texts of the same words in the same order, with another word after each."""
    words = [chr(0x2200 + n % 120) for n in range(size // 2)]
    return between.join(word + "+" for word in words), between.join(word + "-" for word in words)


DIFFERENT: list[Callable[[int], tuple[str, str]]] = [
    interleaved,
    lambda size: interleaved(size, "\n"),
    lambda size: tuple("\n".join(text) for text in interleaved(size)),  # type: ignore[arg-type, return-value]
    lambda size: ("a b " * (size // 4), "b a " * (size // 4)),
    lambda size: ("a\n" * (size // 2), "b\n" * (size // 2)),
]


@pytest.mark.parametrize("make", DIFFERENT)
def test_what_changed_in_guidelines(make: Callable[[int], Any]):
    assert_linear(lambda texts: changed_lines(*texts), make, 1500)


def load(text: str) -> None:
    with suppress(BadJSONError):
        load_json(text)


JSON = [
    *(repeated(unit, "[", "0]") for unit in ("1,", "[],", "{},", '"",', "[", '"\\"",', '"[,",')),
    repeated("a", '"', '"'),
    repeated("\\", '"', '"'),
    repeated('"'),
    repeated("9"),
    repeated("9", "0."),
    lambda size: json.dumps(dict.fromkeys(map(str, range(size // 8)))),
]


@pytest.mark.parametrize("make", JSON)
def test_json(make: Callable[[int], str]):
    assert_linear(load, make, 50_000)


FILES = [
    ("csv", repeated(",", "prompt", "\nx")),
    ("csv", repeated("\t", "prompt", "\nx")),
    ("csv", repeated("a,", "prompt\n")),
    ("csv", repeated('""', 'prompt\n"', '"')),
    ("csv", repeated("x\n", "prompt\n")),
    ("csv", repeated(",\n", "prompt,a\n")),
    ("jsonl", repeated("\r")),
    ("jsonl", repeated('{"prompt": "a"}\n')),
    ("jsonl", repeated("Human: a\\n", '{"prompt": "', '"}')),
    ("jsonl", repeated("<|im_start|>user\\na<|im_end|>", '{"prompt": "', '"}')),
    ("jsonl", repeated("<|im_start|>", '{"prompt": "', '"}')),
    ("jsonl", repeated(" ", '{"prompt": "array(', '"}')),
    ("jsonl", repeated("'role' ", '{"prompt": "[', '"}')),
    ("jsonl", repeated("'',", "{\"prompt\": \"[{'role': 'user', 'content': 'a', 'x': [", ']}]"}')),
    ("jsonl", repeated('"a":1,', "{", '"b":2}')),
    ("json", repeated('{"prompt":"a"},', "[", "{}]")),
    ("json", repeated("[],", "[[", "0]]")),
]


@pytest.mark.parametrize(("ending", "make"), FILES)
def test_files_of_prompts(ending: str, make: Callable[[int], str]):
    assert_linear(
        lambda content: read_prompt_file(content, f"a.{ending}"), lambda n: make(n).encode(), 40_000
    )


@pytest.mark.parametrize("make", [repeated("{}\n"), repeated('{"a":[1,2]}\n'), repeated("[", '{"prompt":')])
def test_files_of_practice(make: Callable[[int], str]):
    assert_linear(read_practice_file, lambda size: make(size).encode(), 10_000)


def accepted(header: str) -> None:
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = header
    request.get_preferred_type(["text/html", "application/json"])


@pytest.mark.parametrize(
    ("act", "unit"),
    [
        (languages_of_browser, "en,"),
        (languages_of_browser, "en-a"),
        (accepted, "a/b,"),
        (accepted, ";a="),
        (QueryDict, "a=1&"),
        (storable, "\0"),
        (is_blank, "\u200b"),
        *((read_addresses, unit) for unit in ('"', '"a" ', "a ", "<", "a<b>", "a@b.org,", "\n")),
    ],
)
def test_headers_and_fields(act: Callable[[str], object], unit: str):
    def act_or_refuse(text: str) -> None:
        with suppress(Exception):  # what is refused must be refused quickly, too
            act(text)

    assert_linear(act_or_refuse, repeated(unit), 10_000)


@pytest.mark.parametrize("unit", ["1,", "*/1,", "1-59,", "L,", "* "])
def test_cron_expressions(unit: str):
    def simulate(text: str) -> None:
        with suppress(CronError):
            next_times(text, "UTC", datetime(2026, 1, 1, tzinfo=UTC), 1)

    assert_linear(simulate, repeated(unit, after="1 1 1 1 1"), 2000)


@pytest.mark.parametrize(
    "unit", ["1 ", "12-", "+1 ", "(0)", "a@", "@a ", "1.1.", "ab:", "1 rue ", "born ", "DE12 ", "A1", "12 a "]
)
def test_identifiers(unit: str):
    assert_linear(hide_identifiers, repeated(unit), 1000)
