"""What `plan` says before a run, and what the run then takes: peak memory and seconds.

    python -m benchmarks.plan [--shape starter smollm2-135m] [--stage sft reward ppo]

Every stage takes a few steps in a process of its own, on random weights that never end an answer, as the plan
assumes. The starter trains every weight in sft, the larger model a LoRA adapter. Prints a table and writes
build/bench/plan.json.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, run
from benchmarks.task import CORPUS, SHAPES, Task, prepare
from training.rlhf.plan.estimate import make_plan
from training.rlhf.rundir import create_run, dataset_file
from training.rlhf.stages import parse_recipe
from training.starter.build import StarterRecipe
from training.starter.corpus import load_corpus
from training.starter.model import make_blank_model

OUT = ROOT / "build/bench/plan.json"
STAGES = ("sft", "reward", "ppo")
_ANSWERS = 4  # of a comparison


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=["starter", "smollm2-135m"])
    parser.add_argument("--stage", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = []
    print(f"{'':22}{'planned MB':>12}{'measured':>10}{'ratio':>7}{'planned s':>12}{'measured':>10}")
    for name in options.shape:
        with tempfile.TemporaryDirectory() as folder:
            blank = _blank_starter(Path(folder)) if name == "starter" else None
            task = prepare(SHAPES[name], Path(folder), blank)
            for stage in options.stage:
                rows.append(row := measure(task, stage, options.threads))
                memory = row["planned_bytes"] / row["measured_bytes"]
                print(
                    f"{name + ', ' + stage:22}{row['planned_bytes'] / 1e6:12.0f}"
                    f"{row['measured_bytes'] / 1e6:10.0f}{memory:7.2f}"
                    f"{row['planned_seconds']:12.1f}{row['measured_seconds']:10.1f}",
                    flush=True,
                )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _blank_starter(folder: Path) -> Path:
    """A model of the starter's size before its lessons."""
    size = StarterRecipe()
    make_blank_model(
        load_corpus(CORPUS),
        folder / "base",
        vocabulary=size.vocabulary,
        hidden=size.hidden,
        layers=size.layers,
        seed=0,
    )
    return folder / "base"


def measure(task: Task, stage: str, threads: int) -> dict[str, Any]:
    """One stage of a task, planned and run."""
    recipe = parse_recipe(json.dumps({"stage": stage, "threads": threads} | _settings(task, stage)))
    directory = create_run(task.folder / stage, recipe)
    plan = make_plan(directory, recipe)
    began = time.monotonic()
    mebibytes = run([sys.executable, "-m", "training.rlhf", stage, str(directory.path)]).peak_mib
    return {
        "shape": task.shape.name,
        "stage": stage,
        "planned_bytes": plan.memory.total,
        "planned": vars(plan.memory),
        "measured_bytes": int(mebibytes * 2**20),
        "planned_seconds": sum(plan.seconds.values()),
        "measured_seconds": time.monotonic() - began,
    }


def _settings(task: Task, stage: str) -> dict[str, Any]:
    shape, is_starter = task.shape, task.shape.name == "starter"
    shared: dict[str, Any] = {"base_model": str(task.base), "checkpoint_every": 1000, "dtype": shape.dtype}
    if stage == "ppo":
        dataset = _file(task.prompts)
        return shared | {
            "dataset": dataset,
            "reward_adapter": str(task.reward),
            "batch_size": shape.batch_size,
            "minibatches": shape.minibatches,
            "micro_batch_size": shape.micro_batch_size,
            "max_new_tokens": shape.response,
            "steps": 1,
            "epochs": 1,
            "calibration_answers": shape.batch_size,
            "samples_every": 1000,
        }
    shared |= {"max_steps": 2, "batch_size": 32 if is_starter else 8}
    if stage == "sft":
        return shared | {"dataset": _conversations(task), "lora_r": 0 if is_starter else shape.lora_r}
    return shared | {"dataset": _preferences(task), "lora_r": shape.lora_r}


def _file(path: Path) -> dict[str, str]:
    return vars(dataset_file(path))


def _conversations(task: Task) -> dict[str, str]:
    """Questions with one of their topic's statements."""
    rows = [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": texts[0]}]}
        for question, texts in _questions()
    ]
    return _write(task.folder / "conversations.jsonl", rows)


def _preferences(task: Task) -> dict[str, str]:
    """All pairs of four statements for each question, as a ranking gives them."""
    rows = [
        {
            "prompt_id": question,
            "comparison_id": question,
            "prompt": [{"role": "user", "content": question}],
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": rejected}],
        }
        for question, texts in _questions()
        for chosen, rejected in itertools.combinations(texts, 2)
    ]
    return _write(task.folder / "preferences.jsonl", rows)


def _questions() -> list[tuple[str, list[str]]]:
    chance = random.Random(0)
    return [
        (question, chance.sample([each.text for each in topic.statements], _ANSWERS))
        for topic in load_corpus(CORPUS)
        for question in topic.questions
    ]


def _write(path: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return _file(path)


if __name__ == "__main__":
    main()
