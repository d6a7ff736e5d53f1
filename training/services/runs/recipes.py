"""Building the recipe of each stage of an update from what is in the database."""

import hashlib
import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, Prompt
from training.models import ModelVersion, Schedule, TrainingRun, Update
from training.models.bases import folder_or_name
from training.rlhf import stages as engine
from training.rlhf.errors import RecipeError
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import dataset_file

from .anchors import choose_anchors
from .flagged_answers import flagged_answers
from .scoring import answers_per_comparison, scoring_settings

Stage = TrainingRun.Stage
Settings = dict[str, dict[str, Any]]
PROMPTS_FILE, FLAGS_FILE, ANCHORS_FILE = "prompts.jsonl", "flags.jsonl", "anchors.jsonl"
# What names a file or folder: settings that could would let a coordinator read others'.
CHOSEN_BY_UPDATE = {
    "base_model",
    "dataset",
    "held_out",
    "policy_adapter",
    "reward_adapter",
    "baseline_adapter",
    "candidate_adapter",
    "flagged",
    "anchors",
    "preferences",
    # Not a file, but an address that is sent answers and the site's key: the operator's choice.
    "judge_url",
}
# In the place of what the update chooses, while settings are checked that name nothing of it.
PLACEHOLDERS: dict[str, Any] = {
    "base_model": "base",
    "dataset": {"path": PROMPTS_FILE, "sha256": "0" * 64},
    "reward_adapter": "reward",
}


@dataclass(frozen=True)
class RunInput:
    """What a run directory starts with: the recipe and the files that it names by name alone."""

    recipe: Recipe
    files: dict[str, bytes] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"stage": self.recipe.stage, **asdict(self.recipe)}


def check_settings(settings: Settings) -> None:
    """Refuse settings that no recipe would take: unknown stages or names, impossible values."""
    if not isinstance(settings, dict):
        raise RefusedError(_("The settings must be an object with one entry per stage."))
    for stage, values in settings.items():
        if stage not in SETTABLE or not isinstance(values, dict):
            raise RefusedError(
                _("The settings name no stage of an update: %(stage)s.") % {"stage": f"{stage!r:.40}"}
            )
        if taken := sorted(set(values) & CHOSEN_BY_UPDATE):
            raise RefusedError(
                _("Chosen by the update itself, not by its settings: %(names)s.")
                % {"names": ", ".join(taken)}
            )
        required = {each.name for each in fields(engine.STAGES[stage].recipe) if each.default is MISSING}
        fixed = {name: PLACEHOLDERS[name] for name in required}
        _build(Stage(stage), {**fixed, **judge_of(values), **values})


def settings_of(project: Project) -> Settings:
    """The recipe settings of a project's updates, scheduled or not."""
    schedule = Schedule.objects.filter(project=project).first()
    return schedule.settings if schedule else {}


def chosen_settings(plan: dict[str, Any], stage: str) -> dict[str, Any]:
    """What the engine's plan of an update chose for a stage."""
    chosen = plan.get("stages", {}).get(stage, {}).get("settings", {})
    return {name: each["value"] for name, each in chosen.items()}


def stage_input(update: Update, stage: str) -> RunInput:
    """What the stage of an update starts with; the stages before it have succeeded."""
    values = chosen_settings(update.plan, stage) | update.settings.get(stage, {})
    return _INPUT_OF[Stage(stage)](update, values)


def sampling_input(version: ModelVersion, values: dict[str, Any]) -> RunInput:
    """A run that samples a version's completions of all the project's prompts."""
    chosen = {"completions_per_prompt": answers_per_comparison(version.project), **values}
    fixed = {"policy_adapter": _adapter(version), **scoring_settings(version)}
    return _input_with_prompts(Stage.GENERATE, version, version.project.prompts.in_use(), {**chosen, **fixed})


def base_model(version: ModelVersion) -> str:
    """A version's base model for the engine."""
    return folder_or_name(version.base_model)


def _input_of_reward(update: Update, values: dict[str, Any]) -> RunInput:
    assert update.dataset is not None
    folder = update.dataset.folder
    fixed = {"base_model": base_model(update.parent), "dataset": _file(folder / "train.parquet")}
    if update.dataset.held_out_pairs:
        fixed["held_out"] = _file(folder / "held_out.parquet")
    return RunInput(_build(Stage.REWARD, {**values, **fixed}))


