"""A reward model from preferences, the second step of InstructGPT (Ouyang et al. 2022, equation 1).

    python -m training.rlhf reward RUN_DIR

TRL's RewardTrainer minimises -log sigmoid(r(chosen) - r(rejected)) for a LoRA adapter and a linear score
head on the frozen base; here each pair counts by its weight. Accuracy is taken per pair on prompts held out
from training, with an interval by bootstrap over prompts. Left out: all pairs of one comparison in one batch.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import DataCollatorForPreference, RewardTrainer

from training.rlhf.adapters import lora_config
from training.rlhf.chat import encode_conversation
from training.rlhf.data import TRAIN, Message, Preference, read_preferences
from training.rlhf.errors import DataError
from training.rlhf.intervals import share_interval
from training.rlhf.loading import base_location, load_base, load_tokenizer
from training.rlhf.padding import pad
from training.rlhf.recipes import RewardRecipe
from training.rlhf.rundir import RunDirectory, write_text
from training.rlhf.trainer import empty_output, train, trainer_settings

HELD_OUT = "held_out"
_SCORED_AT_ONCE = 64


@dataclass(frozen=True)
class Pair:
    """A preference with the token ids of its two whole conversations."""

    prompt_id: str
    split: str
    chosen: str
    rejected: str
    chosen_ids: list[int]
    rejected_ids: list[int]
    weight: float


def run(directory: RunDirectory, recipe: RewardRecipe) -> dict[str, Any]:
    """Train adapter and head, write them to output/ with the held-out scores; returns the metrics.

    Held out are the rows of recipe.held_out and those of the dataset whose split is not train. Each of them
    that fits is a line of output/held_out.jsonl: prompt_id, chosen, rejected, chosen_reward, rejected_reward.
    """
    location = base_location(directory, recipe)
    tokenizer = load_tokenizer(location)
    preferences = read_preferences(directory, recipe.dataset)
    if recipe.held_out:
        more = read_preferences(directory, recipe.held_out)
        preferences += [replace(preference, split=HELD_OUT) for preference in more]
    _refuse_leak(preferences)
    fitting = [pair for each in preferences if _fits(pair := _encode(tokenizer, each), recipe.max_length)]
    learned = [pair for pair in fitting if pair.split == TRAIN and pair.weight > 0]
    held_out = [pair for pair in fitting if pair.split != TRAIN]
    overlong = len(preferences) - len(fitting)
    _require_enough(len(learned), overlong, recipe)

    model = _load_classifier(location, recipe.dtype)
    trainer = _make_trainer(directory, recipe, model, tokenizer, learned)
    loss = train(trainer, directory)
    reward_model: Any = trainer.model
    reward_model.save_pretrained(empty_output(directory))
    tokenizer.save_pretrained(directory.output)
    return {
        "loss": loss,
        "steps": trainer.state.global_step,
        "train_pairs": len(learned),
        "held_out_pairs": len(held_out),
        "overlong_pairs": overlong,
        **_evaluate(directory, reward_model, held_out, tokenizer.pad_token_id, recipe.seed),
    }


class WeightedRewardTrainer(RewardTrainer):
    """TRL's RewardTrainer, in which each pair counts by its weight."""

    def __init__(self, *, center_rewards: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.center_rewards = center_rewards

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns: Any = ["chosen_ids", "rejected_ids", "weight"]

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        weights = inputs.pop("weight")  # (B,), one on average over the dataset
        outputs = model(**inputs, use_cache=False)
        chosen, rejected = outputs.logits.squeeze(-1).chunk(2)  # (B,) each
        loss = -(weights * logsigmoid(chosen - rejected)).mean()
        if self.center_rewards:
            loss = loss + self.center_rewards * (chosen + rejected).square().mean()
        correct = _correct((chosen - rejected).detach().numpy())
        self._metrics["train"]["accuracy"].append(float(correct.mean()))
        return (loss, outputs) if return_outputs else loss


class WeightedPreferenceCollator(DataCollatorForPreference):
    """TRL's collator, which keeps the weights: (B,)."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        weights = torch.tensor([example["weight"] for example in examples], dtype=torch.float32)
        return {**super().torch_call(examples), "weight": weights}


def _make_trainer(
    directory: RunDirectory,
    recipe: RewardRecipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
) -> WeightedRewardTrainer:
    adapter = lora_config(model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target)
    mean_weight = float(np.mean([pair.weight for pair in pairs]))
    rows = [
        {"chosen_ids": p.chosen_ids, "rejected_ids": p.rejected_ids, "weight": p.weight / mean_weight}
        for p in pairs
    ]
    return WeightedRewardTrainer(
        model=model,
        center_rewards=recipe.center_rewards,
        args=RewardConfig(**trainer_settings(directory, recipe)),
        data_collator=WeightedPreferenceCollator(pad_token_id=tokenizer.pad_token_id),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        # Peft then trains and saves the score head with the adapter.
        peft_config=replace(adapter, task_type="SEQ_CLS"),
    )


def _load_classifier(location: str, dtype: str) -> PreTrainedModel:
    """The base with a fresh score head in float32, as the head is read later (see `scoring`)."""
    model: Any = load_base(location, dtype, AutoModelForSequenceClassification, num_labels=1)
    model.score.float()
    model.score.register_forward_pre_hook(lambda _, hidden: hidden[0].float())
    return model


def _encode(tokenizer: PreTrainedTokenizerBase, preference: Preference) -> Pair:
    return Pair(
        prompt_id=preference.prompt_id,
        split=preference.split,
        chosen=preference.chosen[-1]["content"],
        rejected=preference.rejected[-1]["content"],
        chosen_ids=encode_conversation(tokenizer, preference.prompt + preference.chosen),
        rejected_ids=encode_conversation(tokenizer, preference.prompt + preference.rejected),
        weight=preference.weight,
    )


def _fits(pair: Pair, max_length: int) -> bool:
    return max(len(pair.chosen_ids), len(pair.rejected_ids)) <= max_length


def _refuse_leak(preferences: Sequence[Preference]) -> None:
    """Raise DataError when a prompt is both learned from and held out: the accuracy would mean nothing."""
    learned = {_said(each.prompt) for each in preferences if each.split == TRAIN}
    for each in preferences:
        if each.split != TRAIN and _said(each.prompt) in learned:
            raise DataError(
                f"The prompt {each.prompt_id} is among the training rows and among the held-out ones: "
                "leave it out of one of them."
            )


def _said(messages: Sequence[Message]) -> tuple[tuple[str, str], ...]:
    return tuple((message["role"], message["content"]) for message in messages)


def _require_enough(pairs: int, overlong: int, recipe: RewardRecipe) -> None:
    if pairs >= recipe.min_pairs:
        return
    longer = f" ({overlong} more are longer than {recipe.max_length} tokens)" if overlong else ""
    raise DataError(
        f"The dataset has {pairs} training pairs{longer}, and a reward model needs at least "
        f"{recipe.min_pairs}: collect more judgments."
    )


def _evaluate(
    directory: RunDirectory, model: torch.nn.Module, pairs: Sequence[Pair], pad_id: int, seed: int
) -> dict[str, float]:
    """Score the held-out pairs and write the scores; accuracy is absent when there are none."""
    chosen = _score(directory, model, [pair.chosen_ids for pair in pairs], pad_id)
    rejected = _score(directory, model, [pair.rejected_ids for pair in pairs], pad_id)
    lines = [
        {
            "prompt_id": pair.prompt_id,
            "chosen": pair.chosen,
            "rejected": pair.rejected,
            "chosen_reward": float(chosen_reward),
            "rejected_reward": float(rejected_reward),
        }
        for pair, chosen_reward, rejected_reward in zip(pairs, chosen, rejected, strict=True)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_text(directory.output / "held_out.jsonl", text)
    if not pairs:
        return {}
    correct = _correct(chosen - rejected)
    low, high = share_interval(correct, [pair.prompt_id for pair in pairs], seed=seed)
    return {"accuracy": float(correct.mean()), "accuracy_low": low, "accuracy_high": high}


@torch.no_grad()
def _score(
    directory: RunDirectory, model: torch.nn.Module, sequences: Sequence[list[int]], pad_id: int
) -> NDArray[np.float64]:
    model.eval()
    scores = []
    for start in range(0, len(sequences), _SCORED_AT_ONCE):
        directory.raise_if_cancelled()
        ids, mask = pad(list(sequences[start : start + _SCORED_AT_ONCE]), pad_id)
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        scores += logits.squeeze(-1).tolist()
    return np.array(scores)


def _correct(margins: NDArray[Any]) -> NDArray[np.float64]:
    """One for each pair in the right order, a half for a tie."""
    return (margins > 0) + 0.5 * (margins == 0)
