"""Projects that can be trained in seconds, and stand-ins for the engine where only its process matters."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from annotator.models import Author, Completion, Membership, Project, Role, User
from annotator.services.completions import add_completions, get_or_create_author
from ranking.models.round_states import RoundState
from ranking.services import claim_next, open_round, snapshot_preferences, submit_judgment
from tests.factories import coordinator_of, make_member, make_project, make_prompt
from training.models import ModelVersion, TrainingRun, Update
from training.rlhf.rundir import dataset_file, sha256_of
from training.services.runs.recipes import PROMPTS_FILE, STAGES, prompts_file
from training.services.updates.control import start_update
from training.services.versions.base_version import register_base_version
from training.services.versions.candidates import publish_candidate
from training.services.versions.releases import release_version

PROMPTS = 12
METRICS = {
    "reward": {"accuracy": 0.81, "accuracy_low": 0.76, "accuracy_high": 0.86},
    "evaluate": {
        "wins": 31.0,
        "ties": 5.0,
        "losses": 12.0,
        "prompts": 12.0,
        "win_rate_decided": 0.72,
        "win_rate_low": 0.6,
        "win_rate_high": 0.83,
        "win_rate_ties_half": 0.7,
        "win_rate_ties_half_low": 0.58,
        "win_rate_ties_half_high": 0.81,
        "kl": 11.34,
    },
}
SMALL: dict[str, dict[str, Any]] = {
    "reward": {
        "max_steps": 4,
        "batch_size": 4,
        "min_pairs": 2,
        "lora_r": 2,
        "threads": 1,
        "checkpoint_every": 2,
    },
    "ppo": {
        "steps": 3,
        "batch_size": 4,
        "max_new_tokens": 6,
        "calibration_answers": 16,
        "epochs": 1,
        "minibatches": 1,
        "lora_r": 2,
        "threads": 1,
        "checkpoint_every": 1,
    },
    "generate": {"max_new_tokens": 6, "threads": 1},
    "evaluate": {"max_new_tokens": 6, "samples_per_prompt": 2, "threads": 1},
}
# An engine that answers each prompt twice and succeeds.
SAMPLE = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
(folder / "output").mkdir()
prompts = [json.loads(line)["prompt_id"] for line in (folder / "prompts.jsonl").read_text().splitlines()]
rows = [{"prompt_id": prompt, "text": f"answer {number}"} for prompt in prompts for number in range(2)]
(folder / "output" / "completions.jsonl").write_text("\\n".join(map(json.dumps, rows)))
(folder / "result.json").write_text(json.dumps({"metrics": {}, "files": {}}))
"""


def make_trainable(base_model: str = "models/none", **fields: Any) -> Project:
    """A project with prompts of both splits and a live base version."""
    project = make_project(base_model=base_model, completions_per_comparison=2, **fields)
    for number in range(PROMPTS):
        make_prompt(project, f"Is thing {number} good?")
    register_base_version(project=project, actor=coordinator_of(project))
    return project


def add_answers(version: ModelVersion, texts: tuple[str, ...] = ("Yes.", "No, not at all.")) -> None:
    """Completions of a version for every prompt, as if it had been sampled."""
    prompts = version.project.prompts.all()
    add_completions(author=version.author, texts=[(prompt, text) for prompt in prompts for text in texts])


def judge_all(project: Project) -> int:
    """One volunteer ranks all that is open, longer answers first; returns how many judgments."""
    volunteer, judged = make_member(project), 0
    while assignment := claim_next(project=project, volunteer=volunteer):
        texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
        order = sorted(texts, key=lambda pk: -len(texts[pk]))
        ranks = {pk: place for place, pk in enumerate(order, start=1)}
        submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)
        judged += 1
    return judged


def make_judged(base_model: str = "models/none", **fields: Any) -> Project:
    """A project whose first round is judged, without any model having run."""
    project = make_trainable(base_model, **fields)
    live = project.versions.get(number=0)
    add_answers(live)
    open_round(project=project, author=live.author)
    assert judge_all(project) == PROMPTS
    return project


