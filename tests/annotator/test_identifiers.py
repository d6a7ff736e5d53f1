"""Hiding what identifies people in texts."""

from pathlib import Path

import pytest

from annotator.text.identifiers import find_identifiers, hide_identifiers
from tests.planted import KINDS, OF_EACH_KIND, planted
from training.starter import corpus


@pytest.mark.parametrize("kind", KINDS)
def test_no_planted_identifier_is_left(kind):
    made = [(one, sentence) for of_kind, one, sentence in planted() if of_kind == kind]
    assert len(made) == OF_EACH_KIND
    left = [one for one, sentence in made if telling(one) & set(parts(hide_identifiers(sentence)[0]))]
    assert left == []


def telling(identifier: str) -> set[str]:
    """The parts of an identifier that would tell who it is: those with digits, or all of them."""
    return {part for part in parts(identifier) if any(map(str.isdigit, part))} or set(parts(identifier))


def parts(text: str) -> list[str]:
    return "".join(one if one.isalnum() or one == "_" else " " for one in text).split()


def test_the_demonstration_corpus_has_no_identifiers():
    topics = corpus.load_corpus(Path(corpus.__file__).with_name("climate.jsonl"))
    texts = [text for topic in topics for text in (*topic.questions, *(each.text for each in topic.accurate))]
    assert len(texts) > 500
    assert [text for text in texts if find_identifiers(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "The sea rose by 3.4 mm a year from 1993 to 2023, or 10.5 cm.",
        "Between 1850-1900 and 2011–2020 it warmed by 1.1 °C.",
        "About 1 000 000 000 people live near a coast, and 612,345,678 further away.",
        "Open at 12:13 PM, closed at 1:19 PM.",
        "On 12 December 2015 the Paris Agreement was adopted.",
        "Being only a 45 minute drive away, it is popular.",
        "It has 0.0072973525693 of something.",
        "Sugar is C12H22O11, and HFC134a is a gas.",
    ],
)
def test_amounts_years_times_and_dates_stay(text):
    assert hide_identifiers(text) == (text, {})


def test_what_is_hidden_is_counted_by_kind():
    text, found = hide_identifiers("Write to a@example.org or b@example.org, or call +34 612 34 50 06.")
    assert text == "Write to [email] or [email], or call [phone]."
    assert found == {"email": 2, "phone": 1}


def test_of_identifiers_that_overlap_nothing_is_left():
    text, _found = hide_identifiers("DE89 3704 0044 0532 0130 00 1234 5678 9012")
    assert not any(map(str.isdigit, text))


@pytest.mark.parametrize(
    "identifier",
    [
        "ABCDE1234F",
        "GODE561231HDFRRN09",
        "11010519491231002X",
        "12.345.678/0001-95",
        "756.1234.5678.97",
        "de89370400440532013000",
        "00:1B:44:11:3A:B7",
        "050-123-4567",
    ],
)
def test_formats_that_are_not_planted_are_hidden_too(identifier):
    assert not telling(identifier) & set(parts(hide_identifiers(f"It is {identifier}, I think.")[0]))


def test_a_text_of_very_many_numbers_loses_them_all():
    text, found = hide_identifiers("612 34 50 06, " * 200)
    assert not any(map(str.isdigit, text)) and found["number"]


def test_digits_of_any_script_are_digits():
    assert hide_identifiers("اتصل بي ٠١٠٠١٢٣٤٥٦٧")[0] == "اتصل بي [phone]"
    assert hide_identifiers("ａ１@ｅxample.org")[0] == "[email]"
