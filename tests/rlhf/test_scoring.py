"""Scores through the shared base are those of the model the reward stage trained."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

from tests.rlhf.making import GOOD, QUESTIONS, conversation, load_shared, make_reward, with_policy
from training.rlhf import chat
from training.rlhf.errors import ModelError
from training.rlhf.loading import load_base, load_tokenizer
from training.rlhf.padding import pad
from training.rlhf.scoring import last_hidden_states, load_reward, score_sequences


def test_scores_are_those_of_the_sequence_classification_model(folder: Path, tmp_path: Path) -> None:
    make_reward(folder, tmp_path)
    classifier = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    tokenizer = load_tokenizer(str(folder))
    classifier.config.pad_token_id = tokenizer.pad_token_id
    classifier = PeftModel.from_pretrained(classifier, tmp_path).eval()
    rows = [chat.encode_conversation(tokenizer, conversation(q, GOOD * n)) for n, q in enumerate(QUESTIONS)]
    ids, mask = pad(rows, tokenizer.pad_token_id)
    with torch.no_grad():
        expected = classifier(input_ids=ids, attention_mask=mask).logits.squeeze(-1)
    base = load_shared(folder)
    model = load_reward(base, tmp_path)
    scores = score_sequences(base, model, rows, tokenizer.pad_token_id, batch_size=3)[0]
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)
    assert expected.std() > 0.01


def test_padding_on_either_side_changes_no_hidden_state(folder: Path) -> None:
    model = load_base(str(folder), "float32")
    rows = [[7, 8, 9, 10], [11, 12], [13, 14, 15, 16, 17, 18]]
    with torch.no_grad():
        alone = [last_hidden_states(model, *pad([row], 0))[0] for row in rows]
        right = last_hidden_states(model, *pad(rows, 0))
        left = last_hidden_states(model, *pad(rows, 0, left=True))
    for i, row in enumerate(rows):
        torch.testing.assert_close(right[i, : len(row)], alone[i], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(left[i, -len(row) :], alone[i], atol=1e-5, rtol=1e-4)


def test_a_policy_is_no_reward_adapter(llama: Path, tmp_path: Path) -> None:
    with_policy(llama).save("policy", tmp_path)
    with pytest.raises(ModelError, match="no score head"):
        load_reward(load_shared(llama), tmp_path)
