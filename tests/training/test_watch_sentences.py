"""The sentence for a crossed watch, in the reader's language."""

import pytest
from django.utils import translation

from training.rlhf.stages.evaluate.watches import WATCHES
from training.watch_sentences import watch_sentence


def sentence_of(watch: str, value: float, **more: float) -> str:
    row = {"watch": watch, "value": value, "threshold": 1.5, **more}
    return watch_sentence(row).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("watch", [watch.name for watch in WATCHES])
def test_every_watch_of_the_engine_has_a_sentence(watch):
    assert "was crossed" not in sentence_of(watch, 0.5)


@pytest.mark.parametrize(
    ("watch", "value", "words"),
    [
        ("kl", 12.3, "moved 12.3 nats"),
        ("kl", 12.36, "moved 12.4 nats"),  # rounded, not cut
        ("length", 2.14, "2.1 times as long as before; long answers often score well"),
        ("length", 0.4, "shrank to 40 %"),
        ("repetition", 0.1, "rose by 10 percentage points"),
        ("distinct", 0.9, "variety fell by 90 %"),
        ("undecided", 0.8, "80 % of the comparisons"),
    ],
)
def test_numbers_are_factors_shares_or_percentage_points(watch, value, words):
    assert words in sentence_of(watch, value)


def test_the_gold_watch_has_the_accuracies_before_and_after():
    sentence = sentence_of("gold", 2.3, accurate_before=0.44, accurate_after=0.45)
    assert "moved 2.3 nats" in sentence
    assert "44 % of the answers were accurate, now 45 %." in sentence


def test_numbers_are_written_as_the_reader_writes_them():
    with translation.override("fr"):
        assert "2,1" in sentence_of("length", 2.14)


def test_a_watch_that_is_not_known_here_is_named_with_its_numbers():
    assert sentence_of("tone", 2.0) == "The watch tone was crossed: 2.0 is more than 1.5."
