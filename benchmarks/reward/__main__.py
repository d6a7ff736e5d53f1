"""The reward stage against TRL's own RewardTrainer on exploded pairs: speed and accuracy.

    python -m benchmarks.reward --starter FOLDER [--comparisons 600] [--seeds 0 1 2] [--llmfao FOLDER]

Both learn the same LoRA and head on the same base from the same pairs, with the settings of the reward
recipe, so many pairs a step. They run in turn, A B A B …, each in a process of its own; what is timed is the
training alone, from the first step to the last. The pairs are

- demonstration: the starter's own answers to its corpus, four different ones a comparison, each comparison
  ranked once by a simulated volunteer; tied pairs are left out, as the export does
- llmfao: the majorities of its pairs of chatbot answers, where the folder is there (two answers a comparison)

Accuracy is over pairs of prompts held out from training. Prints a table and writes build/bench/reward.json:
for each data set the median ratio of comparisons per second, the ratios and every run.
"""

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.processes import ROOT

TRAINERS = ("chorus", "trl")
K = 4


def main() -> None:
    options = _parser().parse_args()
    if options.worker:
        print(json.dumps(work(options.worker, Path(options.data), options)))
        return
    if options.starter is None:
        sys.exit("Name a starter model with --starter: `make loop` leaves one in var/starters.")
    report: dict[str, Any] = {"settings": {"threads": options.threads, "comparisons": options.comparisons}}
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in (("demonstration", demonstration), ("llmfao", llmfao)):
            rows = make(options)
            if not rows:
                print(f"{name}: skipped, no data")
                continue
            path = Path(scratch) / f"{name}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            report[name] = compare(name, path, options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"\nWritten to {options.out}.")


