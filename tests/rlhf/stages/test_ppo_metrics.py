"""Every figure that PPO logs is what its name says, by a slow computation in float64."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.rlhf.exact import ExactPolicy, ExactReward, Ids
from tests.rlhf.making import PROMPTS, progress_of, with_policy, write_rows
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.model.sampling import Answer
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import create_run
from training.rlhf.stages.ppo import stage as ppo
from training.rlhf.stages.ppo.learner import Learner
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.rollout import Experience, RewardScorer

# One worker makes the runs, once for all tests.
pytestmark = pytest.mark.xdist_group("ppo-metrics")

ROLLOUT = (
    "reward", "score", "normalised_score", "kl", "anchor_kl", "kl_coef", "entropy", "response_length",
    "eos_rate", "explained_variance",
)  # fmt: skip
UPDATE = ("policy_loss", "value_loss", "clip_fraction", "approx_kl", "optimiser_steps")
SECONDS = {"rollout_seconds": 1.0, "scoring_seconds": 2.0, "update_seconds": 4.0, "seconds": 7.0}
RESULT = ("stopped_by_kl", "overlong_prompts", "steps")
STEPS = 3
SETTINGS = {
    "threads": 1, "steps": STEPS, "batch_size": 8, "epochs": 2, "minibatches": 2, "micro_batch_size": 3,
    "max_new_tokens": 7, "calibration_answers": 12, "learning_rate": 0.02, "value_learning_rate": 0.05,
    "kl_target": 0.5, "kl_horizon": 40, "kl_coef": 0.3, "kl_stop": 1e9, "kl_epoch_stop": 1e9,
    "gamma": 0.9, "gae_lambda": 0.8, "score_clip": 1.0, "missing_eos_penalty": 0.7, "seed": 1,
}  # fmt: skip


@dataclass
class Step:
    """An optimiser step: its rows, and what policy and value head were before it."""

    rows: list[tuple[Ids, Ids]]
    policy: Path
    weight: Tensor
    bias: Tensor


@dataclass
class Run:
    """A run, and what was seen of it while it went."""

    folder: Path
    recipe: PPORecipe
    sampled: list[tuple[list[Ids], list[Answer]]] = field(default_factory=list)  # the calibration first
    updates: list[list[Step]] = field(default_factory=list)
    after: list[Step] = field(default_factory=list)  # each update, with no rows
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def lines(self) -> list[dict[str, float]]:
        return [line["metrics"] for line in progress_of(self.folder)]


@pytest.fixture(scope="module")
def run(llama: Path, reward: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Some steps from a policy that is not the base, with a clock that only work moves."""
    folder = tmp_path_factory.mktemp("metrics")
    start = with_policy(llama)
    start.save("policy", folder / "start")
    recipe = PPORecipe(
        base_model=str(llama),
        reward_adapter=str(reward),
        policy_adapter=str(folder / "start"),
        dataset=DatasetFile(**write_rows(folder / "prompts.jsonl", PROMPTS)),
        **SETTINGS,
    )
    directory = create_run(folder / "run", recipe)
    directory.open()
    directory.recipe()
    seen = Run(folder / "run", recipe)
    clock = [0.0]

    def taking(seconds: float, act: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
        def acted(*arguments: Any, **settings: Any) -> Any:
            done = act(*arguments, **settings)
            clock[0] += seconds
            note(done, *arguments)
            return done

        return acted

    def state(learner: Learner, place: Path, rows: list[tuple[Ids, Ids]]) -> Step:
        learner.base.save("policy", place)
        head = learner.value_head.linear
        return Step(rows, place, head.weight[0].detach().double(), head.bias.detach().double())

    def note_update(_: Any, learner: Learner, *__: Any) -> None:
        seen.after.append(state(learner, folder / f"after-{len(seen.updates)}", []))

    def note_step(learner: Learner, batch: Experience, metrics: Any) -> float:
        before = state(
            learner, folder / f"before-{len(seen.updates)}-{metrics.optimiser_steps}", rows_of(batch)
        )
        if metrics.optimiser_steps == 0:
            seen.updates.append([])
        seen.updates[-1].append(before)
        return optimise(learner, batch, metrics)

    optimise = Learner._optimise
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ppo, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        patch.setattr(
            ppo,
            "sample",
            taking(1, ppo.sample, lambda answers, _, prompts, *__: seen.sampled.append((prompts, answers))),
        )
        patch.setattr(RewardScorer, "__call__", taking(2, RewardScorer.__call__, lambda *_: None))
        patch.setattr(Learner, "update", taking(4, Learner.update, note_update))
        patch.setattr(Learner, "_optimise", note_step)
        seen.metrics = ppo.run(directory, recipe)
    return seen


def rows_of(batch: Experience) -> list[tuple[Ids, Ids]]:
    block = batch.block
    width = block.ids.shape[1] - block.longest_answer
    return [
        (ids[:width][mask[:width].bool()].tolist(), ids[width:][answered].tolist())
        for ids, mask, answered in zip(block.ids, block.mask, block.answer_mask, strict=True)
    ]


class Reckoning:
    """The same figures by their definitions."""

    def __init__(self, run: Run, llama: Path, reward: Path) -> None:
        self.run, self.recipe = run, run.recipe
        self.policy, self.reward = ExactPolicy(llama), ExactReward(llama, reward)
        tokenizer = load_tokenizer(str(llama))
        self.eos, self.ending = tokenizer.eos_token_id, tokenizer("\n", add_special_tokens=False).input_ids
        self.start = Path(run.recipe.policy_adapter or "")
        scores = torch.tensor([self.score(*each) for each in zip(*run.sampled[0], strict=True)])
        self.mean, self.deviation = float(scores.mean()), float(scores.std())
        self.kl_coef = run.recipe.kl_coef
        self.lines: list[dict[str, float]] = []
        for number in range(STEPS):
            figures = self.of_rollout(number)
            self.lines.append(figures | self.of_update(number) | SECONDS)
            error = min(max(figures["kl"] / self.recipe.kl_target - 1, -0.2), 0.2)
            self.kl_coef *= 1 + error * self.recipe.batch_size / self.recipe.kl_horizon
        self.result = self.of_rollout(STEPS) | {
            "stopped_by_kl": 0.0, "overlong_prompts": 0.0, "steps": float(STEPS),
        }  # fmt: skip

    def score(self, prompt: Ids, answer: Answer) -> float:
        end = [] if answer.finished else [self.eos]
        return float(self.reward.score(prompt + answer.tokens + end + self.ending).detach())

    def normalised(self, prompt: Ids, answer: Answer) -> float:
        within = min(max((self.score(prompt, answer) - self.mean) / self.deviation, -1.0), 1.0)
        return within - 0.7 * (not answer.finished)

    def logprobs(self, policy: Path | None, prompt: Ids, answer: Ids) -> Tensor:
        return self.policy.logprobs(policy, prompt, answer, self.recipe.temperature)

    def rollout(self, number: int) -> list[tuple[Ids, Answer]]:
        return list(zip(*self.run.sampled[number + 1], strict=True))

    def sampler_of(self, number: int) -> Step:
        """Policy and value head of a rollout."""
        return self.run.updates[number][0] if number < STEPS else self.run.after[-1]

    def of_rollout(self, number: int) -> dict[str, float]:
        answers = self.rollout(number)
        policy, kept, base = (
            [self.logprobs(policy, prompt, answer.tokens) for prompt, answer in answers]
            for policy in (self.sampler_of(number).policy, self.start, None)
        )
        learned = self.learned_from(number)
        rows = [learned[(tuple(prompt), tuple(answer.tokens))] for prompt, answer in answers]
        returns, values = (torch.cat([row[name] for row in rows]) for name in ("returns", "values"))
        kl = mean([float((one - other).sum()) for one, other in zip(policy, kept, strict=True)])
        normalised = mean([self.normalised(*each) for each in answers])
        return {
            "reward": normalised - self.kl_coef * kl,
            "score": mean([self.score(*each) for each in answers]),
            "normalised_score": normalised,
            "kl": kl,
            "anchor_kl": mean([float((one - other).sum()) for one, other in zip(policy, base, strict=True)]),
            "kl_coef": self.kl_coef,
            "entropy": -float(torch.cat(policy).mean()),
            "response_length": mean([len(answer.tokens) for _, answer in answers]),
            "eos_rate": mean([answer.tokens[-1] == self.eos for _, answer in answers]),
            "explained_variance": 1 - float((returns - values).var() / returns.var()),
        }

    def of_update(self, number: int) -> dict[str, float]:
        steps = self.run.updates[number]
        learned = self.learned_from(number)
        losses = [self.of_step(step, learned) for step in steps]
        return {name: mean([each[name] for each in losses]) for name in losses[0]} | {
            "optimiser_steps": len(steps)
        }

    def learned_from(self, number: int) -> dict[tuple[Any, ...], dict[str, Tensor]]:
        """What a rollout tells of each row: log-probabilities, states, values, returns and advantages."""
        first, rows = self.sampler_of(number), {}
        for prompt, answer in self.rollout(number):
            policy = self.logprobs(first.policy, prompt, answer.tokens)
            price = self.kl_coef * (policy - self.logprobs(self.start, prompt, answer.tokens))
            rewards = -price
            rewards[-1] += self.normalised(prompt, answer)
            states = self.reward.states(prompt + answer.tokens)[-len(answer.tokens) - 1 : -1].detach()
            values = states @ first.weight + first.bias
            following = torch.cat([values[1:], torch.zeros(1)])
            errors = rewards + 0.9 * following - values
            advantages = torch.stack(
                [sum(0.72**k * error for k, error in enumerate(errors[t:])) for t in range(len(errors))]
            )
            rows[(tuple(prompt), tuple(answer.tokens))] = {
                "logprobs": policy, "states": states, "values": values,
                "advantages": advantages, "returns": advantages + values,
            }  # fmt: skip
        # Rows may be alike, so the rollout is gone through, not the dictionary.
        every = torch.cat([rows[(tuple(p), tuple(a.tokens))]["advantages"] for p, a in self.rollout(number)])
        for row in rows.values():
            row["advantages"] = (row["advantages"] - every.mean()) / every.std(correction=0)
        return rows

    def of_step(self, step: Step, learned: dict[tuple[Any, ...], dict[str, Tensor]]) -> dict[str, float]:
        rows = [learned[(tuple(prompt), tuple(answer))] for prompt, answer in step.rows]
        old, values, returns, advantages, states = (
            torch.cat([row[name] for row in rows])
            for name in ("logprobs", "values", "returns", "advantages", "states")
        )
        new = torch.cat([self.logprobs(step.policy, *each) for each in step.rows])
        ratio = (new - old).exp()
        now = states @ step.weight + step.bias
        near = values + (now - values).clamp(-0.2, 0.2)
        return {
            "policy_loss": -float(
                torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
            ),
            "value_loss": 0.5 * float(torch.maximum((now - returns) ** 2, (near - returns) ** 2).mean()),
            "clip_fraction": float(((ratio < 0.8) | (ratio > 1.2)).double().mean()),
            "approx_kl": float((ratio - 1 - (new - old)).mean()),
        }


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.fixture(scope="module")
def reckoned(run: Run, llama: Path, reward: Path) -> Reckoning:
    return Reckoning(run, llama, reward)


@pytest.mark.parametrize("name", [*ROLLOUT, *UPDATE, *SECONDS])
def test_a_line_of_progress_tells_of_its_rollout_and_update(name: str, run: Run, reckoned: Reckoning) -> None:
    expected = [line[name] for line in reckoned.lines]
    assert [line[name] for line in run.lines] == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", [*RESULT, *ROLLOUT])
def test_the_result_tells_of_the_policy_that_is_saved(name: str, run: Run, reckoned: Reckoning) -> None:
    assert run.metrics[name] == pytest.approx(reckoned.result[name], rel=1e-3, abs=1e-5)


def test_no_metric_is_logged_whose_meaning_is_not_tested(run: Run) -> None:
    assert len(run.lines) == STEPS
    assert all(set(line) == {*ROLLOUT, *UPDATE, *SECONDS} for line in run.lines)
    assert set(run.metrics) == {*RESULT, *ROLLOUT}


def test_the_run_looked_at_has_something_to_tell(run: Run, reckoned: Reckoning) -> None:
    assert any(0 < line["eos_rate"] < 1 for line in run.lines)
    assert all(line["clip_fraction"] > 0 and line["approx_kl"] > 0 for line in run.lines)
    assert len({line["kl_coef"] for line in run.lines}) == STEPS
    assert all(abs(line["kl"] - line["anchor_kl"]) > 0.01 for line in run.lines)
    plain = [(reckoned.score(*each) - reckoned.mean) / reckoned.deviation for each in reckoned.rollout(0)]
    assert min(map(abs, plain)) < 1 < max(map(abs, plain)), "some scores are cut"
