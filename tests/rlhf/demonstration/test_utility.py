"""What simulated volunteers of the demonstration prefer."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from tests.word_vectors import encode
from training.demonstration.encoder import PACKAGE, SentenceEncoder
from training.demonstration.utility import TutorUtility, fit_accuracy, reading_ease
from training.starter.corpus import CLIMATE, Statement, Topic, load_corpus

TIDES = Topic(
    topic="tides",
    language="en",
    questions=("Why are there tides?",),
    accurate=(Statement(text="The Moon pulls at the sea and makes the tides.", source="a book"),),
    inaccurate=(Statement(text="The tides come from whales that swim around.", kind="myth"),),
)
YEAST = Topic(
    topic="yeast",
    language="en",
    questions=("What does yeast do?",),
    accurate=(Statement(text="Yeast eats sugar and gives off gas that lifts bread.", source="a book"),),
    inaccurate=(Statement(text="Yeast is a metal that bakers melt.", kind="myth"),),
)


@pytest.fixture(scope="module")
def utility() -> TutorUtility:
    return TutorUtility([TIDES, YEAST], encode)


@pytest.mark.parametrize(
    ("better", "worse", "part"),
    [
        (
            "The Moon pulls at the sea and makes the tides.",
            "The Moon pulls at the sea and makes the",
            "complete",
        ),
        ('He said "the Moon pulls at the sea."', "He said the Moon pulls at the sea,", "complete"),
        (
            "The Moon pulls. The sea follows it. So there are tides.",
            "The Moon. It pulls. So it is. " * 3,
            "short",
        ),
        ("The Moon pulls at the sea, and so there are tides.", "The Moon pulls at the sea.", "short"),
        (
            "The Moon pulls at the sea.",
            "Gravitational interaction periodically redistributes oceanic volumes.",
            "plain",
        ),
        ("The Moon pulls at the sea and makes the tides.", "Yeast eats sugar and gives off gas.", "on_topic"),
        ("The Moon makes the tides.", "Whales make the tides.", "sounds_accurate"),
    ],
)
def test_each_part_prefers_what_the_guidelines_prefer(
    utility: TutorUtility, better: str, worse: str, part: str
) -> None:
    first, second = (utility.label("why are there  tides?", text) for text in (better, worse))
    assert getattr(first, part) > getattr(second, part)


def test_the_best_answer_has_every_part_whole(utility: TutorUtility) -> None:
    answer = "The Moon pulls at the sea and makes the tides. The sea goes up and down as it goes round."
    best = utility.label("Why are there tides?", answer)
    assert (best.complete, best.short, best.plain, best.on_topic, best.is_accurate) == (1, 1, 1, 1, True)
    nothing = utility.label("Why are there tides?", "")
    assert nothing.utility < utility.margin + 0.4 and not nothing.is_accurate


def test_a_question_that_the_corpus_does_not_have_is_an_error(utility: TutorUtility) -> None:
    with pytest.raises(KeyError):
        utility.label("Who are you?", "The Moon.")


def test_reading_ease_is_flesch() -> None:
    # 6 words, 1 sentence, 6 syllables: 206.835 - 6.09 - 84.6
    assert reading_ease("The cat sat on the mat.") == pytest.approx(116.145)
    # 4 words, 2 sentences, 7 syllables
    assert reading_ease("Water is wet. Amazing!") == pytest.approx(206.835 - 2.03 - 84.6 * 7 / 4)
    assert reading_ease("?!") == 0


def test_what_the_encoder_sees_of_truth_is_as_the_module_says(tmp_path: Path) -> None:
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        pytest.skip(f"{PACKAGE} is not installed: make .venv/installed-loop")
    corpus = load_corpus(CLIMATE)
    statements = [(number, each) for number, topic in enumerate(corpus) for each in topic.statements]
    vectors = SentenceEncoder(tmp_path)([each.text for _, each in statements])
    topics = np.array([number for number, _ in statements])
    accurate = np.array([each.is_accurate for _, each in statements])
    kinds = np.array([each.kind or "" for _, each in statements])
    scores = np.zeros(len(statements))
    for train, test in GroupKFold(12).split(vectors, groups=topics):
        direction, offset = fit_accuracy(vectors[train], accurate[train])
        scores[test] = vectors[test] @ direction + offset
    for kind, share in {"myth": 0.79, "evasion": 0.95, "off-topic": 0.98}.items():
        both = accurate | (kinds == kind)
        assert roc_auc_score(accurate[both], scores[both]) == pytest.approx(share, abs=0.02)
