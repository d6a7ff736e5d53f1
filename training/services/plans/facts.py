"""What the engine is told of an update, to choose its settings: see training/rlhf/plan/update_facts.py."""

from collections import Counter
from typing import Any

from django.db.models import Count

from annotator.models import Completion, Project
from ranking.models import Comparison
from training.models import ModelVersion, TrainingRun, Update
from training.services.runs.anchors import number_of_anchors
from training.services.runs.recipes import SETTABLE, Settings, base_model, judge_of
from training.services.runs.scoring import answers_per_comparison

DESK, CHAT = Comparison.Source.DESK, Comparison.Source.CHAT
_LOOKED_AT = 300  # prompts, and answers
_LEAST_PACE, _MOST_PACE = 0.2, 5.0


def facts_of(version: ModelVersion, settings: Settings, minutes: int) -> dict[str, Any]:
    """The facts of an update of this version with these settings, as JSON has them."""
    project = version.project
    prompts, judged = project.prompts.in_use(), _judged(project)
    answers = project.completions_per_comparison
    train, held_out = prompts.train().count(), prompts.held_out().count()
    last = _last_planned(project)
    return {
        "base_model": base_model(version),
        "seconds": 60.0 * minutes,
        "settings": {
            stage: values | (judge_of(values) if stage == TrainingRun.Stage.EVALUATE else {})
            for stage, values in settings.items()
        },
        "rows": {"ppo": train, "generate": train + held_out, "evaluate": held_out},
        "anchors": number_of_anchors(project),
        "pairs": max(1, judged[DESK] * answers * (answers - 1) // 2 + judged[CHAT]),
        "comparisons": max(1, judged.total()),
        "completions_per_prompt": answers_per_comparison(project),
        "policy_adapter": str(version.adapter_dir) if version.adapter_dir else None,
        "prompts": _prompts(project),
        "answers": _answers(project),
        "pace": {stage: pace for stage in SETTABLE if (pace := _pace(last, stage)) is not None},
    }


def watts_of(project: Project) -> dict[str, float]:
    """What each stage of the newest planned update drew, where that was measured."""
    last, watts = _last_planned(project), {}
    for stage in SETTABLE:
        result = _result(last, stage)
        kwh, seconds = result.get("energy", {}).get("kwh"), result.get("seconds")
        if kwh and seconds:
            watts[str(stage)] = 3.6e6 * kwh / seconds
    return watts


def _judged(project: Project) -> Counter[str]:
    """Comparisons that the reward model will learn from, by source; one from the chat has at most a pair."""
    judged = Comparison.objects.ordinary().filter(
        round__project=project, prompt__in=project.prompts.in_use().train(), judgments__is_current=True
    )
    by_source = judged.order_by().values("source").annotate(comparisons=Count("pk", distinct=True))
    return Counter(dict(by_source.values_list("source", "comparisons")))


def _prompts(project: Project) -> list[Any]:
    ids = list(project.prompts.available().order_by("pk").values_list("pk", flat=True))
    chosen = project.prompts.filter(pk__in=ids[:: max(1, len(ids) // _LOOKED_AT)][:_LOOKED_AT])
    messages = []
    for prompt in chosen:
        prompt.project = project
        messages.append(prompt.full_messages())
    return messages


def _answers(project: Project) -> list[str]:
    newest = Completion.objects.filter(prompt__project=project).order_by("-pk")
    return list(newest.values_list("text", flat=True)[:_LOOKED_AT])


def _last_planned(project: Project) -> Update | None:
    ended = project.updates.filter(state=Update.State.SUCCEEDED).exclude(plan={})
    return ended.filter(plan__has_key="stages").first()


def _pace(update: Update | None, stage: str) -> float | None:
    """How many times as long as the bare plan says a stage took; None for one that ended early."""
    result = _result(update, stage)
    if update is None or not result or result["metrics"].get("stopped_by_kl"):
        return None
    planned = update.plan["stages"][stage]["seconds"] / update.plan["pace"].get(stage, 1.0)
    return min(_MOST_PACE, max(_LEAST_PACE, result["seconds"] / planned))


def _result(update: Update | None, stage: str) -> dict[str, Any]:
    """What the engine wrote of a stage; of sampling, for the newest round for which answers were sampled."""
    if update is None:
        return {}
    sampled = update.project.runs.filter(stage=TrainingRun.Stage.GENERATE, state=Update.State.SUCCEEDED)
    run = sampled.last() if stage == TrainingRun.Stage.GENERATE else update.run_of(stage)
    return run.result if run and run.result.get("seconds") else {}
