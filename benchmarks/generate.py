"""The generate stage against transformers' own `generate`: seconds and tokens a second.

    make bench-generate
    python -m benchmarks.generate [--prompts 500] [--completions 4] [--share 125] [--pairs 3]

A share of the prompts is answered by both, in turn, A B A B …, each in a process of its own with the starter
model loaded as each of them loads it: the same prompts as often, the same batches of similar length, the same
temperature and longest answer. What is timed is the sampling, from loaded model to tokens. Answers are drawn
at random, so that their lengths differ a little, and a ratio is of tokens a second, ours over transformers'.

Then the stage as a command answers all prompts, loading, drawing repeated answers anew and writing included;
nothing is extrapolated. Prints a table and writes build/bench/generate.json.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from benchmarks.processes import ROOT, run, with_threads
from benchmarks.task import CORPUS, starter
from training.rlhf.data import chat
from training.rlhf.data.files import Prompt
from training.rlhf.data.padding import pad
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.sampling import Sampling, sample
from training.rlhf.rundir import create_run, dataset_file
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.starter.corpus import load_corpus

RESULTS = ROOT / "build/bench/generate.json"
SIDES = ("ours", "transformers")

Figures = dict[str, Any]


def main() -> None:
    options = parse()
    if options.side:
        print(json.dumps(answer(options.side, options)))
        return
    options.base = starter()
    print(f"{'':14}{'answers':>9}{'tokens':>9}{'length':>8}{'seconds':>9}{'tokens/s':>10}{'ratio':>7}")
    pairs = [tuple(in_process(side, options, seed) for side in SIDES) for seed in range(options.pairs)]
    ratios = [ours["tokens_per_second"] / theirs["tokens_per_second"] for ours, theirs in pairs]
    print(f"median ratio {statistics.median(ratios):.2f}: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))
    stages = [stage(options, seed) for seed in range(options.stages)]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "settings": {name: value for name, value in vars(options).items() if name not in ("base", "side")},
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "runs": [dict(zip(SIDES, pair, strict=True)) for pair in pairs],
        "stage_seconds": statistics.median(each["seconds"] for each in stages),
        "stages": stages,
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=int, default=500, help="that the stage answers")
    parser.add_argument("--share", type=int, default=125, help="prompts that both sides answer")
    parser.add_argument("--completions", type=int, default=4, help="answers to each prompt")
    parser.add_argument("--batch-size", type=int, default=GenerateRecipe.batch_size)
    parser.add_argument("--max-new-tokens", type=int, default=GenerateRecipe.max_new_tokens)
    parser.add_argument("--temperature", type=float, default=GenerateRecipe.temperature)
    parser.add_argument("--top-p", type=float, default=GenerateRecipe.top_p)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--stages", type=int, default=3, help="runs of the whole stage")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def questions(number: int) -> list[Prompt]:
    """So many questions of the corpus, the same ones every time."""
    asked = [question for topic in load_corpus(CORPUS) for question in topic.questions]
    if number > len(asked):
        sys.exit(f"The corpus has {len(asked)} questions.")
    random.Random(0).shuffle(asked)
    return [Prompt(str(i), [{"role": "user", "content": text}]) for i, text in enumerate(asked[:number])]


# A share, by both


def in_process(side: str, options: argparse.Namespace, seed: int) -> Figures:
    command = [sys.executable, "-m", "benchmarks.generate", "--side", side, "--seed", str(seed)]
    for name in (
        "base", "share", "completions", "batch_size", "max_new_tokens", "temperature", "top_p", "threads"
    ):  # fmt: skip
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    ended = run(command, with_threads(options.threads))
    found: Figures = json.loads(ended.lines[-1][1])
    found |= {"process_seconds": ended.seconds, "peak_mib": ended.peak_mib}
    show(side, found)
    return found


def show(name: str, found: Figures) -> None:
    cells = f"{found['answers']:9.0f}{found['tokens']:9.0f}{found['tokens'] / found['answers']:8.1f}"
    print(f"{name:14}{cells}{found['seconds']:9.2f}{found['tokens_per_second']:10.0f}", flush=True)


def answer(side: str, options: argparse.Namespace) -> Figures:
    """Answer the share once; what it took."""
    torch.set_num_threads(options.threads)
    tokenizer = load_tokenizer(str(options.base))
    asked = questions(options.share)
    encoded = [chat.encode_prompt(tokenizer, each.messages) for each in asked]
    prompts = [ids for ids in encoded for _ in range(options.completions)]
    how = Sampling(
        options.max_new_tokens,
        options.temperature,
        options.top_p,
        (int(tokenizer.eos_token_id),),
        int(tokenizer.pad_token_id),
    )
    lengths = {"ours": _ours, "transformers": _transformers}[side]
    tokens, seconds = lengths(prompts, how, options)
    return {
        "answers": len(prompts),
        "tokens": tokens,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
    }


def _ours(prompts: list[list[int]], how: Sampling, options: argparse.Namespace) -> tuple[int, float]:
    """As the stage samples; tokens and seconds."""
    base = SharedBase(load_base(str(options.base), "float32"))
    began = time.perf_counter()
    with base.sampling_from(None, options.batch_size) as model:
        answers = sample(model, prompts, how, seed=options.seed, batch_size=options.batch_size)
    return sum(len(each.tokens) for each in answers), time.perf_counter() - began


def _transformers(prompts: list[list[int]], how: Sampling, options: argparse.Namespace) -> tuple[int, float]:
    """By `generate`, in the same batches; tokens and seconds."""
    model: Any = AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32).eval()
    torch.manual_seed(options.seed)
    prompts = sorted(prompts, key=len)
    tokens = 0
    began = time.perf_counter()
    for start in range(0, len(prompts), options.batch_size):
        ids, mask = pad(prompts[start : start + options.batch_size], how.pad_id, left=True)
        drawn = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=True,
            temperature=how.temperature,
            top_p=how.top_p,
            top_k=0,
            max_new_tokens=how.max_new_tokens,
            eos_token_id=list(how.stop_ids),
            pad_token_id=how.pad_id,
        )[:, ids.shape[1] :]
        tokens += int((drawn != how.pad_id).sum())
    return tokens, time.perf_counter() - began


# All of it, by the stage


def stage(options: argparse.Namespace, seed: int) -> Figures:
    """The command on all prompts, as the worker starts it."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "prompts.jsonl"
        rows = [{"prompt_id": each.prompt_id, "prompt": each.messages} for each in questions(options.prompts)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        recipe = GenerateRecipe(
            base_model=str(options.base),
            dataset=dataset_file(path),
            seed=seed,
            threads=options.threads,
            completions_per_prompt=options.completions,
            batch_size=options.batch_size,
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
            top_p=options.top_p,
        )
        directory = create_run(Path(scratch) / "run", recipe)
        ended = run([sys.executable, "-m", "training.rlhf", "generate", str(directory.path)])
        metrics = json.loads((directory.path / "result.json").read_text())["metrics"]
    tokens = metrics["completions"] * metrics["response_length"]
    found = {
        "answers": metrics["completions"],
        "tokens": tokens,
        "seconds": ended.seconds,
        "tokens_per_second": tokens / ended.seconds,
        "peak_mib": ended.peak_mib,
        "metrics": metrics,
    }
    show("whole stage", found)
    return found


if __name__ == "__main__":
    main()
