"""Which members of a reward ensemble may score answers to a prompt."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.rlhf.making import QUESTIONS, conversation, load_shared, make_reward
from training.rlhf.data import chat
from training.rlhf.data.seen_prompts import SEEN, mean_of_unseen, prompt_digest, read_unseen, write_seen
from training.rlhf.errors import ModelError
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.model.reward_head import load_reward, member_folder, score_sequences
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.evaluate import stage as evaluate
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe

ASKED = [conversation(question, "")[:1] for question in QUESTIONS]
KNOWN = [prompt_digest(messages) for messages in ASKED]


@pytest.fixture
def ensemble(llama: Path, reward: Path, tmp_path: Path) -> Path:
    """Two members: both learned from the first question, the first from the second and the other from the
    third."""
    folder = tmp_path / "ensemble"
    shutil.copytree(reward, member_folder(folder, 0))
    make_reward(llama, member_folder(folder, 1))
    write_seen(folder, [{KNOWN[0], KNOWN[1]}, {KNOWN[0], KNOWN[2]}])
    return folder


def evaluated(llama: Path, reward: Path, prompts: dict[str, str], folder: Path) -> dict[str, Any]:
    recipe = EvaluateRecipe(
        base_model=str(llama),
        dataset=DatasetFile(**prompts),
        reward_adapter=str(reward),
        samples_per_prompt=2,
        max_new_tokens=12,
        threads=1,
    )
    folder.mkdir()
    directory = RunDirectory(folder)
    directory.open()
    return evaluate.run(directory, recipe)


def test_a_prompt_is_scored_by_the_members_that_did_not_learn_from_it(
    llama: Path, ensemble: Path, prompts: dict[str, str], tmp_path: Path
) -> None:
    metrics = evaluated(llama, ensemble, prompts, tmp_path / "run")
    assert (metrics["judge_fold_prompts"], metrics["judge_seen_prompts"]) == (2, 1)
    lines = (tmp_path / "run" / "output" / "comparisons.jsonl").read_text().splitlines()
    rows = {row["prompt_id"]: row for row in map(json.loads, lines)}
    tokenizer, base = load_tokenizer(str(llama)), load_shared(llama)
    whole = [
        chat.encode_conversation(tokenizer, conversation(question, rows[f"p{i}"]["candidate"]))
        for i, question in enumerate(QUESTIONS)
    ]
    scores = score_sequences(base, load_reward(base, ensemble), whole, tokenizer.pad_token_id)
    found = torch.tensor([rows[f"p{i}"]["candidate_score"] for i in range(len(QUESTIONS))])
    wanted = scores.mean(0)
    wanted[1], wanted[2] = scores[1, 1], scores[0, 2]
    assert (scores[0] - scores[1]).abs().min() > 0.01  # the members differ, so that it matters who scores
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_a_single_adapter_scores_all_and_the_result_counts_what_it_knew(
    llama: Path, reward: Path, prompts: dict[str, str], tmp_path: Path
) -> None:
    single = shutil.copytree(reward, tmp_path / "single")
    write_seen(single, [set(KNOWN[:3])])
    metrics = evaluated(llama, single, prompts, tmp_path / "run")
    assert (metrics["judge_fold_prompts"], metrics["judge_seen_prompts"]) == (0, 3)


def test_without_the_file_nothing_is_claimed(
    llama: Path, reward: Path, prompts: dict[str, str], tmp_path: Path
) -> None:
    assert "judge_seen_prompts" not in evaluated(llama, reward, prompts, tmp_path / "run")


def test_members_that_know_a_prompt_are_left_out_of_its_mean() -> None:
    scores = torch.tensor([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0]])
    unseen = torch.tensor([[True, False, False], [True, True, False]])
    assert mean_of_unseen(scores, unseen).tolist() == [2, 3, 2]


def test_a_question_is_the_same_under_another_system_message() -> None:
    system = [{"role": "system", "content": "Be brief."}]
    assert prompt_digest([*system, *ASKED[0]]) == KNOWN[0] != KNOWN[1]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"members": 2, "prompts": []}', '{"members": 2, "prompts": {"x": [2]}}',
     '{"members": 2, "prompts": {"x": 3}}', '{"members": 1, "prompts": {}}', "[" * 9000],
)  # fmt: skip
def test_a_damaged_list_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / SEEN).write_text(text)
    with pytest.raises(ModelError, match="damaged"):
        read_unseen(tmp_path, ASKED, 2)
