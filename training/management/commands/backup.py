"""`manage.py backup DIR`: database and files as they are now, while people use the site."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training.services.backup.create import make_backup

from ._refusals import refusals_as_errors


class Command(BaseCommand):
    help = "Write a backup of the site, which may run meanwhile, as a new folder in DIR."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="where backups are kept")
        parser.add_argument("--keep", type=int, metavar="N", help="then delete all but the newest N backups")
        parser.add_argument(
            "--with-secret-key",
            action="store_true",
            help="the file secret_key, too: whoever has it can sign in as anyone",
        )

    def handle(self, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep needs a number from 1 on.")
        with refusals_as_errors("No backup was made."):
            made = make_backup(
                folder=options["folder"], keep=options["keep"], with_secret_key=options["with_secret_key"]
            )
        self.stdout.write(str(made))