def make_update(project: Project | None = None, **settings: Any) -> Update:
    project = project or make_judged()
    return start_update(project=project, actor=coordinator_of(project), settings=settings or SMALL)


def make_candidate(project: Project, number: int = 1) -> ModelVersion:
    """A candidate with completions, without the update that would have made it."""
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name=f"Version {number}")
    parent = project.versions.first()
    version = ModelVersion.objects.create(
        project=project, number=number, author=author, parent=parent, base_model=project.base_model
    )
    add_answers(version, (f"Answer of {number}.", f"Another one of {number}."))
    return version


def make_finished(update: Update) -> ModelVersion:
    """End an update with results as engines leave them, without any having run; returns its candidate."""
    update.claim()
    update.renew(dataset=snapshot_preferences(project=update.project))
    if update.round:
        update.round.move(RoundState.LEARNING)
    for stage in STAGES:
        run = make_run(update, stage)
        run.update = update
        run.claim()
        run.finish(TrainingRun.State.SUCCEEDED, result=make_result(run))
    return publish_candidate(update)


def make_source(coordinator: User | None = None, **fields: Any) -> ModelVersion:
    """A version that a project of its own has released, which the coordinator coordinates, too."""
    version = make_finished(make_update(make_judged(**fields)))
    release_version(version=version, actor=coordinator_of(version.project))
    for run in version.project.runs.active():
        run.request_cancel()
    if coordinator:
        Membership.objects.create(project=version.project, user=coordinator, role=Role.COORDINATOR)
    return version


def make_result(run: TrainingRun) -> dict[str, Any]:
    """Output files of a run and the result that names them."""
    output = run.folder / "output"
    files = {
        "reward": {
            "adapter_config.json": "{}",
            "adapter_model.safetensors": "reward",
            "README.md": "card",
            "base.json": "{}",
            "seen_prompts.json": "{}",
        },
        "ppo": {
            "adapter_config.json": "{}",
            "adapter_model.safetensors": "policy",
            "README.md": "card",
            "base.json": "{}",
        },
        "evaluate": {"comparisons.jsonl": _comparisons(run)},
    }[run.stage]
    for name, text in files.items():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text(text)
    return {
        "stage": run.stage,
        "metrics": METRICS.get(run.stage, {}),
        "seconds": 83.4,
        "energy": {"kwh": 0.0012, "estimate": True},
        "files": {name: sha256_of(output / name) for name in files},
    }


def write_progress(run: TrainingRun, rows: list[dict[str, float]]) -> None:
    """What an engine reported of a run, one row of metrics for each step."""
    lines = [
        {"time": float(step), "step": step, "total": len(rows), "metrics": row}
        for step, row in enumerate(rows, start=1)
    ]
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "progress.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _comparisons(run: TrainingRun) -> str:
    rows = [
        {
            "prompt_id": str(prompt.pk),
            "baseline": "Before <b>bold</b>",
            "candidate": "After, and better",
            "baseline_score": -0.1 * number,
            "candidate_score": 0.4,
            "outcome": 1.0,
        }
        for number, prompt in enumerate(run.project.prompts.held_out())
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def make_run(update: Update, stage: str = "reward") -> TrainingRun:
    """A queued run with a run directory, for tests of how its process is handled."""
    recipe: dict[str, Any] = {"stage": stage, "threads": 1, "completions_per_prompt": 2, "seed": 0}
    if stage == "reward" and update.dataset:
        for name, split in (("dataset", "train"), ("held_out", "held_out")):
            recipe[name] = asdict(dataset_file(update.dataset.folder / f"{split}.parquet"))
    run = TrainingRun.objects.create(project=update.project, update=update, stage=stage, recipe=recipe)
    shutil.rmtree(run.folder, ignore_errors=True)  # numbers come again when a test is rolled back
    run.folder.mkdir(parents=True)
    (run.folder / PROMPTS_FILE).write_bytes(prompts_file(update.parent, update.project.prompts.all()))
    return run


def engine_script(text: str) -> Callable[[TrainingRun], list[str]]:
    """A command for `launcher.command` that runs Python text with the run directory as its argument."""
    return lambda run: [sys.executable, "-c", text, str(run.folder)]
