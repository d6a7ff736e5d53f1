"""What a rollout of PPO is worth: answers scored, charged for their distance, compared with the values."""

from collections.abc import Callable

import torch
from torch import Tensor

from training.rlhf.distributed.processes import Processes
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.logprobs import Block, answer_logprobs, lay_out
from training.rlhf.model.sampling import Answer
from training.rlhf.recipes import PPORecipe
from training.rlhf.stages.ppo.losses import explained_variance, generalised_advantages, token_rewards, whiten
from training.rlhf.stages.ppo.rollout import Experience, Judge, Judgement


class Assessor:
    """The passes over a rollout that learn nothing, shared out among processes, and what follows from them.

    `reference` is the adapter whose distance costs; None for the plain base.
    """

    def __init__(
        self, base: SharedBase, judge: Judge, reference: str | None, recipe: PPORecipe, processes: Processes
    ) -> None:
        self.base, self.judge, self.reference = base, judge, reference
        self.recipe, self.processes = recipe, processes

    def __call__(
        self,
        prompts: list[list[int]],
        answers: list[Answer],
        *,
        values_of: Callable[[Block, Tensor], Tensor],
        kl_coef: float,
        mean: float,
        deviation: float,
    ) -> tuple[Experience, Tensor, dict[str, float]]:
        """What there is to learn from the answers, their scores (B,), and the metrics of the policy.

        `values_of` a block and its features (B, R, H) are (B, R); `mean` and `deviation` are those of the
        reference's scores.
        """
        recipe = self.recipe
        tokens = [answer.tokens for answer in answers]
        block = lay_out(prompts, tokens, self.judge.how.pad_id, self.base.device)
        mask = block.answer_mask
        logprobs = _padded([answer.logprobs for answer in answers], mask)
        judgement, reference, anchor = self._passes(prompts, answers, block)
        values = values_of(block, judgement.features)
        scores = self._penalised((judgement.scores - mean) / deviation, answers)
        rewards = token_rewards(scores, logprobs, reference, mask, kl_coef)
        advantages, returns = generalised_advantages(
            rewards, values, mask, gamma=recipe.gamma, lam=recipe.gae_lambda
        )
        experience = Experience(
            block, judgement.features, logprobs, values, whiten(advantages, mask), returns
        )
        metrics = {
            "reward": float(rewards.sum(-1).mean()),
            "score": float(judgement.scores.mean()),
            "normalised_score": float(scores.mean()),
            "kl": float((logprobs - reference).sum(-1).mean()),
            "anchor_kl": float((logprobs - anchor).sum(-1).mean()),
            "kl_coef": kl_coef,
            "entropy": float(-logprobs.sum() / mask.sum()),
            "response_length": float(mask.sum(-1).float().mean()),
            "eos_rate": sum(answer.finished for answer in answers) / len(answers),
            "explained_variance": float(explained_variance(values, returns, mask)),
        }
        return experience, judgement.scores, metrics

    @torch.no_grad()
    def _passes(
        self, prompts: list[list[int]], answers: list[Answer], block: Block
    ) -> tuple[Judgement, Tensor, Tensor]:
        """The judgement, and log-probabilities (B, R) of reference and base; each process does its share."""
        rows, gather = self.processes.share(len(answers)), self.processes.gather_rows
        total, width = len(answers), block.longest_answer
        with self.base.in_company():
            seen = self.judge([prompts[i] for i in rows], [answers[i] for i in rows])
        judgement = Judgement(gather(seen.scores, total), gather(seen.features, total, width))
        mine = block.rows(torch.tensor(rows, device=self.base.device))

        def logprobs(adapter: str | None) -> Tensor:
            with self.base.use(adapter) as model, self.base.in_company():
                # Most of the memory is logits here: those of twice as many rows take less than an update.
                parts = mine.split(2 * self.recipe.micro_batch_size)
                said = [answer_logprobs(model, part, self.recipe.temperature) for part in parts]
            return gather(torch.cat(said), total, width)

        reference = logprobs(self.reference)
        return judgement, reference, reference if self.reference is None else logprobs(None)

    def _penalised(self, scores: Tensor, answers: list[Answer]) -> Tensor:
        """Scores (B,) cut, less the penalty for answers without an end."""
        if self.recipe.score_clip:
            scores = scores.clamp(-self.recipe.score_clip, self.recipe.score_clip)
        unfinished = torch.tensor([not answer.finished for answer in answers], device=scores.device)
        return scores - self.recipe.missing_eos_penalty * unfinished


def _padded(rows: list[list[float]], mask: Tensor) -> Tensor:
    """Numbers per token (B, R), zero outside the mask."""
    padded = torch.zeros(mask.shape, device=mask.device)
    padded[mask] = torch.tensor([value for row in rows for value in row], device=mask.device)
    return padded
