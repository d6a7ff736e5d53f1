"""`manage.py create_project NAME`: a new project with its coordinator and its base model as version 0."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.projects import create_project, slug_of
from annotator.services.sign_in import create_sign_in_link
from training.rlhf.model.gguf_file import is_one_file
from training.services.base_models.check import check_base_model
from training.services.base_models.unpacking import register_gguf, unpack_now
from training.services.versions.releases import register_base_version
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
        slug = options["slug"] or slug_of(options["name"])
        if options["name"] and not slug:
            raise CommandError("No address can be made of this name; choose one with --slug.")
        try:
            validate_email(options["coordinator"])
            # Before the transaction: a model of the hub is fetched meanwhile, and a file unpacked.
            base_model = self._base_model(options["base_model"])
            check_base_model(base_model, system_prompt=options["system_prompt"])
            project, coordinator = _found(slug, base_model, options)
        except ValidationError as error:
            raise CommandError(_words(error)) from error
        except RefusedError as refused:
            raise CommandError(f"{refused}\nNothing was stored.") from refused
        self.stdout.write(
            f"{project} is founded. {coordinator} signs in once with:\n{create_sign_in_link(coordinator)}"
        )

    def _base_model(self, given: str) -> str:
        """The base model as the project names it; a GGUF file is unpacked first."""
        file = Path(given).expanduser()
        if not is_one_file(file):
            return _whole(given)
        base = register_gguf(file.resolve())
        self.stdout.write(f"Unpacking {file.name}, unless that was done before …")
        with progress_bar(base.folder, "Unpacking"):
            unpack_now(base)
        return base.location


@transaction.atomic
def _found(slug: str, base_model: str, options: dict[str, Any]) -> tuple[Project, User]:
    email = options["coordinator"].lower()
    coordinator = User.objects.filter(email=email).first() or User.objects.create_user(email)
    project = create_project(
        name=options["name"],
        slug=slug,
        base_model=base_model,
        coordinator=coordinator,
        system_prompt=options["system_prompt"],
    )
    register_base_version(project=project, actor=coordinator)
    return project, coordinator


def _words(error: ValidationError) -> str:
    """Each message with the field that it is about, where it is about one."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())


def _whole(base_model: str) -> str:
    """The whole path of a model folder, which must be there; a hub name as it is."""
    folder = Path(base_model).expanduser()
    if (folder / "config.json").is_file():
        return str(folder.resolve())
    if base_model.startswith((".", "/", "~")) or folder.is_dir():
        raise CommandError(f"The folder {base_model} holds no model: it has no config.json.")
    return base_model
