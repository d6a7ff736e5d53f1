"""One thing at a time in a project."""

from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project


def take_turn(project: Project) -> None:
    """Lock the project until the transaction ends; raises RefusedError while something is under way in it."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if project.updates.active().exists():
        raise RefusedError(
            _("An update of this project is under way already. Wait for it to end, or cancel it first.")
        )
    if project.runs.active().filter(update=None).exists():
        raise RefusedError(_("Answers are being sampled already. Wait for that to end, or cancel it first."))