def _input_of_ppo(update: Update, values: dict[str, Any]) -> RunInput:
    fixed = {
        "reward_adapter": str(_succeeded(update, Stage.REWARD).adapter_dir),
        "policy_adapter": _adapter(update.parent),
    }
    return _input_with_prompts(
        Stage.PPO, update.parent, update.project.prompts.in_use().train(), {**values, **fixed}
    )


def _input_of_evaluate(update: Update, values: dict[str, Any]) -> RunInput:
    fixed: dict[str, Any] = {
        "reward_adapter": str(_succeeded(update, Stage.REWARD).adapter_dir),
        "baseline_adapter": _adapter(update.parent),
        "candidate_adapter": str(_succeeded(update, Stage.PPO).adapter_dir),
    }
    files: dict[str, bytes] = {}
    if (flags := flagged_answers(update.project)) is not None:
        fixed["flagged"], files[FLAGS_FILE] = _content(FLAGS_FILE, flags), flags
    anchors = choose_anchors(project=update.project)
    if anchors.exists():
        files[ANCHORS_FILE] = prompts_file(update.parent, anchors)
        fixed["anchors"] = _content(ANCHORS_FILE, files[ANCHORS_FILE])
    prompts = update.project.prompts.in_use().held_out()
    run_input = _input_with_prompts(
        Stage.EVALUATE, update.parent, prompts, {**values, **fixed, **judge_of(values)}
    )
    return RunInput(run_input.recipe, run_input.files | files)


def _input_with_prompts(
    stage: Stage, version: ModelVersion, prompts: QuerySet[Prompt], values: dict[str, Any]
) -> RunInput:
    """The input of a stage that answers prompts, on the version's base model."""
    content = prompts_file(version, prompts)
    dataset = _content(PROMPTS_FILE, content)
    recipe = _build(stage, {**values, "base_model": base_model(version), "dataset": dataset})
    return RunInput(recipe, {PROMPTS_FILE: content})


def prompts_file(version: ModelVersion, prompts: QuerySet[Prompt]) -> bytes:
    """JSONL rows {prompt_id, prompt}, as the engine reads them."""
    lines = []
    for prompt in prompts.order_by("pk"):
        prompt.project = version.project
        lines.append(json.dumps({"prompt_id": str(prompt.pk), "prompt": prompt.full_messages()}) + "\n")
    return "".join(lines).encode()


def judge_of(values: dict[str, Any]) -> dict[str, str]:
    """Where the site's judge endpoint is, for an evaluation that is to ask it."""
    if values.get("judge") != "endpoint":
        return {}
    if not site.JUDGE_URL:
        raise RefusedError(
            _(
                "This site has no judge endpoint. Whoever runs it has to set CHORUS_JUDGE_URL first; until "
                "then the reward model can judge."
            )
        )
    return {"judge_url": site.JUDGE_URL}


def _build(stage: Stage, values: dict[str, Any]) -> Recipe:
    try:
        return engine.STAGES[stage].recipe.from_dict(values)
    except RecipeError as error:
        raise RefusedError(
            _("Settings of the stage %(stage)s: %(error)s") % {"stage": stage, "error": error}
        ) from error


def _content(name: str, content: bytes) -> dict[str, str]:
    """A file that the run directory starts with."""
    return {"path": name, "sha256": hashlib.sha256(content).hexdigest()}


def _file(path: Path) -> dict[str, str]:
    return asdict(dataset_file(path))


def _adapter(version: ModelVersion) -> str | None:
    return str(version.adapter_dir) if version.adapter_dir else None


def _succeeded(update: Update, stage: Stage) -> TrainingRun:
    return update.runs.filter(stage=stage, state=TrainingRun.State.SUCCEEDED).latest("pk")


# What builds the input of each stage of an update, in the order in which they run.
_INPUT_OF = {
    Stage.REWARD: _input_of_reward,
    Stage.PPO: _input_of_ppo,
    Stage.EVALUATE: _input_of_evaluate,
}
STAGES = tuple(_INPUT_OF)
SETTABLE = (*STAGES, Stage.GENERATE)
"""What a project's settings are for: the stages of an update, and sampling answers for the next round."""
