"""One whole round of the loop with simulated volunteers, and the figures that tell how it went."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from annotator.models import Project, User
from training.models import TrainingRun, Update
from training.rlhf.intervals import share_interval
from training.services.runs.scoring import answers_per_comparison
from training.services.sampling.control import cancel_sampling, sample_live_version
from training.services.sampling.worker import execute_sampling
from training.services.updates.control import start_update
from training.services.updates.worker import execute_update
from training.simulation import Labels, SimulatedVolunteer
from training.terminal_progress import progress_bars

from .volunteers import simulate_volunteers

Stage = TrainingRun.Stage
BLIND_COMPARISONS = 400
MOST_COMPARISONS = 2
VOLUNTEERS = 20


class RoundFailedError(RuntimeError):
    """A stage of the round failed; the message is the run's reason."""


@dataclass(kw_only=True)
class Figures:
    """What one round gave; `before` is the version that was live, `after` the candidate.

    Win rates and shares of accurate answers are over blind comparisons on held-out prompts, judged by the
    labels' grades. `reward_accuracy` is against the votes on held-out prompts, `reward_accuracy_gold` against
    the labels' order of the same pairs; None when there were no votes on held-out prompts.
    """

    judgments: int
    pairs: int
    reward_accuracy: float | None
    reward_accuracy_interval: tuple[float, float] | None
    reward_accuracy_gold: float | None
    kl: float
    score_gain: float
    wins: int
    ties: int
    losses: int
    win_rate_decided: float
    win_rate_interval: tuple[float, float]
    win_rate_ties_half: float
    accurate_before: float
    accurate_after: float
    seconds: dict[str, float]
    energy_kwh: float | None
    stage_energy_kwh: dict[str, float | None]
    samples: list[dict[str, str]] = field(default_factory=list)
    watches: list[dict[str, Any]] = field(default_factory=list)


def simulate_round(
    *,
    project: Project,
    gold: Labels,
    behaviour: SimulatedVolunteer,
    rankings: int | None,
    coordinator: User,
    seed: int,
) -> tuple[Update, Figures]:
    """Rank the live version's answers, update it, and judge candidate against live by the gold labels.

    Sampling is done first if no round is open. Without `rankings` all that is open is ranked. Raises
    RoundFailedError when a stage fails.
    """
    seconds: dict[str, float] = {}
    with progress_bars(Path(settings.DATA_DIR) / "runs"):
        if not project.rounds.open().exists() or project.rounds.preparing().exists():
            seconds["sample"] = _timed(_open_round, project, coordinator, rankings, seed)
        began = time.monotonic()
        judgments = simulate_volunteers(
            project=project,
            gold=gold,
            rankings=rankings,
            behaviour=behaviour,
            volunteers=max(VOLUNTEERS, project.judgments_per_comparison),
            seed=seed,
        )
        seconds["rank"] = time.monotonic() - began
        update = start_update(project=project, actor=coordinator, settings=_recipes(project, rankings, seed))
        execute_update(update.pk)
    update.refresh_from_db()
    if update.state != Update.State.SUCCEEDED:
        raise RoundFailedError(update.error)
    figures = measure(update, gold, judgments=judgments, seconds=seconds)
    figures.watches = watch_gold(update, figures)
    return update, figures


def measure(update: Update, gold: Labels, *, judgments: int, seconds: dict[str, float]) -> Figures:
    """The figures of an update that succeeded."""
    runs = {run.stage: run for run in update.runs.filter(state=TrainingRun.State.SUCCEEDED)}
    questions = {str(prompt.pk): prompt.question for prompt in update.project.prompts.all()}
    reward, candidate, dataset = runs[Stage.REWARD], update.candidate, update.dataset
    assert candidate is not None and dataset is not None
    metrics = reward.result["metrics"]
    is_measured = "accuracy" in metrics
    return Figures(
        judgments=judgments,
        pairs=dataset.pairs,
        reward_accuracy=metrics["accuracy"] if is_measured else None,
        reward_accuracy_interval=(metrics["accuracy_low"], metrics["accuracy_high"]) if is_measured else None,
        reward_accuracy_gold=_gold_accuracy(reward, gold, questions) if is_measured else None,
        kl=candidate.metrics["kl"],
        score_gain=runs[Stage.EVALUATE].result["metrics"]["score_gain"],
        seconds={**seconds, **{stage: run.result["seconds"] for stage, run in runs.items()}},
        energy_kwh=candidate.metrics["energy_kwh"],
        stage_energy_kwh={stage: run.result["energy"]["kwh"] for stage, run in runs.items()},
        **_blind_comparisons(runs[Stage.EVALUATE], gold, questions),
    )


