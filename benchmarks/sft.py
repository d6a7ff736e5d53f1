"""The sft stage against TRL's own script, `trl sft`: time, tokens a second, and what was learned.

    make bench-sft
    python -m benchmarks.sft [--conversations 2048] [--epochs 2] [--pairs 3] [--lora-r 0]

Both train the starter model on the same demonstration answers, the corpus's accurate statements under its
questions, with the settings of the sft recipe: LoRA, batch, epochs, rates, float32 on the processor. They run
in turn, A B A B …, each as the command that its users type. TRL's script loads the base as transformers does
and keeps its own sampler and loss.

`seconds` are of the whole process; tokens a second are of the training loop, from the first logged step to
the last. The loss is the mean over the answer tokens of questions held out, of both by the same plain
transformers code. A ratio is ours over TRL's. Prints a table and writes build/bench/sft.json.
"""

import argparse
import ast
import hashlib
import json
import os
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from benchmarks.processes import ROOT, Ended, run, with_threads
from benchmarks.task import CORPUS, starter
from training.rlhf.data import chat
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.rundir import create_run, dataset_file
from training.rlhf.stages.sft.recipe import SFTRecipe
from training.starter.corpus import load_corpus

RESULTS = ROOT / "build/bench/sft.json"
SIDES = ("ours", "TRL")
_HELD_OUT = 256
_FEWEST_STEPS = 10

Row = dict[str, Any]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What both sides train: the base, the conversations, and those that the loss is measured on."""

    base: Path
    folder: Path
    held_out: list[Row]
    options: argparse.Namespace


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        task = prepare(Path(scratch), options)
        pairs = [(run_ours(task, number), run_peer(task, number)) for number in range(options.pairs)]
        before = held_out_loss(task, None)
    report(pairs, before, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--conversations", type=int, default=2048)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--batch-size", type=int, default=SFTRecipe.batch_size)
    parser.add_argument("--max-length", type=int, default=SFTRecipe.max_length, help="tokens")
    parser.add_argument("--lora-r", type=int, default=16, help="0 trains every weight")
    parser.add_argument("--learning-rate", type=float, default=SFTRecipe.learning_rate)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def prepare(folder: Path, options: argparse.Namespace) -> Task:
    """The conversations as files of both sides; one question in ten is held out."""
    rows = [
        {
            "prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": statement.text}],
        }
        for topic in load_corpus(CORPUS)
        for question in topic.questions
        for statement in topic.accurate
    ]
    random.Random(0).shuffle(rows)
    if options.conversations * options.epochs < _FEWEST_STEPS * options.batch_size:
        sys.exit(f"Fewer than {_FEWEST_STEPS} steps tell no speed.")
    learned = [row for row in rows if not _is_held_out(row)][: options.conversations]
    if len(learned) < options.conversations:
        sys.exit(f"The corpus has {len(learned)} conversations to learn from.")
    (folder / "trl").mkdir()
    _write(folder / "trl/train.jsonl", learned)
    _write(folder / "ours.jsonl", [{"messages": row["prompt"] + row["completion"]} for row in learned])
    held_out = [row for row in rows if _is_held_out(row)][:_HELD_OUT]
    return Task(starter(), folder, held_out, options)


def _is_held_out(row: Row) -> bool:
    return hashlib.sha256(row["prompt"][0]["content"].encode()).digest()[0] % 10 == 0


def _write(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


# The two sides


def run_ours(task: Task, number: int) -> Figures:
    """The engine's command on a run directory."""
    recipe = recipe_of(task, number)
    directory = create_run(task.folder / f"ours-{number}", recipe)
    ended = run([sys.executable, "-m", "training.rlhf", "sft", str(directory.path)])
    lines = [json.loads(line) for line in (directory.path / "progress.jsonl").read_text().splitlines()]
    logs = [(line["time"], line["metrics"]) for line in lines]
    return figures("ours", ended, logs, held_out_loss(task, directory.output))


