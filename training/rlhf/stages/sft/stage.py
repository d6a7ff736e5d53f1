"""Supervised fine-tuning on conversations, the first step of InstructGPT (Ouyang et al. 2022, section 3.1).

    python -m training.rlhf sft RUN_DIR

TRL's SFTTrainer does the work: the loss is the mean negative log-likelihood of the answers' tokens. With
`lora_r` above 0 it learns a LoRA adapter on the frozen base, else every weight, which suits a model made from
nothing. Left out: packing, and choosing the number of epochs by a validation score.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Sampler
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from training.rlhf.data.chat import encode_conversation, encode_prompt
from training.rlhf.data.files import read_conversations
from training.rlhf.data.messages import Message
from training.rlhf.errors import DataError
from training.rlhf.model.adapters import lora_config, sort_targets
from training.rlhf.model.base_card import BaseCard
from training.rlhf.model.loading import base_location, load_base, load_tokenizer
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.sft.recipe import SFTRecipe
from training.rlhf.stages.trainer import empty_output, on_one_device, train, trainer_settings

_IGNORED = -100  # the label of tokens that are not learned


def run(directory: RunDirectory, recipe: SFTRecipe) -> dict[str, Any]:
    """Train and write the adapter or the whole model, with its tokenizer, to output/; returns the metrics."""
    location = base_location(directory, recipe)
    tokenizer = load_tokenizer(location)
    rows = [_row(tokenizer, messages) for messages in read_conversations(directory, recipe.dataset)]
    base = load_base(location, recipe.dtype, recipe.device)
    trainer = _make_trainer(directory, recipe, base, tokenizer, rows)
    prepared: Any = trainer.train_dataset
    lengths = [len(ids) for ids in prepared["input_ids"]]
    if not lengths:
        raise DataError(
            f"Nothing is left to learn from: in all {len(rows)} conversations the question alone fills the "
            f"{recipe.max_length} tokens of max_length."
        )
    loss = train(trainer, directory)
    model: Any = trainer.model
    model.config.use_cache = True
    model.save_pretrained(empty_output(directory))
    if recipe.lora_r:
        sort_targets(directory.output)
        BaseCard.of(recipe.base_model, location, tokenizer).write(directory.output)
    tokenizer.save_pretrained(directory.output)
    return {
        "loss": loss,
        "steps": trainer.state.global_step,
        "conversations": len(rows),
        "left_out": len(rows) - len(lengths),  # the question alone fills max_length
        "at_max_length": lengths.count(recipe.max_length),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }


class SimilarLengths(Sampler[int]):
    """Draws batches of rows of similar length, which saves padding, in random order.

    Transformers' own group_by_length sorts each mega-batch from long to short and never shuffles the batches,
    so that length falls and jumps back throughout the training.
    """

    window = 16

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = np.asarray(lengths)
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self._seed, self._epoch])
        order = rng.permutation(len(self))
        parts = np.split(order, range(0, len(order), self.window * self._batch_size)[1:])
        order = np.concatenate([part[np.argsort(self._lengths[part], kind="stable")] for part in parts])
        full = len(order) // self._batch_size * self._batch_size
        batches = rng.permutation(order[:full].reshape(-1, self._batch_size))
        yield from np.concatenate([batches.ravel(), order[full:]]).tolist()


class _Trainer(SFTTrainer):
    """TRL's SFTTrainer with batches of conversations of similar length, and logits where they are learned.

    TRL computes the logits of every token, question and padding included, and their entropy.
    """

    def _get_train_sampler(self, train_dataset: Any = None) -> SimilarLengths:
        dataset: Any = train_dataset or self.train_dataset
        lengths = [len(ids) for ids in dataset["input_ids"]]
        return SimilarLengths(lengths, self.args.per_device_train_batch_size, self.args.seed)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        if self.aux_loss_enabled:  # the router of a mixture of experts has a loss of its own
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        mask, labels = inputs["attention_mask"], inputs["labels"][:, 1:]  # (B, T), (B, T - 1)
        learned = labels != _IGNORED
        answers = labels[learned]  # (N,)
        head: Any = self.accelerator.unwrap_model(model).get_output_embeddings()
        # Before the head, because models do more to its logits than a product.
        hook = head.register_forward_pre_hook(lambda _, hidden: hidden[0][:, :-1][learned])
        try:
            outputs = model(input_ids=inputs["input_ids"], attention_mask=mask, use_cache=False)
        finally:
            hook.remove()
        logits = outputs.logits.float()  # (N, V)
        loss = cross_entropy(logits, answers, reduction="sum") / (num_items_in_batch or max(len(answers), 1))
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes  # whose gradients are averaged, not added
        right = (logits.argmax(-1) == answers).sum() / max(len(answers), 1)
        self._metrics["train"]["mean_token_accuracy"].append(float(right))
        self._total_train_tokens += int(self.accelerator.gather_for_metrics(mask.sum()).sum())
        self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        return (loss, outputs) if return_outputs else loss


def _make_trainer(
    directory: RunDirectory,
    recipe: SFTRecipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, list[int]]],
) -> SFTTrainer:
    adapter = None
    if recipe.lora_r:
        adapter = lora_config(model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target)
    else:
        model.requires_grad_(True)
    return _Trainer(
        model=model,
        args=on_one_device(
            SFTConfig(
                **trainer_settings(directory, recipe, mixed_precision=recipe.mixed_precision),
                completion_only_loss=recipe.completion_only_loss,
            )
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=adapter,
    )


def _row(tokenizer: PreTrainedTokenizerBase, messages: list[Message]) -> dict[str, list[int]]:
    """One row as TRL has it once tokenized; the last message is the completion.

    TRL's own tokenization would take the names of control tokens in a message for the tokens.
    """
    ids = encode_conversation(tokenizer, messages)
    asked = len(encode_prompt(tokenizer, messages[:-1]))
    return {"input_ids": ids, "completion_mask": [0] * asked + [1] * (len(ids) - asked)}
