"""Projects that can be trained in seconds, and stand-ins for the engine where only its process matters."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from annotator.models import Completion, Project, Role
from ranking.services import claim_next, open_round, submit_judgment
from tests.factories import coordinator_of, make_member, make_project, make_prompt
from training.models import ModelVersion, TrainingRun, Update
from training.services.updates import start_update
from training.services.versions import register_base_version

PROMPTS = 12
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
        "epochs": 1,
        "minibatches": 1,
        "lora_r": 2,
        "threads": 1,
        "checkpoint_every": 1,
    },
    "generate": {"max_new_tokens": 6, "threads": 1},
    "evaluate": {"max_new_tokens": 6, "samples_per_prompt": 2, "bootstrap_samples": 100, "threads": 1},
}


def make_trainable(base_model: str = "models/none") -> Project:
    """A project with prompts of both splits and a live base version."""
    project = make_project(base_model=base_model, completions_per_comparison=2)
    for number in range(PROMPTS):
        make_prompt(project, f"Is thing {number} good?")
    register_base_version(project=project, actor=coordinator_of(project))
    return project


def add_answers(version: ModelVersion, texts: tuple[str, ...] = ("Yes.", "No, not at all.")) -> None:
    """Completions of a version for every prompt, as if it had been sampled."""
    from annotator.services.completions import add_completions

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


def make_judged(base_model: str = "models/none") -> Project:
    """A project whose first round is judged, without any model having run."""
    project = make_trainable(base_model)
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
    from annotator.models import Author
    from annotator.services.completions import get_or_create_author

    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name=f"Version {number}")
    parent = project.versions.first()
    version = ModelVersion.objects.create(
        project=project, number=number, author=author, parent=parent, base_model=project.base_model
    )
    add_answers(version, (f"Answer of {number}.", f"Another one of {number}."))
    return version


def make_run(update: Update, stage: str = "reward") -> TrainingRun:
    """A queued run with a run directory, for tests of how its process is handled."""
    run = TrainingRun.objects.create(
        project=update.project, update=update, stage=stage, recipe={"stage": stage, "threads": 1}
    )
    shutil.rmtree(run.folder, ignore_errors=True)  # numbers come again when a test is rolled back
    run.folder.mkdir(parents=True)
    return run


def engine_script(text: str) -> Callable[[TrainingRun], list[str]]:
    """A command for `launcher.command` that runs Python text with the run directory as its argument."""
    return lambda run: [sys.executable, "-c", text, str(run.folder)]


def coordinator_client(client: Any, project: Project) -> Any:
    client.force_login(coordinator_of(project))
    return client


def member_client(client: Any, project: Project, role: Role) -> Any:
    client.force_login(make_member(project, role))
    return client


def output_of(run: TrainingRun) -> Path:
    return run.folder / "output"
