"""What a watch found, in the reader's language: the site knows every watch of the engine by name."""

import pytest
from django.utils import translation

from training.rlhf.stages.evaluate.watches import WATCHES
from training.views.watches import watch_sentence

LENGTH = next(watch for watch in WATCHES if watch.name == "length")
FOUND = [(watch, 0.214) for watch in WATCHES] + [(LENGTH, 2.14)]


@pytest.mark.parametrize(("watch", "value"), FOUND, ids=lambda each: getattr(each, "name", str(each)))
def test_in_english_the_site_says_what_the_engine_said(watch, value):
    row = {"watch": watch.name, "value": value, "sentence": "not these words"}
    assert watch_sentence(row).replace("\N{NO-BREAK SPACE}", " ") == watch.sentence(value)


def test_numbers_are_written_as_the_reader_writes_them():
    with translation.override("fr"):
        assert "2,1" in watch_sentence({"watch": "length", "value": 2.14, "sentence": ""})


def test_a_watch_that_the_site_does_not_know_is_told_in_its_own_words():
    assert watch_sentence({"watch": "tone", "value": 1.0, "sentence": "It is rude."}) == "It is rude."
