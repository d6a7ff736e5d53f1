"""Print a link that signs a person in once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.models import User
from annotator.services.sign_in import create_sign_in_link


class Command(BaseCommand):
    help = "Print a link that signs the person with this e-mail address in, once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email=email.lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody with the address {email} can sign in here.")
        self.stdout.write(create_sign_in_link(user))
