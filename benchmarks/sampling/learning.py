"""What comes of votes: a reward model, and a policy that follows it, against the starter by gold labels."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sampling.collecting import Collected, Rows
from benchmarks.sampling.material import CORPUS, Answer, Material, answers_of, prompts_of
from benchmarks.sampling.runs import finished_run, rows_file
from ranking.statistics.sampling import Floats
from training.rlhf.data.chat import encode_conversation
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.reward_head import load_reward, score_sequences
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.stages.generate.scores import score_answers
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.starter.corpus import load_corpus
from training.starter.gold import GoldLabels

POLICY_ANSWERS = 4


def train_reward(material: Material, rows: Rows) -> Path:
    """The folder of a reward model that learned from these preferences."""
    recipe = RewardRecipe(
        base_model=str(material.starter),
        dataset=rows_file(material.work, "pairs", rows),
        seed=material.seed,
        threads=material.threads,
        checkpoint_every=10**6,
    )
    return finished_run(material.work, recipe).output


def score_candidates(material: Material, first: Collected) -> dict[str, Floats]:
    """What the reward model of the first round expects of each question's candidates, (n, S); kept."""
    reward = train_reward(material, first.rows)
    kept = reward.parent / f"scores-{material.size}-{len(material.candidates)}.json"
    if not kept.exists():
        recipe = GenerateRecipe(
            base_model=str(material.starter),
            dataset=prompts_of(list(material.candidates), material.work),
            seed=material.seed,
            threads=material.threads,
            reward_adapter=str(reward),
            preferences=rows_file(material.work, "pairs", first.rows),
        )
        tokenizer = load_tokenizer(str(material.starter))
        base = SharedBase(load_base(str(material.starter), "float32"))
        scores = score_answers(
            RunDirectory(reward.parent), recipe, base, tokenizer, _encoded(tokenizer, material.candidates)
        )
        assert scores is not None
        kept.write_text(json.dumps([[round(each, 4) for each in row] for row in scores.tolist()]))
    scored = iter(json.loads(kept.read_text()))
    return {
        question: np.array([next(scored) for _ in answers])
        for question, answers in material.candidates.items()
    }


def measure(material: Material, reward: Path, options: argparse.Namespace) -> dict[str, float]:
    """The win rate of the policy over the starter, and how the reward model orders held-out answers."""
    scores = _held_out_scores(material, reward)
    figures = {"accuracy": _accuracy(material, scores)}
    if options.policy == "best-of-n":
        best = {q: [answers[int(scores[q].argmax())].grade] for q, answers in material.held_out.items()}
    else:
        best = _follow(material, reward, options.steps)
    return figures | {"win_rate": _win_rate(material, best)}


def _follow(material: Material, reward: Path, steps: int | None) -> dict[str, list[float]]:
    """By held-out question, the grades of the answers of a policy that PPO made."""
    shared: dict[str, Any] = {
        "base_model": str(material.starter),
        "seed": material.seed,
        "threads": material.threads,
    }
    prompts = prompts_of(list(material.candidates), material.work)
    own: dict[str, Any] = {"steps": steps} if steps else {}
    ppo = PPORecipe(**shared, dataset=prompts, reward_adapter=str(reward), checkpoint_every=10**6, **own)
    policy = finished_run(material.work, ppo).output
    asked = prompts_of(list(material.held_out), material.work)
    shared |= {"completions_per_prompt": POLICY_ANSWERS, "redraws": 0}
    recipe = GenerateRecipe(**shared, dataset=asked, policy_adapter=str(policy))
    gold = GoldLabels(load_corpus(CORPUS))
    sampled = answers_of(finished_run(material.work, recipe))
    return {q: [gold.label(q, text).grade for text in texts] for q, texts in sampled.items()}


def _held_out_scores(material: Material, reward: Path) -> dict[str, Floats]:
    tokenizer = load_tokenizer(str(material.starter))
    base = SharedBase(load_base(str(material.starter), "float32"))
    model = load_reward(base, reward)
    encoded = _encoded(tokenizer, material.held_out)
    scores = iter(score_sequences(base, model, encoded, int(tokenizer.pad_token_id))[0].tolist())
    return {q: np.array([next(scores) for _ in answers]) for q, answers in material.held_out.items()}


def _accuracy(material: Material, scores: dict[str, Floats]) -> float:
    """The share of pairs of answers to a held-out question, of different utility, in the right order."""
    right = []
    for question, answers in material.held_out.items():
        better = np.subtract.outer(*[np.array([each.utility for each in answers])] * 2) > 0
        margins = np.subtract.outer(scores[question], scores[question])[better]
        right += [*(margins > 0) + 0.5 * (margins == 0)]
    return float(np.mean(right))


def _win_rate(material: Material, grades: dict[str, list[float]]) -> float:
    """Of a policy's answers over those of the starter to the same question, a tie as half."""
    outcomes = []
    for question, answers in material.held_out.items():
        starters = [each.grade for each in answers]
        gains = np.subtract.outer(np.array(grades[question]), np.array(starters))
        outcomes.append(float(np.mean((np.sign(gains) + 1) / 2)))
    return float(np.mean(outcomes))


def _encoded(tokenizer: Any, answers: dict[str, list[Answer]]) -> list[list[int]]:
    return [
        encode_conversation(
            tokenizer,
            [{"role": "user", "content": question}, {"role": "assistant", "content": answer.text}],
        )
        for question, given in answers.items()
        for answer in given
    ]
