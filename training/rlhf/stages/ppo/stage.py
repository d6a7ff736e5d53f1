"""PPO of a LoRA policy against a reward model, one base model for all four roles.

An iteration samples one answer to each prompt of a batch, scores the answers with the reward adapter, charges
the policy for every token's distance from the reference, estimates advantages and takes a few clipped
optimiser steps (InstructGPT: Ouyang et al. 2022, section 3.5). The reference is what the policy started from:
the live version's adapter week after week, or the base. The KL to the base, the anchor of all weeks, is
reported as well; `reanchor` makes it the one that is charged.

Of "The N+ Implementation Details of RLHF with PPO" (Huang et al. 2024, arXiv 2403.17031):

    dropout off in every pass                      done: LoRA without dropout, models in evaluation mode
    padding is not EOS, left of prompts            done: see `loading` and `padding`; positions skip padding
    EOS trick: an answer without end is punished   done: `missing_eos_penalty`; scored as if it had ended
    score read at the last real token              done: where the reward stage read it (`RewardScorer`)
    scores normalised on reference answers         done: `calibration_answers` before the first step
    critic starts as the reward model              done: its head on its hidden states, frozen; see `learner`
    advantages whitened over the tokens            done; rewards are not whitened, as scores are normalised
    values clipped, ratio clipped, GAE             done: see `losses`
    adaptive KL price                              done: `kl_target`, or a fixed `kl_coef`
    AdamW's epsilon 1e-5, falling learning rate    done: linearly to a tenth
    logits over the sampling temperature           done in rollout, reference and update alike
    rejection of answers by length, resampling     left out: the penalty for missing EOS does that work
    pretraining term of InstructGPT's equation 2   left out: LoRA and KL price hold the policy near
    a value network of its own, a shared trunk     left out: no more reward, see benchmarks/critic.py

The run ends early, with the last policy that was within bounds, when its KL exceeds `kl_stop`. One more
rollout follows the last update, so that no policy is saved unmeasured.

    python -m training.rlhf ppo RUN_DIR
    torchrun --nproc-per-node 2 -m training.rlhf ppo RUN_DIR

Several processes share a batch's answers and a minibatch's gradient (see `distributed.processes`), and with
FSDP the base (see `distributed.fsdp`); they learn what one would, but for the rounding of sums.

Writes the adapter and samples.jsonl to output/, and left_out.jsonl when prompts are too long. A line of
progress is of one update and of the rollout that it learned from; the metrics of the result are those of the
policy that is saved. Every random choice follows from (seed, step), so a run resumed from a checkpoint
repeats to the bit what it would have done.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, field

import numpy as np
import torch
from torch import Tensor

from training.rlhf.data import chat
from training.rlhf.data.files import Prompt, read_prompts
from training.rlhf.data.prompt_lengths import encode_fitting, prompt_limit
from training.rlhf.distributed.processes import Processes
from training.rlhf.errors import Cancelled, RecipeError, TrainingDiverged
from training.rlhf.hardware.memory import give_back_memory
from training.rlhf.model.adapters import SharedBase, lora_config
from training.rlhf.model.base_card import BaseCard
from training.rlhf.model.loading import base_location, load_base, load_tokenizer
from training.rlhf.model.reward_head import load_reward, require_scores
from training.rlhf.model.sampling import Answer, Sampling, require_numbers, sample
from training.rlhf.rundir import RunDirectory, write_json
from training.rlhf.stages.ppo.advantages import adapt_kl_coef
from training.rlhf.stages.ppo.experience import ExperienceMaker
from training.rlhf.stages.ppo.learner import Learner, initial_value_head
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.rollout import Experience, RewardScorer, gather_answers
from training.rlhf.stages.ppo.samples import add_samples, keep_samples_until
from training.rlhf.stages.ppo.score_scale import ScoreScale


@dataclass
class Progress:
    """What a checkpoint holds besides tensors."""

    step: int
    kl_coef: float
    score_mean: float
    score_deviation: float
    length: float = 0.0
    # Of the last rollout within bounds.
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def scale(self) -> ScoreScale:
        return ScoreScale(self.score_mean, self.score_deviation, self.length)


def run(directory: RunDirectory, recipe: PPORecipe) -> dict[str, float]:
    """The stage: train, write the adapter, and return how it did in its last rollout."""
    return PPO(directory, recipe).train()


class PPO:
    """One run: its models, prompts and progress."""

    def __init__(self, directory: RunDirectory, recipe: PPORecipe) -> None:
        self.directory, self.recipe = directory, recipe
        self.processes = Processes.of_environment()
        self.location = location = base_location(directory, recipe)
        self.tokenizer = load_tokenizer(location)
        self.how = Sampling.of(recipe, self.tokenizer, location)
        self.fitting = encode_fitting(
            read_prompts(directory, recipe.dataset), self.tokenizer, limit=prompt_limit(recipe, location)
        )
        self.prompts = list(zip(self.fitting.prompts, self.fitting.ids, strict=True))
        self.base = SharedBase(load_base(location, recipe.dtype, recipe.device))
        reference = self._add_policy_and_reference()
        self.reward = load_reward(self.base, directory.resolve(recipe.reward_adapter))
        ending = chat.ending(self.tokenizer)
        self.scorer = RewardScorer(self.base, self.reward, self.how, ending, recipe.uncertainty_penalty)
        self.make_experience = ExperienceMaker(self.base, self.scorer, reference, recipe, self.processes)
        if self.processes.divide_base:
            self.base.divide(self.processes)
        self.last_good = self.base.weights("policy")
        self._start_or_resume()

    def train(self) -> dict[str, float]:
        recipe, state = self.recipe, self.state
        while True:
            self._checkpoint_if_due()
            clock = [time.monotonic()]
            chosen = self._prompts(state.step * recipe.batch_size, recipe.batch_size)
            mine = self._sample([ids for _, ids in chosen], state.step)
            answers = gather_answers(self.processes, mine, recipe.batch_size, self.how)
            clock.append(time.monotonic())
            experience, metrics = self._assess(chosen, answers)
            clock.append(time.monotonic())
            if stopped := metrics["kl"] > recipe.kl_stop:
                self._require_a_rollout_within_bounds(metrics["kl"])
                self.base.set_weights("policy", self.last_good)
                break
            self.last_good = self.base.weights("policy")
            state.metrics = {"steps": float(state.step), **metrics}
            if state.step >= recipe.steps:  # more, where steps was lowered after a checkpoint
                break
            give_back_memory()
            update = self.learner.update(experience, state.step)
            state.kl_coef = adapt_kl_coef(
                state.kl_coef,
                metrics["kl"],
                target=recipe.kl_target,
                answers=recipe.batch_size,
                horizon=recipe.kl_horizon,
            )
            state.step += 1
            clock.append(time.monotonic())
            if self.processes.is_main:
                figures = metrics | asdict(update) | _seconds(clock)
                self.directory.progress(state.step, recipe.steps, **figures)
        if self.processes.is_main:
            self.base.save("policy", self.directory.output)
            self.fitting.write_left_out(self.directory)
            BaseCard.of(recipe.base_model, self.location, self.tokenizer).write(self.directory.output)
        overlong = float(len(self.fitting.left_out))
        return {"stopped_by_kl": float(stopped), "overlong_prompts": overlong, **state.metrics}

    # Setting up

    def _add_policy_and_reference(self) -> str | None:
        """Add the policy; returns the reference, None for the plain base."""
        recipe = self.recipe
        if recipe.policy_adapter is None:
            torch.manual_seed(recipe.seed)
            config = lora_config(
                self.base.model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target
            )
            self.base.add("policy", config)
            return None
        self.base.load("policy", self.directory.resolve(recipe.policy_adapter))
        if recipe.reanchor:
            return None
        self.base.copy("policy", "reference")
        return "reference"

    def _start_or_resume(self) -> None:
        checkpoint = self.directory.latest_checkpoint()
        if checkpoint is None:
            self.state = Progress(0, self.recipe.kl_coef, *astuple(self._calibrate()))
        else:
            text = (checkpoint[1] / "progress.json").read_text(encoding="utf-8")
            self.state = Progress(**json.loads(text))
        scale = self.state.scale
        value_head = initial_value_head(self.reward.heads[0], scale.mean, scale.deviation)
        self.learner = Learner(self.base, value_head, self.recipe, self.processes)
        if checkpoint is not None:
            self.last_good = self.learner.restore(checkpoint[1])
        if self.processes.is_main:
            keep_samples_until(self.directory, self.state.step)

    def _calibrate(self) -> ScoreScale:
        """The scale of the reference's scores; Cancelled when asked to stop, with nothing kept."""
        prompts = [ids for _, ids in self._prompts(0, self.recipe.calibration_answers)]
        try:
            with self.base.in_lockstep():
                mine = self._calibration_scores(prompts)
        except Cancelled:
            mine = None
        if self.processes.any(mine is None) or mine is None:  # all leave when one is asked to
            raise Cancelled
        scores, lengths, ended = self.processes.gather_rows(mine, len(prompts)).unbind(1)
        return ScoreScale.of(scores, lengths, ended.bool())

    def _calibration_scores(self, prompts: list[list[int]]) -> Tensor:
        """Scores, lengths, and whether they ended: of answers to this process's share of prompts (b, 3)."""
        stream = self.recipe.steps + 1  # no rollout uses it
        answers = self._sample(prompts, stream, after_batch=lambda _: self.directory.raise_if_cancelled())
        require_numbers(answers)
        mine = [prompts[i] for i in self.processes.share(len(prompts))]
        size = self._at_once
        parts = []
        for start in range(0, len(mine), size):
            self.directory.raise_if_cancelled()
            parts.append(self.scorer(mine[start : start + size], answers[start : start + size]).scores)
        scores = require_scores(torch.cat(parts))
        about = [(len(answer.tokens), answer.finished) for answer in answers]
        return torch.column_stack([scores, scores.new_tensor(about)])

    # One iteration

    def _prompts(self, start: int, count: int) -> list[tuple[Prompt, list[int]]]:
        """`count` prompts from a place on in an endless sequence of shuffled epochs."""
        length = len(self.prompts)
        first, last = start // length, (start + count - 1) // length
        epochs = [
            np.random.default_rng([self.recipe.seed, epoch]).permutation(length)
            for epoch in range(first, last + 1)
        ]
        return [self.prompts[i] for i in np.concatenate(epochs)[start - first * length :][:count]]

    def _sample(
        self, prompts: list[list[int]], stream: int, after_batch: Callable[[int], None] | None = None
    ) -> list[Answer]:
        """Answers to this process's share of the prompts; a row's stream is its own, whoever samples it."""
        rows = self.processes.share(len(prompts))
        with self.base.sampling_from("policy", self._at_once) as model:
            return sample(
                model,
                [prompts[i] for i in rows],
                self.how,
                seed=self.recipe.seed + (stream << 32),
                batch_size=self._at_once,
                after_batch=after_batch,
                streams=rows,
            )

    def _require_a_rollout_within_bounds(self, kl: float) -> None:
        if not self.state.metrics:
            raise RecipeError(
                f"The policy that the run starts from is {kl:.2g} nats an answer away from the reference, "
                f"more than kl_stop ({self.recipe.kl_stop}): raise kl_stop, or turn reanchor off."
            )

    def _assess(
        self, chosen: list[tuple[Prompt, list[int]]], answers: list[Answer]
    ) -> tuple[Experience, dict[str, float]]:
        """What there is to learn from the answers, and the metrics of the policy that gave them."""
        state = self.state
        experience, scores, metrics = self.make_experience(
            [ids for _, ids in chosen],
            answers,
            values_of=self.learner.values,
            kl_coef=state.kl_coef,
            scale=state.scale,
        )
        if self.processes.is_main and state.step % self.recipe.samples_every == 0:
            shown = [prompt for prompt, _ in chosen]
            add_samples(self.directory, state.step, shown, answers, scores, self.tokenizer)
        if not math.isfinite(metrics["kl"]):
            raise TrainingDiverged("The KL is no longer a finite number: lower the learning rate.")
        return experience, metrics

    @property
    def _at_once(self) -> int:
        """The answers of a batch that one process has at most."""
        return math.ceil(self.recipe.batch_size / self.processes.count)

    # Files

    def _checkpoint_if_due(self) -> None:
        step, cancelled = self.state.step, self.processes.any(self.directory.cancel_requested())
        due = cancelled or (step > 0 and step % self.recipe.checkpoint_every == 0)
        if self.processes.is_main and due and step != self.directory.resumed_from:
            with self.directory.checkpoint(step) as folder:
                self.learner.save(folder, extra=self.last_good)
                write_json(folder / "progress.json", asdict(self.state))
        if cancelled:
            self.processes.wait()  # torchrun ends the others when one has left
            raise Cancelled


def _seconds(clock: list[float]) -> dict[str, float]:
    """Seconds of an iteration and its phases, from the moments at which each began and the last one ended."""
    phases = zip(("rollout", "scoring", "update"), clock, clock[1:], strict=False)
    parts = {f"{name}_seconds": end - start for name, start, end in phases}
    return {**parts, "seconds": clock[-1] - clock[0]}
