"""The numbers by which a version is judged, each with one sentence of what it means."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from annotator.models import Prompt
from training.models import ModelVersion, TrainingRun, Update
from training.templatetags.figures import duration, percent, watt_hours

SAMPLES = 6


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    range: str
    detail: str
    meaning: str


@dataclass(frozen=True)
class Sample:
    """What the version before and the new one answered to the same held-out prompt."""

    prompt: Prompt
    before: str
    after: str


def figures_of(version: ModelVersion) -> list[Figure]:
    """The figures of a version; none for the base, which nobody trained."""
    metrics = version.metrics
    if not metrics:
        return []
    return [_win_rate(version), _kl(metrics), _accuracy(metrics), _energy(metrics), _time(metrics)]


def samples_of(update: Update) -> list[Sample]:
    """Answers before and after to some held-out prompts, as the evaluation sampled them."""
    run = update.run_of(TrainingRun.Stage.EVALUATE)
    rows = _first_of_each_prompt(run) if run is not None else iter(())
    chosen = {row["prompt_id"]: row for row in islice(rows, SAMPLES)}
    prompts = Prompt.objects.filter(project=update.project, pk__in=[key for key in chosen if key.isdigit()])
    return [
        Sample(prompt, chosen[str(prompt.pk)]["baseline"], chosen[str(prompt.pk)]["candidate"])
        for prompt in prompts
    ]


def _first_of_each_prompt(run: TrainingRun) -> Iterator[dict[str, Any]]:
    seen = set()
    try:
        with open(run.folder / "output" / "comparisons.jsonl", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["prompt_id"] not in seen:
                    seen.add(row["prompt_id"])
                    yield row
    except OSError:  # the run directory was cleared away; the figures remain
        return


def _win_rate(version: ModelVersion) -> Figure:
    metrics, evaluation = version.metrics, version.evaluations.first()
    counts = ""
    if evaluation is not None:
        counts = _("%(wins)s won, %(ties)s tied, %(losses)s lost against %(baseline)s") % {
            "wins": evaluation.wins,
            "ties": evaluation.ties,
            "losses": evaluation.losses,
            "baseline": str(evaluation.baseline).lower(),
        }
    return Figure(
        _("Win rate"),
        percent(metrics["win_rate"]),
        _interval(metrics, "win_rate"),
        counts,
        _(
            "How often its answer was rated better than that of the version before, on questions neither "
            "was trained on, ties left out. The judge is the reward model, not a person. If the range in "
            "brackets reaches down to 50 %, the gain may be chance."
        ),
    )


def _kl(metrics: dict[str, Any]) -> Figure:
    return Figure(
        _("Distance (KL)"),
        f"{metrics['kl']:.1f}",
        "",
        _("nats an answer"),
        _(
            "How far it has moved from the version before. Near 0 hardly anything changed; a large distance "
            "together with strange answers means that it learned to please the judge instead of people."
        ),
    )


def _accuracy(metrics: dict[str, Any]) -> Figure:
    measured = metrics["reward_accuracy"] is not None
    return Figure(
        _("Reward model accuracy"),
        percent(metrics["reward_accuracy"]) if measured else _("not measured"),
        _interval(metrics, "reward_accuracy"),
        "" if measured else _("There were no judgments on held-out prompts."),
        _(
            "How often the judge agrees with volunteers on questions it has not seen. 50 % is guessing; "
            "volunteers who disagree among themselves keep it below 100 %."
        ),
    )


def _energy(metrics: dict[str, Any]) -> Figure:
    known = metrics["energy_kwh"] is not None
    value = f"≈ {watt_hours(metrics['energy_kwh'])}" if known else _("unknown")
    return Figure(
        _("Electricity"),
        value,
        "",
        _("estimated from the machine's load"),
        _("What all stages used. Boiling a litre of water takes about 100 Wh."),
    )


def _time(metrics: dict[str, Any]) -> Figure:
    return Figure(
        _("Computing time"),
        duration(sum(metrics["seconds"].values())),
        "",
        "",
        _("How long all stages took on this machine, waiting left out."),
    )


def _interval(metrics: dict[str, Any], name: str) -> str:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return "" if low is None or high is None else f"({percent(low)} – {percent(high)})"
