"""How far PPO moves a real base model in a few iterations, by learning rate: the table behind `plan`'s rates.

    python -m benchmarks.learning_rates BASE [--rates 1e-4 2e-4 4e-4] [--steps 6] [--threads 2]

BASE is the folder of a chat model. It answers questions of the demonstration corpus four times each; of two
answers the better one ends within its limit, and of two that do, the one that is easier to read (Flesch).
A reward model learns from these pairs, and PPO follows it once for each rate, in batches of 32. Everything
is kept under build/bench/learning_rates, so that what was stopped goes on. Prints a table, first and last
rollout of each run, and writes build/bench/learning_rates.json.
"""

import argparse
import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, run
from benchmarks.task import CORPUS
from training.launching.progress import read_curve
from training.rlhf.hardware.device import multiplies_bfloat16
from training.rlhf.rundir import RunDirectory, create_run, dataset_file, write_json, write_text
from training.rlhf.stages import parse_recipe
from training.starter.corpus import load_corpus

SYSTEM = "You are a climate tutor for children. Answer in one to three short, plain sentences."
WORK, RESULTS = ROOT / "build/bench/learning_rates", ROOT / "build/bench/learning_rates.json"
SHOWN = (("normalised_score", "score"), ("eos_rate", "ended"), ("response_length", "tokens"), ("kl", "KL"))
_ANSWERS = 4  # to each question


def main() -> None:
    options = parse()
    shared = {
        "base_model": str(options.base.resolve()),
        "threads": options.threads,
        "dtype": "bfloat16" if multiplies_bfloat16() else "float32",
    }
    prompts, size = make_prompts(options.questions), f"{options.questions}x{options.tokens}"
    answers = engine(
        f"answers-{size}",
        {
            "stage": "generate",
            "dataset": prompts,
            "completions_per_prompt": _ANSWERS,
            "max_new_tokens": options.tokens,
            "batch_size": 32,
        }
        | shared,
    )
    reward = engine(
        f"reward-{size}",
        {"stage": "reward", "dataset": make_preferences(answers), "learning_rate": 2e-4} | shared,
    )
    rows = []
    print(f"{'rate':>8}{'':>7}" + "".join(f"{name:>9}" for _, name in SHOWN) + f"{'s/iter':>9}")
    for rate in options.rates:
        settings = {
            "stage": "ppo",
            "dataset": prompts,
            "reward_adapter": str(reward.output),
            "steps": options.steps,
            "batch_size": 32,
            "max_new_tokens": options.tokens,
            "learning_rate": rate,
            "calibration_answers": 64,
            "kl_stop": 50.0,  # beyond what a run reaches here: it shows how far each rate goes
            "checkpoint_every": 2,
        }
        done = engine(f"ppo-{size}-{options.steps}-{rate:g}", settings | shared)
        rows.append(row := {"rate": rate, **figures_of(done)})
        show(row)
    write_json(RESULTS, {"settings": vars(options) | {"base": str(options.base)}, "rows": rows})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("base", type=Path, metavar="BASE", help="folder of a chat model")
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-4, 2e-4, 4e-4])
    parser.add_argument("--steps", type=int, default=6, help="iterations of each run")
    parser.add_argument("--tokens", type=int, default=80, help="longest answer")
    parser.add_argument("--questions", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def engine(name: str, settings: dict[str, Any]) -> RunDirectory:
    """A stage run to its end in a folder of its own; one that has ended is kept."""
    directory = create_run(WORK / name, parse_recipe(json.dumps(settings)))
    run([sys.executable, "-m", "training.rlhf", settings["stage"], str(directory.path)])
    return directory


def make_prompts(count: int) -> dict[str, str]:
    """Questions of all topics, as many of each."""
    topics = [topic for topic in load_corpus(CORPUS) if topic.language == "en"]
    in_turn = itertools.chain.from_iterable(zip(*(topic.questions for topic in topics), strict=False))
    rows = [
        {
            "prompt_id": str(number),
            "prompt": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}],
        }
        for number, question in enumerate(itertools.islice(in_turn, count))
    ]
    return write_rows("prompts.jsonl", rows)


def make_preferences(answers: RunDirectory) -> dict[str, str]:
    """All pairs of different worth among the answers to each question."""
    prompts = {row["prompt_id"]: row["prompt"] for row in read_rows(WORK / "prompts.jsonl")}
    pairs = []
    given = read_rows(answers.output / "completions.jsonl")
    for prompt_id, group in itertools.groupby(given, key=lambda row: row["prompt_id"]):
        for pair in itertools.combinations(group, 2):
            better, worse = sorted(pair, key=worth, reverse=True)
            if worth(better) > worth(worse):
                pairs.append(
                    {
                        "prompt_id": prompt_id,
                        "comparison_id": prompt_id,
                        "prompt": prompts[prompt_id],
                        "chosen": [{"role": "assistant", "content": better["text"]}],
                        "rejected": [{"role": "assistant", "content": worse["text"]}],
                    }
                )
    return write_rows("preferences.jsonl", pairs)


def worth(answer: dict[str, Any]) -> tuple[bool, float]:
    return answer["finished"], reading_ease(answer["text"])


def reading_ease(text: str) -> float:
    """Flesch's reading ease of English, with a syllable for each group of vowels."""
    words = re.findall(r"[A-Za-z']+", text) or ["x"]
    sentences = max(1, len(re.findall(r"[.!?]+", text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.lower()))) for word in words)
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)


def figures_of(done: RunDirectory) -> dict[str, Any]:
    """First and last rollout: that of the untrained policy, and the one after the last update."""
    lines = read_curve(done.path)
    last = json.loads((done.path / "result.json").read_text(encoding="utf-8"))["metrics"]
    seconds = [line["metrics"]["seconds"] for line in lines]
    return {
        "first": {key: lines[0]["metrics"][key] for key, _ in SHOWN},
        "last": {key: last[key] for key, _ in SHOWN},
        "seconds": sum(seconds) / len(seconds),
    }


def show(row: dict[str, Any]) -> None:
    for when in ("first", "last"):
        cells = "".join(f"{row[when][key]:9.2f}" for key, _ in SHOWN)
        end = f"{row['seconds']:9.0f}" if when == "last" else ""
        print(f"{row['rate']:8.0e}{when:>7}{cells}{end}", flush=True)


def write_rows(name: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    WORK.mkdir(parents=True, exist_ok=True)
    write_text(WORK / name, "".join(json.dumps(row) + "\n" for row in rows))
    return vars(dataset_file(WORK / name))


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