def compare(name: str, data: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Both trainers in turn, once for each seed; returns the ratios and the runs."""
    runs: list[dict[str, Any]] = []
    print(f"\n{name}\nseed  trainer  comparisons/s  seconds  accuracy  ratio")
    ratios = []
    for seed in options.seeds:
        for trainer in TRAINERS:
            run = in_process(trainer, data, seed, options)
            runs.append(run)
            ratio = ""
            if trainer == TRAINERS[-1]:
                ratios.append(runs[-2]["comparisons_per_second"] / run["comparisons_per_second"])
                ratio = f"{ratios[-1]:.2f}"
            print(
                f"{seed:>4} {trainer:>8} {run['comparisons_per_second']:>14.1f} {run['seconds']:>8.1f} "
                f"{run['accuracy']:>9.3f} {ratio:>6}",
                flush=True,
            )
    accuracies = {
        trainer: mean(run["accuracy"] for run in runs if run["trainer"] == trainer) for trainer in TRAINERS
    }
    print(f"median ratio {median(ratios):.2f}; mean accuracy " + ", ".join(
        f"{trainer} {accuracy:.3f}" for trainer, accuracy in accuracies.items()
    ))  # fmt: skip
    return {"ratio": median(ratios), "ratios": ratios, "accuracy": accuracies, "runs": runs}


def in_process(trainer: str, data: Path, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One training in a process of its own; what it reports."""
    command = [sys.executable, "-m", "benchmarks.reward", "--worker", trainer, "--data", str(data)]
    command += ["--starter", str(options.starter), "--seed", str(seed), "--threads", str(options.threads)]
    command += ["--max-steps", str(options.max_steps), "--max-length", str(options.max_length)]
    threads = str(options.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{trainer} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


# Data


def demonstration(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Preferences of the starter's answers, as the export writes them; one prompt in five is held out."""
    if not options.comparisons:
        return []
    import numpy as np
    import torch

    from training.rlhf.data import chat
    from training.rlhf.data.files import Prompt
    from training.rlhf.model.loading import load_base, load_tokenizer
    from training.rlhf.model.sampling import Sampling, sample
    from training.rlhf.recipes import SamplingRecipe
    from training.simulation import SimulatedVolunteer
    from training.starter.corpus import load_corpus
    from training.starter.gold import GoldLabels

    torch.set_num_threads(options.threads)
    topics = load_corpus(options.corpus)
    gold, volunteer, rng = GoldLabels(topics), SimulatedVolunteer(), np.random.default_rng(0)
    questions = [question for topic in topics for question in topic.questions]
    asked = [questions[i] for i in rng.permutation(len(questions))]
    asked = (asked * (1 + options.comparisons // len(asked)))[: options.comparisons]
    tokenizer = load_tokenizer(str(options.starter))
    spare = 2 * K  # a small model repeats itself
    prompts = [Prompt(q, [{"role": "user", "content": q}]) for q in asked for _ in range(spare)]
    encoded = [chat.encode_prompt(tokenizer, each.messages) for each in prompts]
    settings = Sampling(
        SamplingRecipe.max_new_tokens,
        SamplingRecipe.temperature,
        SamplingRecipe.top_p,
        (int(tokenizer.eos_token_id),),
        int(tokenizer.pad_token_id),
    )
    answers = sample(load_base(str(options.starter), "float32"), encoded, settings, seed=1, batch_size=128)
    texts = [chat.decode(tokenizer, answer.tokens) for answer in answers]
    rows = []
    for number, question in enumerate(asked):
        distinct = list(dict.fromkeys(texts[number * spare : (number + 1) * spare]))[:K]
        if len(distinct) < K:
            continue
        ranks = volunteer.rank(np.array([gold.label(question, text).utility for text in distinct]), rng)
        for i, j in combinations(range(K), 2):
            if ranks[i] != ranks[j]:
                better, worse = (i, j) if ranks[i] < ranks[j] else (j, i)
                rows.append(_row(question, distinct[better], distinct[worse], number))
    return rows


def llmfao(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The majorities of llmfao's crowd, of the training ones `pairs` at most; nothing without its folder."""
    if not options.pairs or not (options.llmfao / "pairs-crowd.jsonl").is_file():
        return []
    votes: dict[int, Counter[str]] = defaultdict(Counter)
    with open(options.llmfao / "crowd-comparisons.csv", encoding="utf-8", newline="") as file:
        for judgment in csv.DictReader(file):
            votes[int(judgment["id"])][judgment["winner"]] += 1
    rows = []
    for line in (options.llmfao / "pairs-crowd.jsonl").read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        margin = votes[pair["id"]]["left"] - votes[pair["id"]]["right"]
        if margin and pair["result_x"].strip() != pair["result_y"].strip():
            sides = ("result_x", "result_y") if margin > 0 else ("result_y", "result_x")
            rows.append(_row(pair["text"], pair[sides[0]], pair[sides[1]], pair["id"]))
    learned = [row for row in rows if row["split"] == "train"]
    held_out = [row for row in rows if row["split"] != "train"]
    return learned[:: -(-len(learned) // options.pairs)] + held_out


def _row(question: str, chosen: str, rejected: str, comparison: int) -> dict[str, Any]:
    held_out = hashlib.sha256(question.encode()).digest()[0] % 5 == 0
    return {
        "prompt": [{"role": "user", "content": question}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "comparison_id": comparison,
        "split": "held_out" if held_out else "train",
    }


# One training


def work(trainer: str, data: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train once on the rows of a file and score the held-out pairs."""
    import numpy as np
    import torch

    from training.rlhf.data.files import read_preferences
    from training.rlhf.model.loading import load_tokenizer
    from training.rlhf.rundir import create_run, dataset_file
    from training.rlhf.stages.reward.comparisons import encode_preferences
    from training.rlhf.stages.reward.recipe import RewardRecipe
    from training.rlhf.stages.reward.report import order_correct

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    recipe = RewardRecipe(
        base_model=str(options.starter),
        dataset=dataset_file(data),
        seed=options.seed,
        threads=options.threads,
        max_steps=options.max_steps,
        max_length=options.max_length,
        checkpoint_every=10**6,
    )
    with tempfile.TemporaryDirectory() as scratch:
        directory = create_run(scratch, recipe)
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
    return {
        "trainer": trainer,
        "seed": options.seed,
        "comparisons": comparisons,
        "pairs": len(learned),
        "held_out_pairs": len(held_out),
        "seconds": seconds,
        "comparisons_per_second": comparisons * share / seconds,
        "accuracy": float(correct.mean()),
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
    rows = [{"chosen_ids": list(e.chosen_ids), "rejected_ids": list(e.rejected_ids)} for e in learned]
    trainer: Any = RewardTrainer(
        model=model,
        args=RewardConfig(
            **trainer_settings(directory, recipe), center_rewards_coefficient=recipe.center_rewards
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
        for start in range(0, len(sequences), 64):
            ids, mask = pad([list(each) for each in sequences[start : start + 64]], tokenizer.pad_token_id)
            scores += trainer.model(input_ids=ids, attention_mask=mask).logits.squeeze(-1).tolist()
        return np.array(scores)

    return train, score


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reward", description=__doc__.splitlines()[0])
    parser.add_argument("--starter", type=Path, help="folder of a starter model, the base of both")
    parser.add_argument("--corpus", type=Path, default=ROOT / "training/starter/climate.jsonl")
    parser.add_argument("--pairs", type=int, default=400, help="training pairs of llmfao; 0 skips it")
    parser.add_argument("--llmfao", type=Path, default=ROOT.parent / "shared/data/llmfao")
    parser.add_argument(
        "--comparisons", type=int, default=600, help="comparisons of the demonstration; 0 skips it"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="one of each trainer for each"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-steps", type=int, default=0, help="steps of a training; 0: as the recipe says")
    parser.add_argument("--max-length", type=int, default=512, help="longer pairs are left out")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/reward.json")
    parser.add_argument("--worker", choices=TRAINERS, help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
