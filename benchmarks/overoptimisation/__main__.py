"""How far a policy may follow a reward model before it leaves the truth (Gao, Schulman and Hilton 2022).

    python -m benchmarks.overoptimisation

Simulated volunteers rank the starter's answers by gold labels. From so many rankings each, a reward model is
trained, the proxy, and PPO follows it at a low KL price. Along the way held-out prompts are answered, and the
gold labels and the proxy judge the answers. Proxy and gold are in deviations of the starter's own answers, so
that 0 is where both begin. The rankings of a smaller number are the first of a larger one.

Left out: the paper's fits of d(alpha - beta d), which need larger policies than one, and best-of-n.

Writes build/bench/overoptimisation.json, and docs/overoptimisation.md with its picture. What was trained is
kept below build/bench/overoptimisation/, so a run that was stopped goes on.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from benchmarks.overoptimisation.report import OUT, Point, write_report
from training.rlhf import rundir
from training.rlhf.data import chat
from training.rlhf.data.files import Prompt, read_prompts
from training.rlhf.model.adapters import CONFIG, WEIGHTS, SharedBase
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.logprobs import answer_logprobs, lay_out
from training.rlhf.model.reward_head import combine, load_reward, score_sequences
from training.rlhf.model.sampling import Sampling, sample
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import RunDirectory, create_run, dataset_file, write_text
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.stages.ppo import stage as ppo
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.simulation import SimulatedVolunteer
from training.starter.build import make_starter
from training.starter.corpus import Topic, load_corpus
from training.starter.gold import GoldLabels

WORK = OUT / "overoptimisation"
_HELD_OUT_SHARE = 0.2
_ANSWERS_RANKED = 4
_FAR = 1e6  # a KL that no run reaches


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    started = time.monotonic()
    topics = load_corpus(options.corpus)
    learned, held_out = _split(topics, options)
    starter = options.starter or make_starter(
        topics, WORK / "starter", exclude_questions=held_out, seed=options.seed, threads=options.threads
    )
    starter = starter.resolve()
    gold = GoldLabels(topics)
    rows = _completions(options, starter, learned)
    curves = {}
    for rankings in sorted(options.rankings):
        reward = _train_reward(options, starter, _rank(rows, gold, rankings, options.seed), rankings)
        policies = _drift(options, starter, learned, reward)
        curves[rankings] = _measure(options, starter, held_out, reward, policies, gold)
        _print(rankings, curves[rankings])
    write_report(options, curves, time.monotonic() - started)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--rankings", type=int, nargs="+", default=[100, 500, 2000], help="one reward model for each number")
    add("--steps", type=int, default=60, help="PPO iterations")
    add("--points", type=int, default=15, help="policies measured along a run")
    add("--prompts", type=int, default=10_000, help="at most so many questions are learned from")
    add("--held-out", type=int, default=10_000, help="at most so many questions are measured on")
    add("--batch-size", type=int, default=128, help="prompts per rollout")
    add("--kl-coef", type=float, default=0.005, help="price of KL, low so that the policy drifts")
    add("--learning-rate", type=float, default=1e-3, help="of PPO")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=2)
    add("--corpus", type=Path, default=Path("training/starter/climate.jsonl"))
    add("--starter", type=Path, help="folder of a starter model; by default one is made")
    add("--docs", type=Path, default=Path("docs"), help="where table and picture go")
    return parser.parse_args()


def _split(topics: list[Topic], options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Questions to learn from and held-out ones, by a hash of the question."""
    questions = [question for topic in topics for question in topic.questions]
    places = {q: int(hashlib.sha256(q.encode()).hexdigest(), 16) / 2**256 for q in questions}
    ordered = sorted(questions, key=places.__getitem__)
    cut = sum(place < _HELD_OUT_SHARE for place in places.values())
    return ordered[cut:][: options.prompts], ordered[:cut][: options.held_out]


def _prompts(name: str, questions: list[str]) -> Any:
    """A file of prompts whose ids are the questions."""
    rows = [{"prompt_id": q, "prompt": [{"role": "user", "content": q}]} for q in questions]
    return _file(name, rows)


def _file(name: str, rows: list[dict[str, Any]]) -> Any:
    WORK.mkdir(parents=True, exist_ok=True)
    path = (WORK / name).resolve()
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return dataset_file(path)


def _directory(recipe: Recipe) -> RunDirectory:
    """The run directory of this very recipe, with what an earlier try left in it."""
    key = hashlib.sha256(recipe.to_json().encode()).hexdigest()[:12]
    return create_run((WORK / f"{recipe.stage}-{key}").resolve(), recipe)


