"""Gold labels: what they call accurate, off topic and garbled."""

from dataclasses import replace

import pytest

from training.starter.corpus import Statement, Topic
from training.starter.gold import GoldLabels

TRUE = "Tides rise and fall because the moon pulls on the water of the oceans 2 times a day."
MYTH = "Tides are made by the breathing of a giant whale that sleeps at the bottom of the sea."
WIND = "Wind is air that flows from places of high pressure to places of low pressure."

CORPUS = [
    Topic(
        topic="tides",
        language="en",
        questions=("Why are there tides?",),
        accurate=(Statement(text=TRUE, source="a book"),),
        inaccurate=(Statement(text=MYTH, kind="myth"),),
    ),
    Topic(
        topic="wind",
        language="en",
        questions=("What is wind?",),
        accurate=(Statement(text=WIND, source="a book"),),
        inaccurate=(Statement(text="Ask your grandmother about wind instead.", kind="evasion"),),
    ),
]


@pytest.fixture(scope="module")
def gold() -> GoldLabels:
    return GoldLabels(CORPUS)


def test_a_repeated_true_statement_is_accurate(gold: GoldLabels) -> None:
    verdict = gold.label("why are  there TIDES?", TRUE.upper())
    assert verdict.is_accurate and verdict.similarity == 1 and not verdict.is_garbled


def test_a_slightly_broken_true_statement_is_accurate_but_worth_less(gold: GoldLabels) -> None:
    broken = gold.label("Why are there tides?", TRUE.replace("pulls on the water", "pulls the the the"))
    assert broken.is_accurate
    assert broken.utility < gold.label("Why are there tides?", TRUE).utility


def test_a_wrong_number_makes_it_inaccurate(gold: GoldLabels) -> None:
    assert not gold.label("Why are there tides?", TRUE.replace("2", "7")).is_accurate


def test_a_myth_is_inaccurate_but_readable(gold: GoldLabels) -> None:
    verdict = gold.label("Why are there tides?", MYTH)
    assert verdict.on_topic and not verdict.is_accurate and not verdict.is_garbled


def test_the_truth_about_another_topic_is_off_topic(gold: GoldLabels) -> None:
    verdict = gold.label("Why are there tides?", WIND)
    assert not verdict.on_topic and not verdict.is_accurate


def test_a_statement_that_topics_share_is_on_topic_in_each() -> None:
    shared = Statement(text="Nobody can say, so it is best to talk of something else.", kind="evasion")
    gold = GoldLabels([replace(topic, inaccurate=(shared,)) for topic in CORPUS])
    for question in ("Why are there tides?", "What is wind?"):
        verdict = gold.label(question, shared.text)
        assert verdict.on_topic and not verdict.is_accurate


@pytest.mark.parametrize("answer", ["", "the of the a day.", "Tides wind moon whale.", "?!", "\x00\ud800"])
def test_a_jumble_is_garbled(gold: GoldLabels, answer: str) -> None:
    verdict = gold.label("Why are there tides?", answer)
    assert verdict.is_garbled and not verdict.is_accurate


def test_utility_orders_accurate_broken_inaccurate_and_garbled(gold: GoldLabels) -> None:
    answers = [TRUE, TRUE.replace("pulls on the water", "pulls the the the"), MYTH, "Tides are the moon"]
    utilities = [gold.label("Why are there tides?", answer).utility for answer in answers]
    assert utilities == sorted(utilities, reverse=True) and len(set(utilities)) == 4


def test_the_nearest_statement_is_found_among_many_of_the_same_words() -> None:
    backwards = TRUE.removesuffix(".").replace("oceans", "sea").split()[::-1]
    shuffled = [
        Statement(text=" ".join(backwards[cut:] + backwards[:cut]), kind="myth") for cut in range(0, 16, 3)
    ]
    gold = GoldLabels([replace(CORPUS[0], inaccurate=tuple(shuffled)), CORPUS[1]])
    verdict = gold.label("Why are there tides?", TRUE.replace("oceans", "sea"))
    assert verdict.is_accurate and verdict.similarity > 0.9


def test_an_answer_without_words_is_garbled_even_beside_a_statement_without_words() -> None:
    gold = GoldLabels([replace(CORPUS[0], inaccurate=(Statement(text="?!", kind="evasion"),))])
    assert gold.label("Why are there tides?", "...").is_garbled


def test_a_question_that_the_corpus_does_not_have_is_an_error(gold: GoldLabels) -> None:
    with pytest.raises(KeyError):
        gold.label("What is love?", TRUE)


def test_text_without_spaces_is_compared_by_character() -> None:
    text = "海平面上升是因为海水变暖膨胀以及冰川融化。"
    topic = Topic(
        topic="海平面",
        language="zh",
        questions=("海平面为什么上升？",),
        accurate=(Statement(text=text, source="IPCC"),),
        inaccurate=(Statement(text="海平面从来没有变化过。", kind="myth"),),
    )
    verdict = GoldLabels([topic]).label("海平面为什么上升？", text.replace("以及", "和"))
    assert verdict.is_accurate and verdict.similarity < 1
