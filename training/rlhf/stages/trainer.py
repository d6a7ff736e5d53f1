"""Runs one of TRL's trainers by the rules of the run directory."""

import math
import shutil
from pathlib import Path
from typing import Any

import datasets
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from training.rlhf.errors import Cancelled, TrainingDiverged
from training.rlhf.hardware.device import device_for, multiplies_bfloat16
from training.rlhf.recipes import TrainerRecipe
from training.rlhf.rundir import RunDirectory

datasets.disable_progress_bars()


def trainer_settings(
    directory: RunDirectory, recipe: TrainerRecipe, *, mixed_precision: bool = False
) -> dict[str, Any]:
    """What the configurations of TRL's trainers have in common."""
    device = device_for(recipe.device)
    return {
        # The name makes the run directory clear it away should the process be killed.
        "output_dir": str(directory.checkpoints / "trainer.tmp-work"),
        "per_device_train_batch_size": recipe.batch_size,
        "num_train_epochs": recipe.epochs,
        "max_steps": recipe.max_steps or -1,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": min(recipe.warmup_ratio, 0.999),  # below one it is a share of all steps
        "weight_decay": recipe.weight_decay,
        "adam_beta2": 0.95,  # runs are hundreds of steps long, too few for the usual 0.999
        "max_length": recipe.max_length,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "save_steps": recipe.checkpoint_every,
        "logging_steps": 5,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "bf16": mixed_precision and multiplies_bfloat16(device),
        "use_cpu": device.type == "cpu",
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "report_to": "none",
    }


def on_one_device(settings: TrainingArguments) -> Any:
    """The settings, such that a batch is not shared out among all GPUs of the machine."""
    settings._n_gpu = min(settings.n_gpu, 1)
    return settings


def train(trainer: Trainer, directory: RunDirectory, *, done: int = 0, total: int | None = None) -> float:
    """Train to the end, from the newest checkpoint when there is one; returns the last logged loss.

    For one of several trainings of a run, `done` steps came before it and `total` is the number of them all.
    Raises Cancelled when asked to stop before the end, after a checkpoint.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_RunDirectoryCallback(directory, done, total))
    latest = directory.latest_checkpoint()
    checkpoint = str(latest[1]) if latest and latest[0] > done else None
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    finally:  # on a full disk the half of a checkpoint takes what others need
        shutil.rmtree(str(trainer.args.output_dir), ignore_errors=True)
    if trainer.state.global_step < trainer.state.max_steps:
        raise Cancelled
    return next(log["loss"] for log in reversed(trainer.state.log_history) if "loss" in log)


def empty_output(directory: RunDirectory) -> Path:
    """The output folder, without what a killed attempt may have left in it."""
    shutil.rmtree(directory.output, ignore_errors=True)
    directory.output.mkdir()
    return directory.output


class _RunDirectoryCallback(TrainerCallback):
    """Reports progress, obeys a request to stop and keeps checkpoints complete or absent."""

    def __init__(self, directory: RunDirectory, done: int, total: int | None) -> None:
        self._directory, self._done, self._total = directory, done, total

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        logs = kwargs["logs"]
        if "loss" not in logs:  # the summary after the last step
            return
        if not math.isfinite(logs["loss"]):
            raise TrainingDiverged(
                f"The loss is no longer a number at step {state.global_step}: try a lower learning rate."
            )
        total = state.max_steps if self._total is None else self._total
        self._directory.progress(self._done + state.global_step, total, **logs)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step == state.max_steps:
            control.should_log = True
        if self._directory.cancel_requested():
            control.should_save = True
            control.should_training_stop = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        written = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        with self._directory.checkpoint(self._done + state.global_step) as folder:
            for item in written.iterdir():
                item.rename(folder / item.name)
        written.rmdir()
