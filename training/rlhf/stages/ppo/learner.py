"""The parts of PPO that learn: policy adapter, value head, their optimiser; and how they are saved.

The value head is linear and reads the reward adapter's hidden states, which a rollout computes anyway, so
that values cost no pass of their own. It starts as the reward's own score head, as InstructGPT starts its
value function from the reward model. A value adapter of its own and a trunk shared with the policy predicted
more of the returns and earned no more reward, for more time: `benchmarks/critic.py`, docs/performance.md.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.rlhf.distributed.processes import ALONE, Processes
from training.rlhf.errors import TrainingDiverged, memory_grows_with
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.logprobs import Block, answer_logprobs
from training.rlhf.model.reward_head import ScalarHead
from training.rlhf.stages.ppo.losses import PolicyLoss, policy_loss, value_loss
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.rollout import Experience

_ADAM_EPSILON = 1e-5  # as in the PPO reference code; 1e-8 lets rarely moved weights jump
_FINAL_RATE = 0.1


@dataclass
class UpdateMetrics:
    """Means over the optimiser steps of one update."""

    policy_loss: float = 0.0
    value_loss: float = 0.0
    clip_fraction: float = 0.0
    approx_kl: float = 0.0
    optimiser_steps: int = 0

    def add(self, **measured: Tensor) -> None:
        for name, value in measured.items():
            mean = getattr(self, name)
            setattr(self, name, mean + (float(value) - mean) / (self.optimiser_steps + 1))
        self.optimiser_steps += 1


class Learner:
    """Policy adapter "policy" of the base and the value head, optimised together.

    Several processes share a minibatch's answers and take the same step; the value head, which is small, each
    computes by itself.
    """

    def __init__(
        self, base: SharedBase, value_head: ScalarHead, recipe: PPORecipe, processes: Processes = ALONE
    ) -> None:
        self.base, self.value_head, self.recipe, self.processes = base, value_head, recipe, processes
        base.train("policy")
        value_head.requires_grad_(True)
        self._policy_parameters = base.parameters("policy")
        self._value_parameters = list(value_head.parameters())
        self.optimiser = torch.optim.AdamW(
            [
                {"params": self._policy_parameters, "lr": recipe.learning_rate},
                {"params": self._value_parameters, "lr": recipe.value_learning_rate},
            ],
            eps=_ADAM_EPSILON,
            weight_decay=0.0,
        )

    @torch.no_grad()
    def values(self, block: Block, features: Tensor) -> Tensor:
        """The return to expect from each answer token on, (B, R); zero outside the answers."""
        return torch.where(block.answer_mask, self.value_head(features), 0.0)

    def update(self, experience: Experience, step: int) -> UpdateMetrics:
        """Some passes over one rollout, left early when the policy moved too far from the rollout's."""
        self._set_rates(step)
        metrics = UpdateMetrics()
        shuffle = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step)
        for _ in range(self.recipe.epochs):
            order = torch.randperm(len(experience.logprobs), generator=shuffle).to(self.base.device)
            for chosen in order.tensor_split(self.recipe.minibatches):
                approx_kl = self._optimise(experience.rows(chosen), metrics)
                if approx_kl > self.recipe.kl_epoch_stop:
                    return metrics
        return metrics

    def _optimise(self, batch: Experience, metrics: UpdateMetrics) -> float:
        """One optimiser step; returns how far the policy has moved from the rollout's, per token."""
        self.optimiser.zero_grad(set_to_none=True)
        policy, value = self._policy_gradient(batch), self._value_gradient(batch)
        recipe = self.recipe
        policy_norm = nn.utils.clip_grad_norm_(self._policy_parameters, recipe.max_grad_norm)
        value_norm = nn.utils.clip_grad_norm_(self._value_parameters, recipe.max_grad_norm)
        if not torch.isfinite(policy.loss + value + policy_norm + value_norm):
            raise TrainingDiverged("Loss or gradient is no longer a finite number: lower the learning rate.")
        self.optimiser.step()
        metrics.add(
            policy_loss=policy.loss,
            value_loss=value,
            clip_fraction=policy.clip_fraction,
            approx_kl=policy.approx_kl,
        )
        return float(policy.approx_kl)

    def _policy_gradient(self, batch: Experience) -> PolicyLoss:
        """Add up the gradient of the loss over parts of rows of similar length, so that little is padding."""
        tokens = batch.block.answer_mask.sum()
        parts = []
        order = batch.block.mask.sum(-1).argsort(stable=True)
        mine = order[self.processes.index :: self.processes.count]
        with (
            self.base.use("policy") as model,
            self.base.in_lockstep(learning=True),
            memory_grows_with("micro_batch_size"),  # lowering it changes nothing else
        ):
            for rows in mine.split(self.recipe.micro_batch_size):
                loss = self._policy_loss(model, batch.rows(rows), tokens)
                loss.loss.backward()
                parts.append(loss)
        figures = [
            torch.stack([getattr(part, each.name).detach() for part in parts]).sum()
            for each in fields(PolicyLoss)
        ]
        gradients = [each.grad for each in self._policy_parameters if each.grad is not None]
        self.processes.add_up([*gradients, *figures])
        return PolicyLoss(*figures)

    def _policy_loss(self, model: PreTrainedModel, part: Experience, tokens: Tensor) -> PolicyLoss:
        """The share that some rows have in the loss of a minibatch of so many tokens."""
        return policy_loss(
            answer_logprobs(model, part.block, self.recipe.temperature),
            part.logprobs,
            part.advantages,
            part.block.answer_mask,
            self.recipe.clip_range,
            tokens,
        )

    def _value_gradient(self, batch: Experience) -> Tensor:
        loss = value_loss(
            self.value_head(batch.features),
            batch.values,
            batch.returns,
            batch.block.answer_mask,
            self.recipe.value_clip_range,
        )
        loss.backward()
        return loss.detach()

    def _set_rates(self, step: int) -> None:
        left = 1 - (1 - _FINAL_RATE) * step / self.recipe.steps
        rates = (self.recipe.learning_rate, self.recipe.value_learning_rate)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * left

    def save(self, folder: Path, extra: dict[str, Tensor]) -> None:
        """Write weights and optimiser state, and some tensors more, as one safetensors file."""
        state = {f"policy/{key}": value for key, value in self.base.weights("policy").items()}
        state |= {f"value/{key}": value for key, value in self.value_head.state_dict().items()}
        for i, moments in self.optimiser.state_dict()["state"].items():
            state |= {f"adam/{i}/{key}": value for key, value in moments.items()}
        state |= {f"extra/{key}": value for key, value in extra.items()}
        save_file({key: value.cpu() for key, value in state.items()}, folder / "state.safetensors")

    def restore(self, folder: Path) -> dict[str, Tensor]:
        """Take up what `save` wrote; returns the tensors given to it as `extra`."""
        parts: dict[str, dict[str, Tensor]] = {"policy": {}, "value": {}, "adam": {}, "extra": {}}
        for key, value in load_file(folder / "state.safetensors").items():
            part, name = key.split("/", 1)
            parts[part][name] = value
        self.base.set_weights("policy", parts["policy"])
        self.value_head.load_state_dict(parts["value"])
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in parts["adam"].items():
            index, key = name.split("/")
            moments.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        return parts["extra"]


def initial_value_head(head: ScalarHead, mean: float, deviation: float) -> ScalarHead:
    """A value head that starts as the score head, in the units of normalised scores."""
    value = ScalarHead(head.linear.in_features).to(head.linear.weight.device)
    value.linear.weight.data.copy_(head.linear.weight / deviation)
    value.linear.bias.data.copy_((head.linear.bias - mean) / deviation)
    return value