def watch_gold(update: Update, figures: Figures) -> list[dict[str, Any]]:
    """The watches that an update's evaluation crossed, gold against proxy among them.

    That one is crossed when the candidate moved further than the recipe's watch_gain and its scores rose, but
    gold sees no gain beyond chance. It is stored with the others, so that it is shown beside the release.
    """
    run = update.run_of(Stage.EVALUATE)
    assert run is not None and update.candidate is not None
    evaluation = update.candidate.evaluations.get()
    metrics, threshold = evaluation.metrics, run.recipe["watch_gain"]
    has_gained = figures.win_rate_interval[0] > 0.5
    if metrics["kl"] > threshold and metrics["score_gain"] > 0 and not has_gained:
        accuracies = {"accurate_before": figures.accurate_before, "accurate_after": figures.accurate_after}
        row = {"watch": "gold", "value": metrics["kl"], "threshold": threshold, **accuracies}
        metrics["watches"] = [*metrics["watches"], row]
        evaluation.save(update_fields=["metrics"])
    watches: list[dict[str, Any]] = metrics["watches"]
    return watches


def _blind_comparisons(run: TrainingRun, gold: Labels, questions: dict[str, str]) -> dict[str, Any]:
    """Judge the evaluate stage's own pairs by the labels."""
    rows = list(_lines(run.folder / "output" / "comparisons.jsonl"))
    labels = [
        [gold.label(questions[row["prompt_id"]], row[side]) for side in ("baseline", "candidate")]
        for row in rows
    ]
    gains = np.array([after.grade - before.grade for before, after in labels])
    decided, won = np.abs(gains) >= gold.margin, gains > 0
    wins = int((won & decided).sum())
    losses, ties = int(decided.sum()) - wins, int((~decided).sum())
    prompts = np.array([row["prompt_id"] for row in rows])
    return {
        "wins": wins,
        "ties": ties,
        "losses": losses,
        "win_rate_decided": wins / (wins + losses) if wins + losses else 0.5,
        "win_rate_interval": share_interval(won[decided], prompts[decided], seed=0),
        "win_rate_ties_half": (wins + ties / 2) / len(rows),
        "accurate_before": float(np.mean([before.is_accurate for before, _ in labels])),
        "accurate_after": float(np.mean([after.is_accurate for _, after in labels])),
        "samples": _samples(rows, questions),
    }


def _samples(rows: list[dict[str, Any]], questions: dict[str, str], count: int = 5) -> list[dict[str, str]]:
    """A few prompts with the answers of both versions, spread over the file and not chosen by outcome."""
    return [
        {
            "prompt": questions[row["prompt_id"]],
            "before": row["baseline"],
            "after": row["candidate"],
        }
        for row in rows[:: max(1, len(rows) // count)][:count]
    ]


def _gold_accuracy(reward: TrainingRun, gold: Labels, questions: dict[str, str]) -> float:
    """How often the reward model orders held-out pairs as gold does, where gold sees a difference."""
    agreements = []
    for line in _lines(reward.folder / "output" / "held_out.jsonl"):
        question = questions[line["prompt_id"]]
        chosen, rejected = (gold.label(question, line[side]).utility for side in ("chosen", "rejected"))
        if chosen != rejected:
            margin = line["chosen_reward"] - line["rejected_reward"]
            agreements.append(0.5 if margin == 0 else float((margin > 0) == (chosen > rejected)))
    return float(np.mean(agreements)) if agreements else 0.5


def _open_round(project: Project, coordinator: User, rankings: int | None, seed: int) -> None:
    for waiting in project.runs.active().filter(update=None):
        cancel_sampling(
            run=waiting, actor=coordinator
        )  # of a release; it would sample for the project's own settings
    comparisons, project.judgments_per_comparison = _comparisons_needed(project, rankings)
    project.save(update_fields=["judgments_per_comparison"])
    run = sample_live_version(
        project=project,
        actor=coordinator,
        comparisons_per_prompt=comparisons,
        settings={"seed": seed},
    )
    execute_sampling(run.pk)
    run.refresh_from_db()
    if run.state != TrainingRun.State.SUCCEEDED:
        raise RoundFailedError(run.error)


def _recipes(project: Project, rankings: int | None, seed: int) -> dict[str, dict[str, Any]]:
    held_out = project.prompts.in_use().held_out().count()
    per_prompt = answers_per_comparison(project) * _comparisons_needed(project, rankings)[0]
    return {
        Stage.REWARD: {"seed": seed},
        Stage.PPO: {"seed": seed},
        Stage.GENERATE: {"seed": seed, "completions_per_prompt": per_prompt},
        Stage.EVALUATE: {"seed": seed, "samples_per_prompt": -(-BLIND_COMPARISONS // max(1, held_out))},
    }


def _comparisons_needed(project: Project, rankings: int | None) -> tuple[int, int]:
    """Comparisons per prompt and judgments per comparison, with a quarter to spare.

    A small model soon repeats itself, so that a prompt is worth two comparisons at most; what is still
    missing then comes from more people who judge the same one.
    """
    if rankings is None:
        return 1, project.judgments_per_comparison
    needed = max(1, -(-5 * rankings // (4 * project.prompts.in_use().count())))
    comparisons = min(needed, MOST_COMPARISONS)
    return comparisons, -(-needed // comparisons)


def _timed(act: Any, *arguments: Any) -> float:
    began = time.monotonic()
    act(*arguments)
    return time.monotonic() - began


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
