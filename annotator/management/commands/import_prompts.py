"""Take prompts from a file into a project."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.imports.file_formats import BY_A_COMMAND, LineNote
from annotator.models import Project
from annotator.services.prompts.adding import import_prompts

NOTES_SHOWN = 20


class Command(BaseCommand):
    help = "Take prompts from a CSV, TSV, JSON or JSONL file; if any line is wrong, none is taken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument(
            "--skip-bad-rows", action="store_true", help="leave wrong lines out, list them, take the rest"
        )

    def handle(self, *args: Any, file: Path, project: str, skip_bad_rows: bool, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project with the slug {project!r}.")
        try:
            with file.open("rb") as content:
                report = import_prompts(
                    project=found,
                    file=content,
                    filename=file.name,
                    actor=None,
                    skip_bad_rows=skip_bad_rows,
                    limits=BY_A_COMMAND,
                )
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error}") from error
        self.write_notes("skipped", report.skipped)
        if report.errors:
            self.write_notes("wrong", report.errors)
            advice = f" {report.right} lines are right: --skip-bad-rows takes them." if report.right else ""
            raise CommandError(f"Nothing was imported from {file.name}: {len(report.errors)} errors.{advice}")
        self.write_notes("left out", report.left_out)
        self.stdout.write(
            f"{report.taken} prompts taken, {report.held_out} held out; {len(report.skipped)} skipped, "
            f"{len(report.left_out)} left out."
        )

    def write_notes(self, what: str, notes: list[LineNote]) -> None:
        for note in notes[:NOTES_SHOWN]:
            self.stderr.write(f"{what}: {note}")
        if len(notes) > NOTES_SHOWN:
            self.stderr.write(f"{what}: {len(notes) - NOTES_SHOWN} more")
