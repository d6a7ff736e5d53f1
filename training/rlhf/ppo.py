"""PPO of a LoRA policy against a reward model, one base model for all four roles.

An iteration samples one answer to each prompt of a batch, scores the answers with the reward adapter, charges
the policy for every token's distance from the reference (the adapter it started from, or the base), estimates
advantages and takes a few clipped optimiser steps. Follows InstructGPT (Ouyang et al. 2022, section 3.5) and
"The N+ Implementation Details of RLHF with PPO" (Huang et al. 2024): whitened advantages, scores normalised
on the reference's answers, penalty for answers without EOS, score at the last token, falling learning rate.

Left out: the pretraining term of InstructGPT's equation 2 (the LoRA and the KL price hold the policy near its
reference) and a separate value network (see `learner`). The run ends early, with the last policy that was
within bounds, when its KL exceeds `kl_stop`.

    python -m training.rlhf ppo RUN_DIR

Writes the adapter and samples.jsonl to output/. Every random choice follows from (seed, step), so a run
resumed from a checkpoint repeats to the bit what it would have done.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.rlhf import chat
from training.rlhf.adapters import SharedBase, lora_config
from training.rlhf.data import Prompt, read_prompts
from training.rlhf.errors import Cancelled
from training.rlhf.learner import Learner, initial_value_head
from training.rlhf.loading import base_location, load_base, load_tokenizer, write_base_card
from training.rlhf.objective import adapt_kl_coef, generalised_advantages, token_rewards, whiten
from training.rlhf.recipes import PPORecipe
from training.rlhf.rollout import Experience, Judge, answer_logprobs, lay_out
from training.rlhf.rundir import RunDirectory, write_json
from training.rlhf.sampling import Answer, Sampling, sample
from training.rlhf.scoring import load_reward

_CALIBRATION_ANSWERS = 256
_SHOWN_SAMPLES = 4


@dataclass
class Progress:
    """What a checkpoint holds besides tensors."""

    step: int
    kl_coef: float
    score_mean: float
    score_deviation: float


def run(directory: RunDirectory, recipe: PPORecipe) -> dict[str, float]:
    """The stage: train, write the adapter, and return the last iteration's metrics."""
    return PPO(directory, recipe).train()


