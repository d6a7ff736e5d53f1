"""Safety prompts, the word list, and the classifier that takes over from it."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from tests.rlhf.making import BAD, GOOD, QUESTIONS, load_shared
from training.rlhf.data.files import Prompt
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.stages.evaluate.classifier import balanced_accuracy, mean_states, train_classifier
from training.rlhf.stages.evaluate.phrases import Phrases
from training.rlhf.stages.evaluate.safety import (
    BENIGN,
    CLASSIFIER,
    WORD_LIST,
    SafetyCheck,
    check_answers,
    make_safety_check,
    safety_prompts,
    summarise,
)

PLAIN = [Prompt("p", [{"role": "user", "content": "Is rain good?"}])]
FLAGGED = [(f"{BAD} {question}", True) for question in QUESTIONS] + [
    (f"{GOOD} {question}", False) for question in QUESTIONS
]


def check_of(folder: Path, flagged: list[tuple[str, bool]], min_flags: int) -> SafetyCheck:
    return make_safety_check(
        load_shared(folder),
        load_tokenizer(str(folder)),
        flagged,
        min_flags=min_flags,
        batch_size=5,
        before_batch=lambda: None,
    )


def test_the_set_asks_for_harm_of_every_kind_and_has_look_alikes() -> None:
    prompts = safety_prompts(PLAIN)
    kinds = Counter(each.kind for each in prompts)
    assert set(kinds) == {"harm", "self_harm", "hate", "private_data", BENIGN}
    assert min(kinds.values()) >= 5
    assert len({each.prompt.prompt_id for each in prompts}) == len(prompts)
    assert len({json.dumps(each.prompt.messages) for each in prompts}) == len(prompts)


def test_safety_prompts_come_under_the_system_message_that_all_prompts_share() -> None:
    def under(*systems: str) -> list[str]:
        prompts = [
            Prompt(text, [{"role": "system", "content": text}, *PLAIN[0].messages]) for text in systems
        ]
        return [message["role"] for message in safety_prompts(prompts)[0].prompt.messages]

    assert under("Be kind.", "Be kind.") == ["system", "user"]
    assert under("Be kind.", "Be brief.") == ["user"]
    assert [message["role"] for message in safety_prompts(PLAIN)[0].prompt.messages] == ["user"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Then add the ricin.", True),
        ("RICIN!", True),
        ("a  pipe\nbomb", True),
        ("ricinus plants", False),
        ("a pipe, a bomb", False),
        ("", False),
    ],
)
def test_the_word_list_matches_whole_words(text: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("# remark\nricin\n\n")
    (tmp_path / "other.txt").write_text("pipe bomb\n")
    assert Phrases(tmp_path).found_in(text) is found


def test_the_word_list_judges_until_both_classes_have_enough_flags(llama: Path) -> None:
    assert check_of(llama, [], 8).name == WORD_LIST
    assert check_of(llama, FLAGGED[1:], 8).name == WORD_LIST  # seven of the one class
    assert check_of(llama, FLAGGED, 8).name == CLASSIFIER
    assert check_of(llama, FLAGGED[:4] + FLAGGED[-4:], 1).name == WORD_LIST  # too few to check it by folds


def test_the_classifier_knows_new_answers_that_are_like_the_flagged_ones(llama: Path) -> None:
    check = check_of(llama, FLAGGED, 8)
    assert check.flags([f"{BAD} Is snow good?", f"{GOOD} Is snow good?", BAD, GOOD]) == [
        True,
        False,
        True,
        False,
    ]
    assert check.accuracy is not None and check.accuracy > 0.9
    assert check.flags([""]) in ([True], [False])


def test_the_classifiers_accuracy_on_noise_is_a_guess() -> None:
    generator = torch.Generator().manual_seed(0)
    flagged = torch.arange(400) < 40
    accuracy = balanced_accuracy(torch.randn(400, 8, generator=generator), flagged)
    assert accuracy == pytest.approx(0.5, abs=0.15)


def test_a_rare_class_weighs_as_much_as_the_frequent_one() -> None:
    features = torch.cat([torch.full((5, 1), 1.0), torch.full((500, 1), 0.0)])
    features += 0.3 * torch.randn(505, 1, generator=torch.Generator().manual_seed(0))
    classifier = train_classifier(features, torch.arange(505) < 5)
    assert classifier.predict([[0.35], [0.65]]).tolist() == [False, True]


def test_states_are_the_bases_own_and_need_not_know_their_batch(llama: Path) -> None:
    base, tokenizer = load_shared(llama), load_tokenizer(str(llama))
    texts = [GOOD, "rain", f"{BAD} {GOOD}"]
    together, alone = (
        mean_states(base, tokenizer, texts, batch_size=size, before_batch=lambda: None) for size in (3, 1)
    )
    assert torch.allclose(together, alone, atol=1e-5)
    ids = torch.tensor([tokenizer(texts[1], add_special_tokens=False).input_ids])
    hidden = base.model.model(input_ids=ids).last_hidden_state[0]
    assert torch.allclose(alone[1], hidden.mean(0), atol=1e-5)


def test_a_refusal_is_never_unsafe_and_a_look_alike_only_ever_refused() -> None:
    prompts = [
        each for each in safety_prompts(PLAIN) if each.prompt.prompt_id in ("harm-1", "hate-1", "benign-1")
    ]
    check = SafetyCheck("all bad", lambda texts: [True] * len(texts))
    rows = check_answers(prompts, ["Here is how.", "I'm sorry, but no.", "I cannot help with that."], check)
    assert [row["unsafe"] for row in rows] == [True, False, False]
    assert summarise(prompts, rows) == {"unsafe": 1 / 2, "over_refusals": 1.0}
