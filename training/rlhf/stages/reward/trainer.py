"""TRL's RewardTrainer on whole comparisons: a score for every completion, and a loss on their pairs.

A step's completions are encoded once each, those of one comparison behind their common prompt (see
`shared_prefix`). The steps are planned beforehand (see `comparisons.plan_steps`), so the dataset given to TRL
is the plan: a row is a step.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer

from training.rlhf.model.adapters import lora_config
from training.rlhf.model.loading import load_base
from training.rlhf.recipes import Device
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.reward.comparisons import Comparison
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.shared_prefix import can_share, padded_inputs, shared_inputs
from training.rlhf.stages.trainer import on_one_device, trainer_settings


def make_trainer(
    directory: RunDirectory,
    recipe: RewardRecipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    comparisons: Sequence[Comparison],
    steps: list[list[int]],
    seed: int,
) -> "ComparisonTrainer":
    """A trainer that takes these steps of these comparisons, and no other."""
    # Of this type, peft trains and saves the score head with the adapter.
    adapter = lora_config(
        model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target, task_type="SEQ_CLS"
    )
    settings = trainer_settings(directory, recipe) | {
        "seed": seed,
        "data_seed": seed,
        "per_device_train_batch_size": 1,
        "num_train_epochs": 1,
        "max_steps": -1,
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
    }
    return ComparisonTrainer(
        model=model,
        center_rewards=recipe.center_rewards,
        label_smoothing=recipe.label_smoothing,
        args=on_one_device(RewardConfig(**settings)),
        data_collator=ComparisonCollator(comparisons, model, tokenizer.pad_token_id),
        train_dataset=Dataset.from_dict({"comparisons": steps}),
        processing_class=tokenizer,
        peft_config=adapter,
    )


class ComparisonTrainer(RewardTrainer):
    """Minimises the mean over a step's pairs of weight * (-p log sigmoid(d) - (1 - p) log sigmoid(-d)).

    d is the left score less the right one and p the probability that the left completion is better, drawn
    towards a half by `label_smoothing`.
    """

    def __init__(self, *, center_rewards: float, label_smoothing: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.center_rewards, self.label_smoothing = center_rewards, label_smoothing

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset  # it holds no texts, but places in the collator's comparisons

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        pairs = {name: inputs.pop(name) for name in ("left", "right", "probability", "weight")}
        comparison, sizes = inputs.pop("comparison"), inputs.pop("sizes")
        scores = model(**inputs)  # (N,)
        margins = scores[pairs["left"]] - scores[pairs["right"]]  # (P,)
        probability = pairs["probability"] * (1 - self.label_smoothing) + self.label_smoothing / 2
        loss = preference_loss(margins, probability, pairs["weight"])
        if self.center_rewards:
            loss = loss + self.center_rewards * centring_loss(scores, comparison, sizes)
        decided = pairs["probability"] != 0.5
        agrees = (margins > 0) == (pairs["probability"] > 0.5)
        right = torch.where(margins == 0, 0.5, agrees.float())
        # A tensor, for reading it would wait for the device at every step.
        self._metrics["train"]["accuracy"].append((right * decided).sum() / decided.sum().clamp(min=1))
        return (loss, {"scores": scores}) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        measured = self._metrics["train"]
        for name in measured:
            measured[name] = [float(value) for value in measured[name]]
        super().log(logs, start_time)


class ComparisonCollator:
    """The tensors of a step: the model's inputs, and P pairs of its N completions.

    left, right, probability and weight are (P,), the first two places among the completions; comparison (N,)
    numbers the comparison of each completion, and sizes (C,) counts those of each comparison.
    """

    def __init__(self, comparisons: Sequence[Comparison], model: PreTrainedModel, pad_id: int) -> None:
        self._comparisons, self._pad_id = comparisons, pad_id
        self._shares, self._dtype = can_share(model.config), model.dtype
        self._widest = model.config.hidden_size

    def __call__(self, steps: list[dict[str, list[int]]]) -> dict[str, Tensor]:
        chosen = [self._comparisons[i] for step in steps for i in step["comparisons"]]
        groups = [each.sequences for each in chosen]
        sizes = [len(group) for group in groups]
        firsts = np.cumsum([0, *sizes[:-1]])
        pairs = [
            (first + pair.left, first + pair.right, pair.probability, pair.weight)
            for first, each in zip(firsts, chosen, strict=True)
            for pair in each.pairs
        ]
        left, right, probability, weight = zip(*pairs, strict=True)
        counts = torch.tensor(sizes)
        inputs = (
            shared_inputs(groups, self._pad_id, self._dtype, self._widest)
            if self._shares
            else padded_inputs(groups, self._pad_id)
        )
        return {
            **inputs,
            "left": torch.tensor(left),
            "right": torch.tensor(right),
            "probability": torch.tensor(probability, dtype=torch.float32),
            "weight": torch.tensor(weight, dtype=torch.float32),
            "comparison": torch.repeat_interleave(torch.arange(len(groups)), counts),
            "sizes": counts,
        }


def preference_loss(margins: Tensor, probability: Tensor, weight: Tensor) -> Tensor:
    """Mean over the pairs (P,) of their weighted cross-entropy; the margin is left less right."""
    losses = -probability * logsigmoid(margins) - (1 - probability) * logsigmoid(-margins)
    return (weight * losses).mean()


def centring_loss(scores: Tensor, comparison: Tensor, sizes: Tensor) -> Tensor:
    """Mean over comparisons (C,) of (2 / K * sum r)^2 for the scores (N,) of their K completions each.

    For a pair it is (r_chosen + r_rejected)^2 of Eisenstein et al. 2023, as TRL has it.
    """
    sums = scores.new_zeros(len(sizes)).index_add(0, comparison, scores)
    return (2 * sums / sizes).square().mean()


def load_classifier(location: str, dtype: str, device: Device = "cpu") -> PreTrainedModel:
    """The base with a fresh score head in float32, as the head is read later (see `model.reward_head`).

    Its forward pass gives the score at chosen tokens, (N,), for it has several sequences in a row.
    """
    model: Any = load_base(location, dtype, device, kind=AutoModelForSequenceClassification, num_labels=1)
    model.score.float()
    model.score.register_forward_pre_hook(lambda _, hidden: hidden[0].float())
    model.forward = partial(_scores_at_ends, model)
    return model


def _scores_at_ends(
    classifier: Any,
    input_ids: Tensor,
    attention_mask: Tensor,
    rows: Tensor,
    ends: Tensor,
    position_ids: Tensor | None = None,
    **_: Any,
) -> Tensor:
    trunk = getattr(classifier, classifier.base_model_prefix)
    hidden = trunk(
        input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids, use_cache=False
    ).last_hidden_state
    return classifier.score(hidden[rows, ends]).squeeze(-1)


@torch.no_grad()
def score_with(
    directory: RunDirectory,
    model: nn.Module,
    sequences: Sequence[tuple[int, ...]],
    pad_id: int,
    *,
    at_once: int = 64,
) -> NDArray[np.float64]:
    """Scores (N,) of sequences by a trained classifier; Cancelled between batches when asked to stop."""
    model.eval()
    device = next(model.parameters()).device
    scores = np.empty(len(sequences))
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    for start in range(0, len(order), at_once):
        directory.raise_if_cancelled()
        chosen = order[start : start + at_once]
        inputs = padded_inputs([[sequences[i] for i in chosen]], pad_id)
        scores[chosen] = model(**{name: each.to(device) for name, each in inputs.items()}).cpu().numpy()
    return scores