def run_peer(task: Task, number: int) -> Figures:
    """TRL's script with the same settings."""
    recipe, output = recipe_of(task, number), task.folder / f"trl-{number}"
    settings = {
        "model_name_or_path": recipe.base_model,
        "dataset_name": task.folder / "trl",
        "output_dir": output,
        "per_device_train_batch_size": recipe.batch_size,
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": recipe.warmup_ratio,  # below one it is a share of all steps
        "weight_decay": recipe.weight_decay,
        "adam_beta2": 0.95,  # as the engine has it
        "max_length": recipe.max_length,
        "completion_only_loss": recipe.completion_only_loss,
        "seed": recipe.seed,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "logging_first_step": True,
        "logging_steps": 5,
        "save_steps": recipe.checkpoint_every,
        "report_to": "none",
        "disable_tqdm": True,
    }
    if recipe.lora_r:
        settings |= {
            "use_peft": True,
            "lora_r": recipe.lora_r,
            "lora_alpha": recipe.lora_alpha,
            "lora_dropout": 0.0,
            "lora_target_modules": "all-linear",
        }
    command = [sys.executable, "-m", "trl.scripts.sft"]
    for name, value in settings.items():
        command += [f"--{name}", str(value)]
    # With one cache, a second run would find the prepared data of the first.
    ended = run(command, with_threads(recipe.threads) | {"HF_HOME": str(task.folder / f"cache-{number}")})
    printed = ((when, _numbers(line)) for when, line in ended.lines if line.startswith("{"))
    logs = [(when, metrics) for when, metrics in printed if "loss" in metrics]
    return figures("TRL", ended, logs, held_out_loss(task, output))


def recipe_of(task: Task, seed: int) -> SFTRecipe:
    """The engine's recipe; the other side has the same settings."""
    options = task.options
    return SFTRecipe(
        base_model=str(task.base),
        dataset=dataset_file(task.folder / "ours.jsonl"),
        seed=seed,
        threads=options.threads,
        lora_r=options.lora_r,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        max_length=options.max_length,
        checkpoint_every=10**6,
    )


def figures(side: str, ended: Ended, logs: list[tuple[float, Figures]], loss: float) -> Figures:
    """The figures of one run; `logs` are the metrics of the logged steps with their times."""
    (began, first), (end, last) = logs[0], logs[-1]
    loop = end - began
    measured = {
        "seconds": ended.seconds,
        "loop_seconds": loop,
        "tokens_per_second": (last["num_tokens"] - first["num_tokens"]) / loop,
        "peak_mib": ended.peak_mib,
        "train_loss": last["loss"],
        "held_out_loss": loss,
    }
    print(f"{side:6}" + "".join(f"{value:18.3f}" for value in measured.values()), flush=True)
    return measured


def _numbers(line: str) -> dict[str, float]:
    """The metrics in a line that transformers printed."""
    return {name: float(value) for name, value in ast.literal_eval(line).items()}


@torch.no_grad()
def held_out_loss(task: Task, trained: Path | None) -> float:
    """Mean negative log-likelihood of the held-out answers' tokens; None is the base itself."""
    is_adapter = bool(task.options.lora_r)
    weights = task.base if trained is None or is_adapter else trained
    model: Any = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    if trained is not None and is_adapter:
        model = PeftModel.from_pretrained(model, str(trained))
    tokenizer = load_tokenizer(str(task.base))
    total, tokens = 0.0, 0
    for row in task.held_out:
        ids = chat.encode_conversation(tokenizer, row["prompt"] + row["completion"])
        asked = len(chat.encode_conversation(tokenizer, row["prompt"])) + 1  # the role token of the answer
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        losses = torch.nn.functional.cross_entropy(
            logits[asked - 1 : -1], torch.tensor(ids[asked:]), reduction="none"
        )
        total, tokens = total + float(losses.sum()), tokens + len(losses)
    return total / tokens


def report(pairs: list[tuple[Figures, Figures]], before: float, options: argparse.Namespace) -> None:
    found: Figures = {
        "settings": vars(options),
        "held_out_loss_before": before,
        "pairs": [
            {
                "time": ours["seconds"] / trl["seconds"],
                "loop": trl["tokens_per_second"] / ours["tokens_per_second"],
                "memory": ours["peak_mib"] / trl["peak_mib"],
            }
            for ours, trl in pairs
        ],
        "runs": [dict(zip(SIDES, pair, strict=True)) for pair in pairs],
    }
    print(f"held-out loss of the base: {before:.3f}")
    for name in ("time", "loop", "memory"):
        found[f"{name}_ratio"] = statistics.median(pair[name] for pair in found["pairs"])
        print(f"{name:7} median {found[f'{name}_ratio']:.3f} of TRL's, pair by pair "
              + ", ".join(f"{pair[name]:.3f}" for pair in found["pairs"]))  # fmt: skip
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[f"lora_r {options.lora_r}"] = found
    RESULTS.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