def _run(recipe: Recipe) -> RunDirectory:
    directory = _directory(recipe)
    command = [sys.executable, "-m", "training.rlhf", recipe.stage, str(directory.path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return directory


def _completions(options: argparse.Namespace, starter: Path, questions: list[str]) -> dict[str, list[str]]:
    """The starter's answers to each question."""
    recipe = GenerateRecipe(
        base_model=str(starter),
        dataset=_prompts("learned.jsonl", questions),
        seed=options.seed,
        threads=options.threads,
        completions_per_prompt=_ANSWERS_RANKED,
    )
    answers: dict[str, list[str]] = {}
    for line in (_run(recipe).output / "completions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers.setdefault(row["prompt_id"], []).append(row["text"])
    return answers


def _rank(answers: dict[str, list[str]], gold: GoldLabels, rankings: int, seed: int) -> list[dict[str, Any]]:
    """The pairs of so many rankings by simulated volunteers; a question comes again once all had a turn."""
    rng, volunteer = np.random.default_rng(seed), SimulatedVolunteer()
    questions: list[str] = []
    pairs = []
    for _ in range(rankings):
        questions = questions or [str(q) for q in rng.permutation(list(answers))]
        question = questions.pop()
        texts = answers[question]
        ranks = volunteer.rank(np.array([gold.label(question, text).utility for text in texts]), rng)
        pairs += [
            {
                "prompt_id": question,
                "prompt": [{"role": "user", "content": question}],
                "chosen": [{"role": "assistant", "content": texts[i]}],
                "rejected": [{"role": "assistant", "content": texts[j]}],
            }
            for i in range(len(texts))
            for j in range(len(texts))
            if ranks[i] < ranks[j] and texts[i] != texts[j]
        ]
    return pairs


def _train_reward(
    options: argparse.Namespace, starter: Path, pairs: list[dict[str, Any]], rankings: int
) -> Path:
    recipe = RewardRecipe(
        base_model=str(starter),
        dataset=_file(f"pairs-{rankings}.jsonl", pairs),
        seed=options.seed,
        threads=options.threads,
    )
    return _run(recipe).output


def _drift(
    options: argparse.Namespace, starter: Path, questions: list[str], reward: Path
) -> list[tuple[int, Path]]:
    """Follow the reward model far, keeping every checkpoint; steps and adapter folders of the policies."""
    recipe = PPORecipe(
        base_model=str(starter),
        dataset=_prompts("learned.jsonl", questions),
        reward_adapter=str(reward),
        seed=options.seed,
        threads=options.threads,
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        kl_coef=options.kl_coef,
        kl_stop=_FAR,
        score_clip=0.0,  # a limit to the score would be a limit to the drift
        checkpoint_every=max(1, options.steps // options.points),
    )
    directory = _directory(recipe)
    rundir.KEEP_CHECKPOINTS = options.steps
    if not directory.finished():
        directory.open()
        started = time.monotonic()
        with directory.shown_in_terminal():
            metrics = ppo.run(directory, directory.recipe())  # type: ignore[arg-type]
        directory.finish(metrics, {}, time.monotonic() - started)
    return [_adapter(directory, folder) for folder in sorted(directory.checkpoints.glob("step-*"))]


def _adapter(directory: RunDirectory, checkpoint: Path) -> tuple[int, Path]:
    """A checkpoint's policy as an adapter folder."""
    folder = directory.path / "policies" / checkpoint.name
    folder.mkdir(parents=True, exist_ok=True)
    state = load_file(checkpoint / "state.safetensors")
    weights = {
        key.removeprefix("policy/"): value for key, value in state.items() if key.startswith("policy/")
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    write_text(folder / CONFIG, (directory.output / CONFIG).read_text())
    return int(checkpoint.name.removeprefix("step-")), folder


def _measure(
    options: argparse.Namespace,
    starter: Path,
    questions: list[str],
    reward: Path,
    policies: list[tuple[int, Path]],
    gold: GoldLabels,
) -> list[Point]:
    """The starter and each policy on the held-out questions, all with the same random numbers."""
    recipe = GenerateRecipe(base_model=str(starter), dataset=_prompts("held-out.jsonl", questions))
    prompts = read_prompts(RunDirectory(WORK), recipe.dataset)
    base, tokenizer = SharedBase(load_base(str(starter), "float32")), load_tokenizer(str(starter))
    reward_model = load_reward(base, reward)
    encoded = [chat.encode_prompt(tokenizer, each.messages) for each in prompts]
    how, ending = Sampling.of(recipe, tokenizer, str(starter)), chat.ending(tokenizer)
    points = []
    for step, folder in [(0, None), *policies]:
        name = None if folder is None else f"step{step}"
        if folder is not None:
            base.load(f"step{step}", folder)
        with base.sampling_from(name, recipe.batch_size) as model:
            answers = sample(model, encoded, how, seed=options.seed)
        block = lay_out(encoded, [answer.tokens for answer in answers], how.pad_id)
        with torch.no_grad(), base.use(None) as model:
            reference = answer_logprobs(model, block, how.temperature)
        kl = (sum(sum(answer.logprobs) for answer in answers) - float(reference.sum())) / len(answers)
        whole = [p + a.completed(ending) for p, a in zip(encoded, answers, strict=True)]
        scores = combine(score_sequences(base, reward_model, whole, how.pad_id)).numpy()
        texts = [chat.decode(tokenizer, answer.tokens) for answer in answers]
        points.append(_point(step, kl, scores, prompts, texts, gold))
    return points


def _point(
    step: int, kl: float, scores: Any, prompts: list[Prompt], texts: list[str], gold: GoldLabels
) -> Point:
    verdicts = [gold.label(each.prompt_id, text) for each, text in zip(prompts, texts, strict=True)]
    utilities = np.array([verdict.utility for verdict in verdicts])
    return Point(
        step=step,
        kl=max(kl, 0.0),
        proxy=float(scores.mean()),
        gold=float(utilities.mean()),
        accurate=float(np.mean([verdict.is_accurate for verdict in verdicts])),
        proxy_deviation=float(scores.std()),
        gold_deviation=float(utilities.std()),
    )


def _print(rankings: int, points: list[Point]) -> None:
    best = max(points, key=lambda point: point.gold)
    print(
        f"{rankings} rankings: gold {points[0].gold:.3f} → {best.gold:.3f} at KL {best.kl:.1f} "
        f"(step {best.step}), {points[-1].gold:.3f} at the end, KL {points[-1].kl:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
