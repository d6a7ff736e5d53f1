"""Scores through the shared base are those of the model the reward stage trained."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

from tests.rlhf.making import GOOD, QUESTIONS, conversation, load_shared, make_reward, with_policy
from training.rlhf.data import chat
from training.rlhf.data.padding import pad
from training.rlhf.errors import ModelError
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.reward_head import combine, last_hidden_states, load_reward, score_sequences
from training.rlhf.model.sampling import Answer, Sampling
from training.rlhf.stages.ppo.rollout import RewardScorer


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


@pytest.fixture
def ensemble(llama: Path, tmp_path: Path) -> Path:
    """Three different random members."""
    for number in range(3):
        classifier = make_reward(llama, tmp_path)
        folder = tmp_path / "ensemble" / f"member-{number}"
        for parameter in classifier.parameters():
            if parameter.requires_grad:
                parameter.data.mul_(1 + number / 4)
        classifier.save_pretrained(folder)
    return tmp_path / "ensemble"


def test_an_ensemble_scores_by_each_of_its_members(llama: Path, ensemble: Path) -> None:
    rows = [[7, 8, 9, 10], [11, 12], [13, 14, 15]]
    base = load_shared(llama)
    together = load_reward(base, ensemble)
    assert together.names == ("reward", "reward-1", "reward-2")
    scores = score_sequences(base, together, rows, 0)
    for number in range(3):
        alone = load_shared(llama)
        one = score_sequences(alone, load_reward(alone, ensemble / f"member-{number}"), rows, 0)
        torch.testing.assert_close(scores[number], one[0])
    assert float(scores.std(0).min()) > 0.01


def test_the_penalty_takes_the_variance_of_the_members_from_their_mean() -> None:
    scores = torch.tensor([[1.0, 2.0], [3.0, 2.0]])
    assert combine(scores).tolist() == [2.0, 2.0]
    assert combine(scores, 0.5).tolist() == [2.0 - 0.5 * 2.0, 2.0]
    assert combine(scores[:1], 0.5).tolist() == [1.0, 2.0]  # one member has no doubt


def test_a_policy_is_charged_for_the_doubt_of_the_ensemble(llama: Path, ensemble: Path) -> None:
    tokenizer = load_tokenizer(str(llama))
    base = load_shared(llama)
    reward = load_reward(base, ensemble)
    how = Sampling(8, 1.0, 1.0, (tokenizer.eos_token_id,), tokenizer.pad_token_id)
    prompts, ending = [[7, 8, 9], [10, 11]], chat.ending(tokenizer)
    answers = [Answer([20, 21, ending[0]], [0.0] * 3, True), Answer([22], [0.0], False)]
    sequences = [p + a.completed(ending) for p, a in zip(prompts, answers, strict=True)]
    scores = score_sequences(base, reward, sequences, how.pad_id)
    for penalty in (0.0, 2.0):
        scored = RewardScorer(base, reward, how, ending, penalty)(prompts, answers)
        torch.testing.assert_close(scored.scores, scores.mean(0) - penalty * scores.var(0))
    first = load_shared(llama)
    alone = RewardScorer(first, load_reward(first, ensemble / "member-0"), how, ending)(prompts, answers)
    torch.testing.assert_close(scored.features, alone.features)


def test_a_policy_is_no_reward_adapter(llama: Path, tmp_path: Path) -> None:
    with_policy(llama).save("policy", tmp_path)
    with pytest.raises(ModelError, match="no score head"):
        load_reward(load_shared(llama), tmp_path)
