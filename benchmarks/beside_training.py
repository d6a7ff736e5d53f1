"""How quick the ranking page stays while a run trains on the same machine.

    make bench-beside
    python -m benchmarks.beside_training [--volunteers 8] [--seconds 60] [--stage ppo] [--pairs 2]

The site is the real one: the processes of the Procfile on the demonstration's data folder with SQLite, made
once and copied for each run. Volunteers with sessions of their own read the ranking page, think for about a
second, submit a ranking and go on, through HTTP from this process, on the same machine. Phases alternate,
idle, busy, idle, busy: in a busy one the worker carries out an update, and the phase begins once the stage
reports steps and ends before the stage does.

Prints p50 and p95 of the page and of submitting a ranking in every phase, and the ratios of p95, busy over
the idle phase before it. Writes build/bench/beside_training.json.
"""

import argparse
import json
import logging
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.processes import ROOT, free_port
from benchmarks.volunteers import Volunteer, rank, sign_in

RESULTS = ROOT / "build/bench/beside_training.json"
SITE = ROOT / "build/bench/site"
SLUG = "climate-tutor"
WARM_UP = 5.0
_PATIENCE = 300.0
# The stage that is measured has to outlast its phase; what comes before it is kept short.
LONG: dict[str, Any] = {
    "reward": {"reward": {"epochs": 10_000}},
    "ppo": {"reward": {"max_steps": 10}, "ppo": {"steps": 100_000, "kl_stop": 1e9}},
}

Figures = dict[str, Any]


def main() -> None:
    options = parse()
    os.environ.pop("DATABASE_URL", None)
    _prepare_site()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "var"
        shutil.copytree(SITE, folder)
        os.environ.update(_environment(folder, free_port()))
        import django

        django.setup()
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # the site's settings log every request
        phases = _measure(options)
    report(phases, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--volunteers", type=int, default=8)
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds between page and ranking")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a phase, after a warm-up")
    parser.add_argument("--stage", choices=LONG, default="ppo", help="what trains in the busy phases")
    parser.add_argument("--threads", type=int, default=2, help="of the training")
    parser.add_argument("--pairs", type=int, default=2)
    return parser.parse_args()


# The site


def _prepare_site() -> None:
    """Make the demonstration with some rankings to learn from, unless it is there (five minutes)."""
    if SITE.exists():
        return
    half_made = SITE.with_name(".site")
    shutil.rmtree(half_made, ignore_errors=True)
    half_made.mkdir(parents=True)
    corpus = ROOT / "training/starter/climate.jsonl"
    for command in (
        ["migrate", "--verbosity", "0"],
        ["collectstatic", "--noinput", "--verbosity", "0"],
        ["prepare_demo", "--model", "starter"],
        ["simulate_volunteers", "--project", SLUG, "--corpus", str(corpus), "--rankings", "400"],
    ):
        environment = os.environ | _environment(half_made, 8000)
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True)
    half_made.rename(SITE)


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CHORUS_ENV": "local",
        "CHORUS_SECRET_KEY": os.environ.get("CHORUS_SECRET_KEY") or secrets.token_hex(32),
        "CHORUS_DATA_DIR": str(folder),
        "CHORUS_PORT": str(port),
    }


@contextmanager
def _processes(site: str) -> Iterator[None]:
    """The Procfile's processes, started as `make run` does."""
    honcho = Path(sys.executable).with_name("honcho")
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen([honcho, "--no-colour", "start"], cwd=ROOT, stdout=log, stderr=log)

        def answers() -> bool:
            if running.poll() is not None:
                log.seek(0)
                sys.exit(f"The site did not start:\n{log.read()[-3000:]}")
            try:
                return httpx2.get(f"{site}/account/login/").is_success
            except httpx2.TransportError:
                return False

        try:
            _wait_until(answers, "the site to answer")
            yield
        finally:
            running.terminate()
            running.wait()


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"Waited {_PATIENCE:.0f} seconds for {what}.")
        time.sleep(0.5)


# The phases


def _measure(options: argparse.Namespace) -> list[Figures]:
    from django.conf import settings
    from django.urls import reverse

    from annotator.models import Project

    project = Project.objects.get(slug=SLUG)
    _open_long_round(project, options.volunteers)
    desk = reverse("desk", args=[SLUG])
    phases = []
    with _processes(settings.SITE_URL):
        volunteers = sign_in(settings.SITE_URL, [_link(project, i) for i in range(options.volunteers)])
        print(" " * 12 + "".join(f"{name:>9}{'p50 ms':>8}{'p95 ms':>8}" for name in ("pages", "rankings")))
        for number in range(options.pairs):
            phases.append(_phase(f"idle {number}", options, desk, volunteers))
            with _training(project, options) as steps:
                phases.append(_phase(f"busy {number}", options, desk, volunteers))
                phases[-1]["steps"] = steps()
    return phases


