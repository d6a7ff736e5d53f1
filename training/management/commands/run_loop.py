"""`manage.py run_loop`: whole rounds of the loop with simulated volunteers, and a table of what they gave.

Meant for a scratch database: `make loop` gives it one.
"""

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.errors import RefusedError
from annotator.models import Project, User
from training.models import UnpackedBase
from training.rlhf.errors import RecipeError
from training.services.base_models.unpacking import unpack_now
from training.services.demonstration import found_demonstration
from training.services.simulation.demo_project import found_project
from training.services.simulation.labels import MODELS, labels_for
from training.services.simulation.round import Figures, RoundFailedError, simulate_round
from training.services.versions.releases import release_version
from training.simulation import SimulatedVolunteer
from training.starter.build import StarterError, starter_folder
from training.starter.corpus import CLIMATE, Topic, load_corpus
from training.terminal_progress import progress_bar
from training.watch_sentences import watch_sentence

# The blind comparisons that a round is judged by take a good part of it.
UPDATE_MINUTES = 40


class Command(BaseCommand):
    help = "Run whole rounds with simulated volunteers: rank, train, evaluate, release, rank again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", choices=MODELS, default="starter", help="the base model")
        parser.add_argument("--corpus", type=Path, default=CLIMATE, help="JSONL of topics (climate)")
        parser.add_argument("--starters", type=Path, required=True, help="where starter models are kept")
        parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--rounds", type=int, default=1)
        parser.add_argument(
            "--rankings", type=int, help="rankings per round (starter: 500, smollm2: one of each prompt)"
        )
        parser.add_argument("--lapse-rate", type=float, default=0.1, help="share of rankings made blindly")

    def handle(self, **options: Any) -> None:
        try:
            self._run(**options)
        except (OSError, ValueError, StarterError, RecipeError, RefusedError, RoundFailedError) as error:
            raise CommandError(str(error)) from error

    def _run(self, *, model: str, corpus: Path, out: Path, seed: int, rounds: int, **options: Any) -> None:
        topics = load_corpus(corpus)
        labels = labels_for(model, topics)
        behaviour = SimulatedVolunteer(lapse_rate=options["lapse_rate"])
        coordinator = User.objects.create_user("coordinator@example.org", name="Coordinator")
        found = self._demonstration if model == "smollm2" else self._starter
        project = found(topics, corpus, coordinator, seed, options["starters"])
        rankings = options["rankings"] or (500 if model == "starter" else None)
        began, figures = time.monotonic(), []
        for number in range(1, rounds + 1):
            update, latest = simulate_round(
                project=project,
                gold=labels,
                behaviour=behaviour,
                rankings=rankings,
                coordinator=coordinator,
                seed=seed + 1000 * (number - 1),
            )
            figures.append(latest)
            self._print_samples(number, latest)
            if number < rounds:
                assert update.candidate is not None
                release_version(version=update.candidate, actor=coordinator)
        total = time.monotonic() - began
        self._print_table(figures, total)
        out.parent.mkdir(parents=True, exist_ok=True)
        report = {"rounds": [asdict(each) for each in figures], "total_seconds": total}
        out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        self.stdout.write(f"\nWritten to {out}.")

    def _starter(
        self, topics: list[Topic], corpus: Path, coordinator: User, seed: int, starters: Path
    ) -> Project:
        """A project on the starter model, which is made unless it is there."""
        starter = starter_folder(starters, corpus, seed)
        self.stdout.write(f"Starter model of {corpus.name}, seed {seed}")
        return found_project(
            topics=topics, starter=starter, name="Loop", slug="loop", coordinator=coordinator, seed=seed
        )

    def _demonstration(
        self, _topics: object, _corpus: Path, coordinator: User, seed: int, *_unused: object
    ) -> Project:
        """The demonstration's project, whose first round is there, with its base model unpacked."""
        project = found_demonstration(
            name="Loop", slug="loop", coordinator=coordinator, update_minutes=UPDATE_MINUTES, seed=seed
        )
        base = UnpackedBase.objects.get(location=project.base_model)
        self.stdout.write(f"Unpacking {Path(base.file).name} …")
        with progress_bar(base.folder, "Unpacking"):
            unpack_now(base)
        return project

    def _print_samples(self, number: int, figures: Figures) -> None:
        self.stdout.write(f"\nRound {number}, answers to held-out prompts before and after:")
        for sample in figures.samples:
            self.stdout.write(f"\n  {sample['prompt']}")
            self.stdout.write(f"    before: {sample['before']}\n    after:  {sample['after']}")
        for row in figures.watches:
            self.stdout.write(f"\n  Watch: {watch_sentence(row)}")

    def _print_table(self, figures: list[Figures], total: float) -> None:
        rows = [_cells(each) for each in figures]
        names = [f"round {number}" for number in range(1, len(rows) + 1)]
        width = max(len(value) for row in rows for value in row.values())
        label = max(map(len, rows[0]))
        self.stdout.write("\n" + " " * label + "".join(f"  {name:>{width}}" for name in names))
        for key in rows[0]:
            cells = "".join(f"  {row.get(key, ''):>{width}}" for row in rows)
            self.stdout.write(f"{key:{label}}{cells}")
        self.stdout.write(f"{'all rounds, seconds':{label}}  {total:>{width}.0f}")


def _cells(figures: Figures) -> dict[str, str]:
    """The lines of the table for one round."""
    low, high = figures.win_rate_interval
    votes = gold = "not measured"
    if figures.reward_accuracy_interval is not None:
        votes_low, votes_high = figures.reward_accuracy_interval
        votes = f"{figures.reward_accuracy:.3f} [{votes_low:.3f}, {votes_high:.3f}]"
        gold = f"{figures.reward_accuracy_gold:.3f}"
    return {
        "judgments": str(figures.judgments),
        "pairs in the dataset": str(figures.pairs),
        "reward accuracy against the votes": votes,
        "reward accuracy against gold": gold,
        "KL to the version before, nats per answer": f"{figures.kl:.1f}",
        "rise of the reward, deviations": f"{figures.score_gain:.2f}",
        "wins / ties / losses": f"{figures.wins} / {figures.ties} / {figures.losses}",
        "win rate of the decided": f"{figures.win_rate_decided:.3f} [{low:.3f}, {high:.3f}]",
        "win rate, ties as half": f"{figures.win_rate_ties_half:.3f}",
        "accurate before": f"{figures.accurate_before:.3f}",
        "accurate after": f"{figures.accurate_after:.3f}",
        **{f"seconds: {stage}": f"{seconds:.0f}" for stage, seconds in figures.seconds.items()},
        **{f"Wh: {stage} (estimate)": _watt_hours(kwh) for stage, kwh in figures.stage_energy_kwh.items()},
        "Wh: all stages (estimate)": _watt_hours(figures.energy_kwh),
    }


def _watt_hours(kwh: float | None) -> str:
    return "unknown" if kwh is None else f"{1000 * kwh:.2f}"
