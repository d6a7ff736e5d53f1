"""Compare a candidate version with a baseline on held-out prompts.

    python -m training.rlhf evaluate RUN_DIR

Both versions answer every prompt several times, independently; the i-th answers meet, and the reward adapter
judges. Equal texts are ties. As a rule the judge is the adapter that the candidate was trained to please, so
its win rate is an upper bound of sorts: the further a policy is optimised against a reward model, the further
that model's opinion of it rises above the truth (Gao et al. 2022, overoptimisation). Writes
output/comparisons.jsonl, rows {prompt_id, baseline, candidate, baseline_score, candidate_score}, so that
people or other judges can judge the very same pairs.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from training.rlhf import chat
from training.rlhf.adapters import SharedBase
from training.rlhf.data import Prompt, read_prompts
from training.rlhf.intervals import share_interval
from training.rlhf.loading import base_location, load_base, load_tokenizer, write_base_card
from training.rlhf.recipes import EvaluateRecipe
from training.rlhf.rollout import answer_logprobs, lay_out
from training.rlhf.rundir import RunDirectory
from training.rlhf.sampling import Answer, Sampling, sample
from training.rlhf.scoring import combine, load_reward, score_sequences

Row = dict[str, Any]


def run(directory: RunDirectory, recipe: EvaluateRecipe) -> dict[str, float]:
    """The stage: sample from both versions, judge, write the pairs, and return the win rate and the KL."""
    return Evaluation(directory, recipe).run()


class Evaluation:
    """One run: the versions on their shared base, and the prompts."""

    def __init__(self, directory: RunDirectory, recipe: EvaluateRecipe) -> None:
        self.directory, self.recipe = directory, recipe
        location = base_location(directory, recipe)
        self.tokenizer = load_tokenizer(location)
        self.how = Sampling.of(recipe, self.tokenizer)
        prompts = read_prompts(directory, recipe.dataset)
        encoded = chat.encode_prompts(self.tokenizer, prompts, longest=recipe.max_prompt_tokens)
        self.prompts = [each for each in prompts for _ in range(recipe.samples_per_prompt)]
        self.encoded = [each for each in encoded for _ in range(recipe.samples_per_prompt)]
        self.base = SharedBase(load_base(location, recipe.dtype))
        self.reward = load_reward(self.base, directory.resolve(recipe.reward_adapter))
        self.baseline = self._add("baseline", recipe.baseline_adapter)
        self.candidate = self._add("candidate", recipe.candidate_adapter)

    def run(self) -> dict[str, float]:
        baseline = self._sample(self.baseline, stream=0)
        candidate = self._sample(self.candidate, stream=1)
        rows = [
            self._row(*each)
            for each in zip(
                self.prompts, baseline, candidate, self._score(baseline), self._score(candidate), strict=True
            )
        ]
        with open(self.directory.output / "comparisons.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_base_card(self.directory, self.recipe, self.tokenizer)
        return summarise(rows, seed=self.recipe.seed) | {
            "kl": self._kl(candidate),
            "baseline_eos_rate": sum(answer.finished for answer in baseline) / len(rows),
            "candidate_eos_rate": sum(answer.finished for answer in candidate) / len(rows),
        }

    def _add(self, name: str, folder: str | None) -> str | None:
        """Add a version's adapter; returns what to `use` for it."""
        if folder is None:
            return None
        self.base.load(name, self.directory.resolve(folder))
        return name

    def _sample(self, version: str | None, stream: int) -> list[Answer]:
        with self.base.use(version) as model:
            return sample(
                model,
                self.encoded,
                self.how,
                seed=self.recipe.seed + (stream << 32),
                batch_size=self.recipe.batch_size,
                after_batch=self._report(stream),
            )

    def _report(self, stream: int) -> Callable[[int], None]:
        def report(done: int) -> None:
            self.directory.progress(stream * len(self.encoded) + done, 2 * len(self.encoded))
            self.directory.raise_if_cancelled()

        return report

    def _score(self, answers: list[Answer]) -> list[float]:
        ending = chat.ending(self.tokenizer)
        sequences = [
            prompt + answer.completed(self.how.eos_id) + ending
            for prompt, answer in zip(self.encoded, answers, strict=True)
        ]
        scores = score_sequences(
            self.base,
            self.reward,
            sequences,
            self.how.pad_id,
            before_batch=self.directory.raise_if_cancelled,
        )
        return combine(scores).tolist()

    def _row(
        self,
        prompt: Prompt,
        baseline: Answer,
        candidate: Answer,
        baseline_score: float,
        candidate_score: float,
    ) -> Row:
        return {
            "prompt_id": prompt.prompt_id,
            "baseline": chat.decode(self.tokenizer, baseline.tokens),
            "candidate": chat.decode(self.tokenizer, candidate.tokens),
            "baseline_score": baseline_score,
            "candidate_score": candidate_score,
        }

    @torch.no_grad()
    def _kl(self, answers: list[Answer]) -> float:
        """KL of the candidate to the baseline per answer, in nats, estimated on the candidate's answers."""
        total, size = 0.0, self.recipe.batch_size
        for start in range(0, len(answers), size):
            self.directory.raise_if_cancelled()
            part = answers[start : start + size]
            block = lay_out(
                self.encoded[start : start + size], [answer.tokens for answer in part], self.how.pad_id
            )
            with self.base.use(self.baseline) as model:
                baseline = answer_logprobs(model, block, self.recipe.temperature)
            total += sum(sum(answer.logprobs) for answer in part) - float(baseline.sum())
        return total / len(answers)


def summarise(rows: list[Row], *, seed: int) -> dict[str, float]:
    """Wins, ties and losses of the candidate, its win rates, and the interval of the decided one."""
    decided = [
        row
        for row in rows
        if row["baseline"] != row["candidate"] and row["baseline_score"] != row["candidate_score"]
    ]
    wins = np.array([row["candidate_score"] > row["baseline_score"] for row in decided])
    won, lost = int(wins.sum()), len(decided) - int(wins.sum())
    low, high = share_interval(wins, [row["prompt_id"] for row in decided], seed=seed)
    return {
        "prompts": float(len({row["prompt_id"] for row in rows})),
        "wins": float(won),
        "ties": float(len(rows) - won - lost),
        "losses": float(lost),
        "win_rate_decided": won / (won + lost) if won + lost else 0.5,
        "win_rate_low": low,
        "win_rate_high": high,
        "win_rate_ties_half": (won + (len(rows) - won - lost) / 2) / len(rows),
        "baseline_score": float(np.mean([row["baseline_score"] for row in rows])),
        "candidate_score": float(np.mean([row["candidate_score"] for row in rows])),
    }
