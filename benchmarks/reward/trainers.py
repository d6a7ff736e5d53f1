"""One training of a reward model, by this engine or by TRL, and how it orders the held-out pairs."""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

TRAINERS = ("chorus", "trl")
BY_SIZE = ("learning_rate", "dtype")
"""Settings of the recipe that follow from the base model's size and the machine, as `plan` suggests them."""
AT_ONCE = 4
"""Pairs that TRL takes at once; the 32 of a step, of 512 tokens each, would fill 24 GB on 135M weights."""


def work(trainer: str, data: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train once on the rows of a file and score the held-out pairs."""
    import numpy as np
    import torch

    from training.rlhf.data.files import read_preferences
    from training.rlhf.intervals import share_interval
    from training.rlhf.model.loading import load_tokenizer
    from training.rlhf.plan.estimate import make_plan
    from training.rlhf.rundir import create_run, dataset_file
    from training.rlhf.stages.reward.comparisons import encode_preferences
    from training.rlhf.stages.reward.recipe import RewardRecipe
    from training.rlhf.stages.reward.report import order_correct

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seeds[0])
    recipe = RewardRecipe(
        base_model=str(options.base),
        dataset=dataset_file(data),
        seed=options.seeds[0],
        threads=options.threads,
        max_steps=options.max_steps,
        max_length=options.max_length,
        checkpoint_every=10**6,
    )
    with tempfile.TemporaryDirectory() as scratch:
        directory = create_run(Path(scratch) / "asked", recipe)
        suggested = make_plan(directory, recipe).suggested
        by_size = {name: suggested[name] for name in BY_SIZE if name in suggested}
        recipe = replace(recipe, **by_size)
        directory = create_run(Path(scratch) / "run", recipe)
        directory.open()
        tokenizer = load_tokenizer(recipe.base_model)
        encoded = encode_preferences(tokenizer, read_preferences(directory, recipe.dataset))
        fitting = [each for each in encoded if each.longest <= recipe.max_length]
        learned = [each for each in fitting if each.preference.split == "train"]
        held_out = [each for each in fitting if each.preference.split != "train"]
        make = {"chorus": _chorus, "trl": _trl}[trainer]
        train, score = make(directory, recipe, tokenizer, learned)
        began = time.perf_counter()
        share = train()
        seconds = time.perf_counter() - began
        chosen, rejected = (
            score([getattr(each, side) for each in held_out]) for side in ("chosen_ids", "rejected_ids")
        )
    comparisons = len({each.preference.comparison_id for each in learned})
    correct = order_correct(chosen - rejected, np.ones(len(chosen)))
    prompts = [str(each.preference.prompt) for each in held_out]
    return {
        "trainer": trainer,
        "seed": options.seeds[0],
        "comparisons": comparisons,
        "pairs": len(learned),
        "held_out_pairs": len(held_out),
        "seconds": seconds,
        "comparisons_per_second": comparisons * share / seconds,
        "accuracy": float(correct.mean()),
        "accuracy_interval": share_interval(correct, prompts, seed=0),
        "settings": by_size,
    }


def _chorus(directory: Any, recipe: Any, tokenizer: Any, learned: Any) -> Any:
    """The reward stage's training and scoring; training tells how many passes over the data it took."""
    from training.rlhf.stages.reward.members import plan_members
    from training.rlhf.stages.reward.trainer import load_classifier, make_trainer, score_with

    (member,) = plan_members(recipe, learned)
    model = load_classifier(recipe.base_model, recipe.dtype)
    trainer: Any = make_trainer(
        directory, recipe, model, tokenizer, member.comparisons, member.steps, member.seed
    )

    def train() -> float:
        trainer.train()
        seen = sum(len(member.comparisons[i].pairs) for step in member.steps for i in step)
        return seen / sum(len(each.pairs) for each in member.comparisons)

    return train, lambda ids: score_with(directory, trainer.model, ids, tokenizer.pad_token_id)


def _trl(directory: Any, recipe: Any, tokenizer: Any, learned: Any) -> Any:
    """TRL's trainer with its own collator and loss on every pair, shuffled anew in every pass."""
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification
    from trl.trainer.reward_config import RewardConfig
    from trl.trainer.reward_trainer import RewardTrainer

    from training.rlhf.data.padding import pad
    from training.rlhf.model.adapters import lora_config
    from training.rlhf.stages.trainer import trainer_settings

    # As transformers loads it, without the linear layers of `load_base`.
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        recipe.base_model, num_labels=1, dtype=getattr(torch, recipe.dtype)
    )
    adapter = lora_config(
        model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target, task_type="SEQ_CLS"
    )
    at_once = min(AT_ONCE, recipe.batch_size)
    steps = {
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": recipe.batch_size // at_once,
    }
    rows = [{"chosen_ids": list(e.chosen_ids), "rejected_ids": list(e.rejected_ids)} for e in learned]
    trainer: Any = RewardTrainer(
        model=model,
        args=RewardConfig(
            **(trainer_settings(directory, recipe) | steps),
            center_rewards_coefficient=recipe.center_rewards,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=adapter,
    )

    def train() -> float:
        trainer.train()
        return float(trainer.state.epoch)

    @torch.no_grad()
    def score(sequences: Any) -> Any:
        trainer.model.eval()
        scores: list[float] = []
        for start in range(0, len(sequences), 2 * AT_ONCE):
            batch = [list(each) for each in sequences[start : start + 2 * AT_ONCE]]
            ids, mask = pad(batch, tokenizer.pad_token_id)
            scores += trainer.model(input_ids=ids, attention_mask=mask).logits.squeeze(-1).tolist()
        return np.array(scores)

    return train, score
