"""`manage.py simulate_volunteers`: rank as many comparisons as asked, by the corpus's labels."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.models import Project
from training.services.simulation.labels import MODELS, labels_for
from training.services.simulation.volunteers import simulate_volunteers
from training.simulation import SimulatedVolunteer
from training.starter.corpus import CLIMATE, CorpusError, load_corpus


class Command(BaseCommand):
    help = "Rank comparisons of the open round as volunteers would who know the corpus, with their noise."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="the project's slug")
        parser.add_argument("--corpus", type=Path, default=CLIMATE, help="JSONL of topics (climate)")
        parser.add_argument("--model", choices=MODELS, default="starter", help="whose answers they rank")
        parser.add_argument("--rankings", type=int, default=100, help="how many to make (100)")
        parser.add_argument("--volunteers", type=int, default=20, help="how many people (20)")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--temperature", type=float, default=SimulatedVolunteer.temperature)
        parser.add_argument("--lapse-rate", type=float, default=SimulatedVolunteer.lapse_rate)
        parser.add_argument("--position-bias", type=float, default=SimulatedVolunteer.position_bias)

    def handle(self, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        try:
            gold = labels_for(options["model"], load_corpus(options["corpus"]))
            behaviour = SimulatedVolunteer(
                temperature=options["temperature"],
                lapse_rate=options["lapse_rate"],
                position_bias=options["position_bias"],
            )
        except (OSError, CorpusError, ValueError) as error:
            raise CommandError(str(error)) from error
        try:
            stored = simulate_volunteers(
                project=project,
                gold=gold,
                rankings=options["rankings"],
                behaviour=behaviour,
                volunteers=options["volunteers"],
                seed=options["seed"],
            )
        except KeyError as error:
            raise CommandError(f"A prompt of {project} is no question of the corpus: {error}.") from error
        self.stdout.write(f"{stored} simulated rankings stored in {project}.")
        if stored < options["rankings"]:
            self.stdout.write("Nothing more was left to rank in the open round.")
