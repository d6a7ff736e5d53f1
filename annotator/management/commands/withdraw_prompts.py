"""Take prompts out of a project, or put them back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.errors import RefusedError
from annotator.models import Project
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts


class Command(BaseCommand):
    help = "Withdraw prompts: no model is asked them any more, and new datasets leave them out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prompts", type=int, nargs="+", metavar="NUMBER", help="as the site shows it")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--restore", action="store_true", help="use withdrawn prompts again")

    def handle(self, *args: Any, prompts: list[int], project: str, restore: bool, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project with the slug {project!r}.")
        ids = dict(found.prompts.filter(number__in=prompts).values_list("number", "pk"))
        if missing := sorted(set(prompts) - ids.keys()):
            raise CommandError(f"The project has no prompt {missing[0]}.")
        act = restore_prompts if restore else withdraw_prompts
        try:
            changed = act(project=found, prompt_ids=ids.values(), actor=None)
        except RefusedError as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{changed} prompts {'restored' if restore else 'withdrawn'}.")