def _phase(name: str, options: argparse.Namespace, desk: str, volunteers: list[Volunteer]) -> Figures:
    from django.conf import settings

    timings = rank(
        settings.SITE_URL,
        desk,
        volunteers,
        think=options.think,
        warm_up=WARM_UP,
        seconds=options.seconds,
        seed=int(name.split()[-1]),
    )
    page, submit = summary(timings.page), summary(timings.submit)
    cells = (f"{each['n']:9.0f}{each['p50']:8.1f}{each['p95']:8.1f}" for each in (page, submit))
    print(f"{name:12}" + "".join(cells), flush=True)
    return {"name": name, "page": page, "submit": submit}


def summary(seconds: list[float]) -> dict[str, float]:
    """How many there are, and milliseconds of the middle one, of the nineteenth in twenty, of the slowest."""
    cuts = [1000 * cut for cut in statistics.quantiles(seconds, n=20)]
    return {"n": len(seconds), "p50": cuts[9], "p95": cuts[18], "max": 1000 * max(seconds)}


def _open_long_round(project: Any, volunteers: int) -> None:
    """A round with an assignment for every volunteer at every comparison, so that nobody runs out of them."""
    from annotator.services.projects import change_settings
    from ranking.models import Round
    from ranking.services import open_round

    coordinator = project.memberships.earliest("pk").user
    author = Round.objects.filter(project=project).latest("pk").author
    change_settings(project=project, values={"judgments_per_comparison": volunteers}, actor=coordinator)
    open_round(project=project, author=author, actor=coordinator)


def _link(project: Any, number: int) -> str:
    """A sign-in link of a new volunteer."""
    from annotator.models import Role
    from annotator.services.invitations.inviting import accept_invitation, invite
    from annotator.services.sign_in import create_sign_in_link

    email = f"bench{number}@example.org"
    coordinator = project.memberships.earliest("pk").user
    _, token = invite(project=project, role=Role.VOLUNTEER, email=email, actor=coordinator)
    password = secrets.token_urlsafe(16)
    member = accept_invitation(token=token, email=email, name=f"Volunteer {number}", password=password)
    member.become_ready()
    return create_sign_in_link(member.user)


@contextmanager
def _training(project: Any, options: argparse.Namespace) -> Iterator[Callable[[], int]]:
    """An update whose stage is at work in the block; gives what tells the steps that it has done in it."""
    from training.models import TrainingRun
    from training.services.updates.control import request_cancel, start_update

    stages = {name: {**values, "threads": options.threads} for name, values in LONG[options.stage].items()}
    update = start_update(project=project, settings=stages)

    def step() -> int:
        run = TrainingRun.objects.filter(update=update, stage=options.stage).last()
        return int(run.progress.get("step", 0)) if run else 0

    def has_begun() -> bool:
        update.refresh_from_db()
        if not update.is_active:
            sys.exit(f"The update ended too early: {update.error}")
        return step() > 0

    _wait_until(has_begun, f"the {options.stage} stage to begin")
    first = step()

    def steps() -> int:
        has_begun()  # it still runs
        return step() - first

    yield steps
    request_cancel(update=update)

    def has_ended() -> bool:
        update.refresh_from_db()
        return not update.is_active

    _wait_until(has_ended, "the update to stop")


def report(phases: list[Figures], options: argparse.Namespace) -> None:
    pairs = list(zip(phases[::2], phases[1::2], strict=True))
    found: Figures = {"settings": vars(options), "phases": phases}
    for name in ("page", "submit"):
        ratios = [busy[name]["p95"] / idle[name]["p95"] for idle, busy in pairs]
        found[f"{name}_ratio"], found[f"{name}_ratios"] = statistics.median(ratios), ratios
        print(f"{name}: p95 beside {options.stage} {statistics.median(ratios):.2f} of idle, pair by pair "
              + ", ".join(f"{ratio:.2f}" for ratio in ratios))  # fmt: skip
    print("steps of the training meanwhile: " + ", ".join(str(busy["steps"]) for _, busy in pairs))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
