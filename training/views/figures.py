"""The numbers by which a version is judged, each with one sentence of what it means."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from annotator.models import Prompt
from annotator.text.storable import storable
from training.models import Evaluation, ModelVersion, TrainingRun, Update
from training.services.versions.candidates import REWARD_MODEL
from training.templatetags.figures import decimal, duration, percent, watt_hours
from training.watch_sentences import watch_sentence

logger = logging.getLogger(__name__)
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


def warnings_of(version: ModelVersion) -> list[str] | None:
    """A sentence for each watch that was crossed in the newest evaluation that has any; None if none has."""
    watched = [each.metrics["watches"] for each in version.evaluations.all() if "watches" in each.metrics]
    return [watch_sentence(watch) for watch in watched[0]] if watched else None


def samples_of(update: Update) -> list[Sample]:
    """Answers before and after to some held-out prompts, as the evaluation sampled them."""
    run = update.run_of(TrainingRun.Stage.EVALUATE)
    if run is None:
        return []
    keys = {str(pk): pk for pk in update.project.prompts.held_out().values_list("pk", flat=True)}
    rows = _first_of_each_prompt(run.folder / "output" / "comparisons.jsonl")
    shown = list(islice((row for row in rows if row[0] in keys), SAMPLES))
    prompts = update.project.prompts.in_bulk([keys[key] for key, _before, _after in shown])
    return [Sample(prompts[keys[key]], before, after) for key, before, after in shown]


def _first_of_each_prompt(path: Path) -> Iterator[tuple[str, str, str]]:
    """Prompt id, answer before, answer after; ends early where the file is not as the engine writes it."""
    seen = set()
    try:
        with open(path, encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["prompt_id"] not in seen:
                    seen.add(row["prompt_id"])
                    yield row["prompt_id"], storable(row["baseline"]), storable(row["candidate"])
    except OSError:  # the run directory was cleared away; the figures remain
        return
    except (ValueError, KeyError, TypeError, RecursionError):
        logger.warning("%s cannot be read", path, exc_info=True)


def _win_rate(version: ModelVersion) -> Figure:
    metrics, evaluation = version.metrics, version.evaluations.first()
    counts = ""
    if evaluation is not None:
        counts = _("%(wins)s won, %(ties)s tied, %(losses)s lost; against %(baseline)s") % {
            "wins": evaluation.wins,
            "ties": evaluation.ties,
            "losses": evaluation.losses,
            "baseline": evaluation.baseline,
        }
    return Figure(
        _("Win rate"),
        percent(metrics["win_rate"]),
        _interval(metrics, "win_rate"),
        counts,
        _win_rate_meaning(evaluation),
    )


def _win_rate_meaning(evaluation: Evaluation | None) -> str:
    judge = evaluation.judge if evaluation is not None else REWARD_MODEL
    known = evaluation.metrics.get("judge_seen_prompts") if evaluation is not None else None
    parts = [
        _(
            "How often its answer was rated better than that of the version before, on questions neither "
            "was trained on, a tie counted as half."
        )
    ]
    if judge == REWARD_MODEL:
        parts.append(
            _(
                "The judge is the reward model that it was trained to please, not a person, so a high figure "
                "is expected."
            )
        )
    else:
        parts.append(
            _(
                "The judge is the model %(judge)s, which was asked in both orders of the two answers; it is "
                "no person."
            )
            % {"judge": judge}
        )
    if judge == REWARD_MODEL and known:
        parts.append(
            _("It had learned from %(known)d of the questions itself, so its opinion there is worth less.")
            % {"known": known}
        )
    parts.append(_("If the range in brackets reaches down to 50 %, the gain may be chance."))
    return " ".join(parts)


def _kl(metrics: dict[str, Any]) -> Figure:
    return Figure(
        _("Distance (KL)"),
        decimal(metrics["kl"]),
        "",
        _("nats an answer"),
        _(
            "How far it has moved from the version before. At 1 nat it gives its answers about 2.7 times as "
            "readily as that version would. Near 0 hardly anything changed; a large distance together with "
            "strange answers means that it learned to please the reward model instead of people."
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
            "How often the reward model agrees with volunteers on new questions. 50 % is guessing; "
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
