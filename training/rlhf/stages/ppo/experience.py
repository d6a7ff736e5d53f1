"""From the answers of a rollout to what PPO learns from: scores, values, KL and advantages."""

from collections.abc import Callable

import torch
from torch import Tensor

from training.rlhf.distributed.processes import Processes
from training.rlhf.errors import memory_grows_with
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.logprobs import Block, answer_logprobs, lay_out
from training.rlhf.model.sampling import Answer
from training.rlhf.stages.ppo.advantages import (
    explained_variance,
    generalised_advantages,
    token_rewards,
    whiten,
)
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.rollout import Experience, RewardScorer, Scored
from training.rlhf.stages.ppo.score_scale import ScoreScale


class ExperienceMaker:
    """Makes of answers what PPO learns from; processes share the forward passes.

    `reference` is the adapter to which KL is charged; None for the plain base.
    """

    def __init__(
        self,
        base: SharedBase,
        scorer: RewardScorer,
        reference: str | None,
        recipe: PPORecipe,
        processes: Processes,
    ) -> None:
        self.base, self.scorer, self.reference = base, scorer, reference
        self.recipe, self.processes = recipe, processes

    def __call__(
        self,
        prompts: list[list[int]],
        answers: list[Answer],
        *,
        values_of: Callable[[Block, Tensor], Tensor],
        kl_coef: float,
        scale: ScoreScale,
    ) -> tuple[Experience, Tensor, dict[str, float]]:
        """What there is to learn from the answers, their scores (B,), and the metrics of the policy.

        `values_of` a block and its features (B, R, H) are (B, R).
        """
        recipe = self.recipe
        tokens = [answer.tokens for answer in answers]
        block = lay_out(prompts, tokens, self.scorer.how.pad_id, self.base.device)
        mask = block.answer_mask
        logprobs = _padded([answer.logprobs for answer in answers], mask)
        scored, reference, anchor = self._passes(prompts, answers, block)
        values = values_of(block, scored.features)
        lengths = mask.sum(-1)
        scores = self._penalised(scale.normalised(scored.scores), answers, scale.shortness(lengths))
        rewards = token_rewards(scores, logprobs, reference, mask, kl_coef)
        advantages, returns = generalised_advantages(
            rewards, values, mask, gamma=recipe.gamma, lam=recipe.gae_lambda
        )
        experience = Experience(block, scored.features, logprobs, values, whiten(advantages, mask), returns)
        metrics = {
            "reward": float(rewards.sum(-1).mean()),
            "score": float(scored.scores.mean()),
            "normalised_score": float(scores.mean()),
            "kl": float((logprobs - reference).sum(-1).mean()),
            "anchor_kl": float((logprobs - anchor).sum(-1).mean()),
            "kl_coef": kl_coef,
            "entropy": float(-logprobs.sum() / mask.sum()),
            "response_length": float(lengths.float().mean()),
            "eos_rate": sum(answer.finished for answer in answers) / len(answers),
            "explained_variance": float(explained_variance(values, returns, mask)),
        }
        return experience, scored.scores, metrics

    @torch.no_grad()
    def _passes(
        self, prompts: list[list[int]], answers: list[Answer], block: Block
    ) -> tuple[Scored, Tensor, Tensor]:
        """Scores, and log-probabilities (B, R) under reference and base; each process does its share."""
        rows, gather = self.processes.share(len(answers)), self.processes.gather_rows
        total, width = len(answers), block.longest_answer
        with self.base.in_lockstep():
            own = self.scorer([prompts[i] for i in rows], [answers[i] for i in rows])
        scored = Scored(gather(own.scores, total), gather(own.features, total, width))
        mine = block.rows(torch.tensor(rows, device=self.base.device))

        def logprobs(adapter: str | None) -> Tensor:
            with (
                self.base.use(adapter) as model,
                self.base.in_lockstep(),
                memory_grows_with("micro_batch_size"),
            ):
                parts = mine.split(forward_rows(self.recipe))
                passes = [answer_logprobs(model, part, self.recipe.temperature) for part in parts]
            return gather(torch.cat(passes), total, width)

        reference = logprobs(self.reference)
        return scored, reference, reference if self.reference is None else logprobs(None)

    def _penalised(self, scores: Tensor, answers: list[Answer], shortness: Tensor) -> Tensor:
        """Scores (B,) cut, less the penalties for answers without an end and for short ones (B,)."""
        if self.recipe.score_clip:
            scores = scores.clamp(-self.recipe.score_clip, self.recipe.score_clip)
        unfinished = torch.tensor([not answer.finished for answer in answers], device=scores.device)
        penalties = self.recipe.missing_eos_penalty * unfinished + self.recipe.short_penalty * shortness
        return scores - penalties


def forward_rows(recipe: PPORecipe) -> int:
    """Answers in one forward pass of reference and base, which keeps nothing for a backward pass."""
    # Most of the memory is logits: those of twice as many rows take less than an update.
    return 2 * recipe.micro_batch_size


def _padded(rows: list[list[float]], mask: Tensor) -> Tensor:
    """Numbers per token (B, R), zero outside the mask."""
    padded = torch.zeros(mask.shape, device=mask.device)
    padded[mask] = torch.tensor([value for row in rows for value in row], device=mask.device)
    return padded
