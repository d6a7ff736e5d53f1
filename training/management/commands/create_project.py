"""`manage.py create_project NAME`: a new project with its coordinator and its base model as version 0."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from annotator.errors import RefusedError
from annotator.models import User
from annotator.services.projects import slug_of
from annotator.services.sign_in import create_sign_in_link
from training.models import UnpackedBase
from training.services.base_models.unpacking import unpack_now
from training.services.founding.projects import found_project, prepare_base_model
from training.terminal_progress import progress_bar


class Command(BaseCommand):
    help = "Found a project: its base model becomes version 0, and its coordinator gets a sign-in link."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--slug", help="its part of the address (made from the name)")
        parser.add_argument(
            "--base-model",
            required=True,
            help="a folder, a GGUF file, or a model of the Hugging Face hub: Qwen/Qwen3-0.6B",
        )
        parser.add_argument("--coordinator", required=True, metavar="EMAIL", help="who runs it")
        parser.add_argument("--system-prompt", default="", help="put before every conversation")

    def handle(self, **options: Any) -> None:
        email = options["coordinator"].lower()
        slug = options["slug"] or slug_of(options["name"])
        if options["name"] and not slug:
            raise CommandError("No address can be made of this name; choose one with --slug.")
        try:
            validate_email(email)
            base_model = prepare_base_model(
                options["base_model"], system_prompt=options["system_prompt"], unpack=self._unpack
            )
            with transaction.atomic():  # nobody gets an account without the project
                coordinator = User.objects.filter(email=email).first() or User.objects.create_user(email)
                project = found_project(
                    name=options["name"],
                    slug=slug,
                    base_model=base_model,
                    coordinator=coordinator,
                    system_prompt=options["system_prompt"],
                )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except RefusedError as refused:
            raise CommandError(f"{refused}\nNothing was stored.") from refused
        link = create_sign_in_link(coordinator)
        self.stdout.write(f"{project} is founded. {coordinator} signs in once with:\n{link}")

    def _unpack(self, base: UnpackedBase) -> None:
        self.stdout.write(f"Unpacking {Path(base.file).name}, unless that was done before …")
        with progress_bar(base.folder, "Unpacking"):
            unpack_now(base)