class PPO:
    """One run: its models, prompts and progress."""

    def __init__(self, directory: RunDirectory, recipe: PPORecipe) -> None:
        self.directory, self.recipe = directory, recipe
        prompts = read_prompts(directory, recipe.dataset)
        location = base_location(directory, recipe)
        self.tokenizer = load_tokenizer(location)
        self.how = Sampling.of(recipe, self.tokenizer)
        self.prompts = [
            (each, chat.encode_prompt(self.tokenizer, each.messages, longest=recipe.max_prompt_tokens))
            for each in prompts
        ]
        self.base = SharedBase(load_base(location, recipe.dtype))
        self.reference = self._add_policy_and_reference()
        self.score_head = load_reward(self.base, directory.resolve(recipe.reward_adapter))
        self.judge = Judge(self.base, self.score_head, self.how, chat.ending(self.tokenizer))
        self.last_good = self.base.weights("policy")
        self._start_or_resume()

    def train(self) -> dict[str, float]:
        recipe = self.recipe
        metrics: dict[str, float] = {}
        while self.state.step < recipe.steps:
            self._checkpoint_if_due()
            started = time.monotonic()
            chosen = self._prompts_of_step()
            experience, metrics = self._roll_out(chosen)
            if metrics["kl"] > recipe.kl_stop:
                self.base.restore("policy", self.last_good)
                metrics["stopped_by_kl"] = 1.0
                break
            self.last_good = self.base.weights("policy")
            metrics |= asdict(self.learner.update(experience, self.state.step))
            self.state.kl_coef = adapt_kl_coef(
                self.state.kl_coef,
                metrics["kl"],
                target=recipe.kl_target,
                answers=len(chosen),
                horizon=recipe.kl_horizon,
            )
            self.state.step += 1
            metrics["seconds"] = time.monotonic() - started
            self.directory.progress(self.state.step, recipe.steps, **metrics)
        self.base.save("policy", self.directory.output)
        write_base_card(self.directory, recipe, self.tokenizer)
        return {"stopped_by_kl": 0.0, "steps": float(self.state.step)} | metrics

    # Setting up

    def _add_policy_and_reference(self) -> str | None:
        """Add the policy; returns the reference, which is the plain base for a fresh policy."""
        recipe = self.recipe
        if recipe.policy_adapter is None:
            torch.manual_seed(recipe.seed)
            config = lora_config(
                self.base.model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target
            )
            self.base.add("policy", config)
            return None
        self.base.load("policy", self.directory.resolve(recipe.policy_adapter))
        self.base.copy("policy", "reference")
        return "reference"

    def _start_or_resume(self) -> None:
        checkpoint = self.directory.latest_checkpoint()
        if checkpoint is None:
            mean, deviation = self._calibrate()
            self.state = Progress(0, self.recipe.kl_coef, mean, deviation)
        else:
            self.state = Progress(**json.loads((checkpoint[1] / "progress.json").read_text()))
        value_head = initial_value_head(self.score_head, self.state.score_mean, self.state.score_deviation)
        self.learner = Learner(self.base, value_head, self.recipe)
        if checkpoint is not None:
            self.last_good = self.learner.restore(checkpoint[1])
        _keep_samples_until(self._samples_path, self.state.step)

    def _calibrate(self) -> tuple[float, float]:
        """Mean and deviation of the reference's scores; (0, 1) when scores are left as they are."""
        if not self.recipe.normalise_scores:
            return 0.0, 1.0
        repeats = -(-_CALIBRATION_ANSWERS // len(self.prompts))
        prompts = [ids for _, ids in self.prompts[:_CALIBRATION_ANSWERS]] * repeats
        prompts = prompts[:_CALIBRATION_ANSWERS]
        answers = self._sample(prompts, step=self.recipe.steps)  # a stream that no iteration uses
        size = self.recipe.batch_size
        scores = torch.cat(
            [
                self.judge(prompts[i : i + size], answers[i : i + size]).scores
                for i in range(0, len(prompts), size)
            ]
        )
        return float(scores.mean()), max(float(scores.std()), 1e-4)

    # One iteration

    def _prompts_of_step(self) -> list[tuple[Prompt, list[int]]]:
        """The next batch in an endless row of shuffled passes over the prompts."""
        size, count = self.recipe.batch_size, len(self.prompts)
        start = self.state.step * size
        chosen = []
        for position in range(start, start + size):
            lap, place = divmod(position, count)
            chosen.append(self.prompts[self._lap(lap)[place]])
        return chosen

    def _lap(self, lap: int) -> "np.ndarray":
        return np.random.default_rng([self.recipe.seed, lap]).permutation(len(self.prompts))

    def _sample(self, prompts: list[list[int]], step: int) -> list[Answer]:
        with self.base.use("policy") as model:
            seed = self.recipe.seed + (step << 32)
            return sample(model, prompts, self.how, seed=seed, batch_size=self.recipe.batch_size)

    def _roll_out(self, chosen: list[tuple[Prompt, list[int]]]) -> tuple[Experience, dict[str, float]]:
        recipe, prompts = self.recipe, [ids for _, ids in chosen]
        answers = self._sample(prompts, self.state.step)
        judgement = self.judge(prompts, answers)
        block = lay_out(prompts, [answer.tokens for answer in answers], self.how.pad_id)
        mask = block.answer_mask
        logprobs = _padded([answer.logprobs for answer in answers], mask)
        with torch.no_grad(), self.base.use(self.reference) as model:
            reference = answer_logprobs(model, block, recipe.temperature)
            values = torch.where(mask, self.learner.value_head(judgement.features), 0.0)
        scores = self._normalised(judgement.scores, answers)
        rewards = token_rewards(scores, logprobs, reference, mask, self.state.kl_coef)
        if recipe.whiten_rewards:
            rewards = whiten(rewards, mask, shift=False)
        advantages, returns = generalised_advantages(
            rewards, values, mask, gamma=recipe.gamma, lam=recipe.gae_lambda
        )
        experience = Experience(
            block, judgement.features, logprobs, values, whiten(advantages, mask), returns
        )
        if self.state.step % recipe.samples_every == 0:
            self._write_samples(chosen, answers, judgement.scores)
        return experience, {
            "reward": float(rewards.sum(-1).mean()),
            "score": float(judgement.scores.mean()),
            "normalised_score": float(scores.mean()),
            "kl": float((logprobs - reference).sum(-1).mean()),
            "kl_coef": self.state.kl_coef,
            "entropy": float(-logprobs.sum() / mask.sum()),
            "response_length": float(mask.sum(-1).float().mean()),
            "eos_rate": sum(answer.finished for answer in answers) / len(answers),
        }

    def _normalised(self, scores: Tensor, answers: list[Answer]) -> Tensor:
        """Scores (B,) in units of the reference's, cut, less the penalty for answers without an end."""
        normalised = (scores - self.state.score_mean) / self.state.score_deviation
        if self.recipe.score_clip:
            normalised = normalised.clamp(-self.recipe.score_clip, self.recipe.score_clip)
        unfinished = torch.tensor([not answer.finished for answer in answers])
        return normalised - self.recipe.missing_eos_penalty * unfinished

    # Files

    def _checkpoint_if_due(self) -> None:
        cancelled = self.directory.cancel_requested()
        if cancelled or (self.state.step > 0 and self.state.step % self.recipe.checkpoint_every == 0):
            with self.directory.checkpoint(self.state.step) as folder:
                self.learner.save(folder, extra=self.last_good)
                write_json(folder / "progress.json", asdict(self.state))
        if cancelled:
            raise Cancelled

    @property
    def _samples_path(self) -> Path:
        return self.directory.output / "samples.jsonl"

    def _write_samples(
        self, chosen: list[tuple[Prompt, list[int]]], answers: list[Answer], scores: Tensor
    ) -> None:
        with open(self._samples_path, "a", encoding="utf-8") as file:
            for (prompt, _), answer, score in list(zip(chosen, answers, scores, strict=True))[
                :_SHOWN_SAMPLES
            ]:
                row = {
                    "step": self.state.step,
                    "prompt_id": prompt.prompt_id,
                    "text": chat.decode(self.tokenizer, answer.tokens),
                    "score": float(score),
                    "finished": answer.finished,
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _padded(rows: list[list[float]], mask: Tensor) -> Tensor:
    """Numbers per token (B, R), zero outside the mask."""
    padded = torch.zeros(mask.shape)
    padded[mask] = torch.tensor([value for row in rows for value in row])
    return padded


def _keep_samples_until(path: Path, step: int) -> None:
    """Drop the samples of steps that will be done again, and a line cut off by a kill."""
    if not path.exists():
        return
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
    ]
    path.write_text("".join(line for line in lines if json.loads(line)["step"] < step), encoding="utf-8")
