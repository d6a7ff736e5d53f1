"""Founding a project in the browser: asking for it, and stopping it."""

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import User
from training.models import Founding
from training.tasks import run_founding


def founding_of(user: User) -> Founding | None:
    return Founding.objects.select_related("project").filter(founder=user).first()


@transaction.atomic
def request_founding(*, founder: User, values: dict[str, str]) -> Founding:
    """Let a worker check the base model and found the project with these arguments of `found_project`.

    With `start_from` it begins with what that version of another project has learned.

    Raises RefusedError while another founding of the person's waits or runs.
    """
    User.objects.select_for_update(no_key=True).get(pk=founder.pk)
    last = Founding.objects.filter(founder=founder)
    if last.active().exists():
        raise RefusedError(
            _("Your last project is still being made. Wait for that to end, or stop it first.")
        )
    last.delete()
    founding = Founding.objects.create(founder=founder, values=values)
    transaction.on_commit(partial(run_founding.enqueue, founding.pk))
    return founding
