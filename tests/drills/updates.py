"""A chatbot that is updated while a drill is on, by workers and clocks in a hurry."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

from tests.serving import wait_for

from .engine import CHECKPOINT_EVERY, is_whole
from .people import SLUG
from .site import Site

_MAKE = f"""
from django_tasks_db.models import DBTaskResult
from annotator.models import Project
from training.services.versions.base_version import register_base_version
register_base_version(project=Project.objects.get(slug={SLUG!r}))
DBTaskResult.objects.filter(task_path="training.tasks.measure_prompts").delete()  # there is no tokenizer
"""
_SCHEDULE = f"""
from annotator.models import Project
from tests.factories import coordinator_of
from training.services.schedules import save_schedule
project = Project.objects.get(slug={SLUG!r})
save_schedule(
    project=project, actor=coordinator_of(project), cron="* * * * *", is_enabled={{enabled}},
    min_new_judgments=1, settings={{{{}}}},
)
"""
_START = f"""
from annotator.models import Project
from training.services.updates.control import start_update
start_update(project=Project.objects.get(slug={SLUG!r}))
"""
_COUNT = """
import json
from annotator.models import AuditEvent
from training.models import ModelVersion, TrainingRun, Update
print(json.dumps(dict(
    tried_again=AuditEvent.objects.filter(verb="update.retried").count(),
    updates=list(Update.objects.values("pk", "state", "error", "attempt", "slot", "candidate__number")),
    runs=list(TrainingRun.objects.values("pk", "stage", "state", "attempt", "update")),
    versions=[[each.number, str(each.adapter_dir)] for each in ModelVersion.objects.exclude(adapter_path="")],
), default=str))
"""


def in_a_hurry(site: Site, *, workers: int = 1, clocks: int = 1) -> list[str]:
    """Let the site have so many workers and clocks with short leases; returns their names."""
    names = []
    for kind, number, command in (
        ("worker", workers, "db_worker --no-reload"),
        ("clock", clocks, "run_clock"),
    ):
        for n in range(1, number + 1):
            site.commands[f"{kind}-{n}"] = f".venv/bin/python -m tests.drills.quick {command}"
            names.append(f"{kind}-{n}")
    site.env["DJANGO_SETTINGS_MODULE"] = "config.settings"
    return names


def make_updatable(site: Site) -> None:
    """Give the project a version that updates start from."""
    site.python(_MAKE)


def schedule_updates(site: Site, enabled: bool = True) -> None:
    """Let an update start every minute, or no more."""
    site.python(_SCHEDULE.format(enabled=enabled))


def start_update(site: Site) -> None:
    """Start an update now."""
    site.python(_START)


def count(site: Site) -> dict[str, Any]:
    """The rows of updates, runs and versions, and how often an update was tried again."""
    found: dict[str, Any] = json.loads(site.python(_COUNT))
    return found


def wait_for_the_end(site: Site, seconds: float = 90) -> dict[str, Any]:
    """Wait until all updates have ended and been tried again; returns the rows."""
    found: dict[str, Any] = {}

    def ended() -> bool:
        found.update(count(site))
        time.sleep(0.5)
        return all(update["state"] not in {"queued", "running", "failed"} for update in found["updates"])

    wait_for(ended, seconds)
    return found


def check_runs(site: Site) -> int:
    """See that no checkpoint is torn, and that one engine at a time went on from one; returns how many."""
    checkpoints = list((site.folder / "runs").glob("*/checkpoints/step-??????"))
    assert all(map(is_whole, checkpoints))
    for folder in (site.folder / "runs").iterdir():
        for before, after in itertools.pairwise(_steps(folder)):
            went_on = after == before + 1
            resumed = after <= before + 1 and after % CHECKPOINT_EVERY == 1
            assert went_on or resumed, (folder, _steps(folder))
    return len(checkpoints)


def _steps(folder: Path) -> list[int]:
    path = folder / "progress.jsonl"
    return [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []
