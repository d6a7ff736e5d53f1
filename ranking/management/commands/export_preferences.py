"""Writes a new snapshot of a project's preferences and copies its files to a folder."""

import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.models import Project
from ranking.errors import RankingError
from ranking.services import snapshot_preferences


class Command(BaseCommand):
    help = "Take a snapshot of a project's preferences and copy its files to a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's short name")
        parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new or empty folder")

    def handle(self, *, project: str, out: Path, **options: Any) -> None:
        out = Path(out)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CommandError(f"{out} is not empty: name a new folder.")
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project {project!r}.")
        try:
            dataset = snapshot_preferences(project=found)
        except RankingError as error:
            raise CommandError(str(error)) from error
        try:
            shutil.copytree(dataset.folder, out, dirs_exist_ok=True)
        except OSError as error:
            raise CommandError(f"Dataset {dataset.number} was taken, but not copied: {error}") from error
        self.stdout.write(
            f"Dataset {dataset.number}: {dataset.pairs} pairs "
            f"({dataset.train_pairs} train, {dataset.held_out_pairs} held out) "
            f"from {dataset.judgments} judgments, in {out}"
        )
