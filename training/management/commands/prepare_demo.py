"""`manage.py prepare_demo`: the demonstration project, ready to be ranked."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.sign_in import create_sign_in_link
from training.models import TrainingRun
from training.services.demonstration import found_demonstration
from training.services.sampling.control import sample_live_version
from training.services.sampling.worker import execute_sampling
from training.services.simulation.demo_project import found_project
from training.services.simulation.labels import MODELS
from training.starter.build import StarterError
from training.starter.corpus import CLIMATE, load_corpus
from training.terminal_progress import progress_bars

COORDINATOR = "coordinator@example.org"


class Command(BaseCommand):
    help = "Make the demonstration project with its first round, unless it is there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--model",
            choices=MODELS,
            default="smollm2",
            help="a real small chat model (smollm2), or one of 2.4 million parameters made of the corpus now",
        )
        parser.add_argument("--corpus", type=Path, default=CLIMATE, help="the starter's topics (climate)")
        parser.add_argument("--slug", default="climate-tutor")
        parser.add_argument("--name", default="Climate tutor")

    def handle(self, **options: Any) -> None:
        coordinator = User.objects.filter(email=COORDINATOR).first()
        if coordinator is None:
            coordinator = User.objects.create_user(COORDINATOR, name="Coordinator")
        project = Project.objects.filter(slug=options["slug"]).first()
        if project is None:
            project = self._found(coordinator, options)
        if not project.rounds.begun().exists():
            self._open_first_round(project, coordinator)
        link = create_sign_in_link(coordinator)
        self.stdout.write(f"\nChorus serves {settings.SITE_URL} once the line below says so.")
        self.stdout.write(f"Sign in as coordinator with this link, which works once:\n\n    {link}\n")

    def _found(self, coordinator: User, options: dict[str, Any]) -> Project:
        try:
            if options["model"] == "smollm2":
                names = {"name": options["name"], "slug": options["slug"]}
                return found_demonstration(coordinator=coordinator, **names)
            self.stdout.write("Making the starter model from the demonstration corpus (once) …")
            return found_project(
                topics=load_corpus(options["corpus"]),
                starter=Path(settings.DATA_DIR) / "starters" / options["slug"],
                name=options["name"],
                slug=options["slug"],
                coordinator=coordinator,
            )
        except (OSError, ValueError, StarterError, RefusedError) as error:
            raise CommandError(str(error)) from error

    def _open_first_round(self, project: Project, coordinator: User) -> None:
        self.stdout.write("Sampling answers for the first round …")
        with progress_bars(Path(settings.DATA_DIR) / "runs"):
            run = project.runs.active().first() or self._sample(project, coordinator)
            execute_sampling(run.pk)
        run.refresh_from_db()
        if run.state != TrainingRun.State.SUCCEEDED:
            raise CommandError(run.error or "Another worker is sampling the answers; try again in a minute.")

    def _sample(self, project: Project, coordinator: User) -> TrainingRun:
        try:
            return sample_live_version(project=project, actor=coordinator)
        except RefusedError as refused:
            raise CommandError(str(refused)) from refused
