"""The site of a simulated quarter: a project on the starter model, its people, its worker and its clock."""

import io
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import time_machine
from django.core.management import call_command
from django.utils import timezone

from annotator.models import Project, User
from annotator.services.projects import change_settings, create_project
from annotator.services.prompts.adding import import_prompts
from benchmarks.processes import ROOT
from training.models import LEASE, Gate, TrainingRun
from training.services.clock import tick
from training.services.runs.recipes import Settings
from training.services.schedules import save_schedule
from training.services.simulation.demo_project import held_out_questions
from training.services.simulation.volunteers import simulate_volunteers
from training.services.versions.base_version import register_base_version
from training.simulation import SimulatedVolunteer
from training.starter.build import make_starter, starter_folder
from training.starter.corpus import load_corpus
from training.starter.gold import GoldLabels

ZONE = ZoneInfo("Europe/Berlin")
CRON = "0 3 * * 1"
FEWEST_JUDGMENTS = 100
VOLUNTEERS = 100
"""With twenty people a blind test seldom decides: the more votes come from one person, the less they say."""
# So that an update takes a minute, and most prompts have answers enough for a blind comparison.
RECIPES: Settings = {"ppo": {"steps": 8}, "evaluate": {"samples_per_prompt": 10}}
KILLED_AT_STEP = 4


@dataclass
class Site:
    """A project of one coordinator and a hundred simulated volunteers, at a time of its own.

    `traveller` moves the time of this process; engines run in the machine's.
    """

    project: Project
    coordinator: User
    gold: GoldLabels
    questions: list[dict[str, str]]
    """Those that were not asked yet."""
    traveller: time_machine.Traveller

    def go_to(self, moment: datetime) -> None:
        self.traveller.move_to(moment)

    def schedule(self, tried: dict[str, Any] | None = None) -> None:
        """Set the week up with the gate by rule; `tried` are other settings of PPO than the usual ones."""
        save_schedule(
            project=self.project,
            cron=CRON,
            is_enabled=True,
            min_new_judgments=FEWEST_JUDGMENTS,
            gate=Gate.RULE,
            actor=self.coordinator,
            settings=RECIPES | {"ppo": RECIPES["ppo"] | (tried or {})},
        )

    def ask(self, count: int) -> None:
        """Let the next questions become prompts."""
        rows, self.questions = self.questions[:count], self.questions[count:]
        file = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
        report = import_prompts(
            project=self.project, file=file, filename="questions.jsonl", actor=self.coordinator
        )
        assert not report.errors, report.errors

    def rank(self, rankings: int, chance: random.Random) -> int:
        """Have the volunteers give so many rankings, if there is enough to rank; returns how many."""
        return simulate_volunteers(
            project=self.project,
            gold=self.gold,
            rankings=rankings,
            behaviour=SimulatedVolunteer(),
            volunteers=VOLUNTEERS,
            seed=chance.getrandbits(32),
        )

    def work(self) -> None:
        """Let the clock look, and do the jobs that wait by the site's own worker."""
        tick()
        call_command("db_worker", batch=True, interval=0.05, startup_delay=False, reload=False, verbosity=0)

    def work_and_be_killed(self) -> None:
        """The same in a process that is killed in PPO; when its lease has ended, another one goes on."""
        tick()
        command = [sys.executable, "-m", "benchmarks.quarter.worker", timezone.now().isoformat()]
        worker = subprocess.Popen(command, cwd=ROOT)
        while not _ppo_has_reached(KILLED_AT_STEP):
            if worker.poll() is not None:
                sys.exit("The worker ended before it could be killed.")
            time.sleep(0.5)
        worker.kill()
        worker.wait()
        self.go_to(timezone.now() + 2 * LEASE)
        self.work()


def found_site(
    corpus: Path, traveller: time_machine.Traveller, seed: int, first: int, starters: Path
) -> Site:
    """Found the project, with the `first` questions as its prompts."""
    topics = load_corpus(corpus)
    starter = starter_folder(starters, corpus, seed)
    make_starter(topics, starter, exclude_questions=held_out_questions(topics), seed=seed)
    coordinator = User.objects.create_user("coordinator@example.org", name="Coordinator")
    project = create_project(name="Quarter", slug="quarter", base_model=str(starter), coordinator=coordinator)
    values = {"timezone": ZONE.key, "judgments_per_comparison": 2}
    change_settings(project=project, values=values, actor=coordinator)
    questions = [
        {"prompt": topic.questions[place], "language": topic.language}
        for place in range(max(len(topic.questions) for topic in topics))
        for topic in topics
        if place < len(topic.questions)
    ]
    site = Site(project, coordinator, GoldLabels(topics), questions, traveller)
    site.ask(first)
    register_base_version(project=project, actor=coordinator)
    return site


def _ppo_has_reached(step: int) -> bool:
    ppo = TrainingRun.objects.filter(stage="ppo", state=TrainingRun.State.RUNNING).first()
    return ppo is not None and ppo.progress.get("step", 0) >= step
