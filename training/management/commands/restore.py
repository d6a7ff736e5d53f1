"""`manage.py restore DIR`: a backup in the place of what the site holds."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from training.services.backup.restore import restore_backup

from ._refusals import refusals_as_errors


class Command(BaseCommand):
    help = "Put a backup in the place of the site's database and files, which are moved aside."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that `manage.py backup` wrote")

    def handle(self, **options: Any) -> None:
        with refusals_as_errors("Nothing was restored, and the site is as it was."):
            restored = restore_backup(folder=options["folder"])
        held = ", ".join(f"{name} {count}" for name, count in restored.counts.items())
        self.stdout.write(f"Restored: {held}.")
        if restored.aside is not None:
            self.stdout.write(f"What was there before is in {restored.aside}.")
        for line in restored.missing:
            self.stderr.write(f"The backup lacks {line}, which the database names.")
