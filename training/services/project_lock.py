"""Updates and sampling of a project exclude each other."""

from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project


def lock_idle_project(project: Project) -> None:
    """Lock the project until the transaction ends; raises RefusedError while an update or sampling runs."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if project.updates.active().exists():
        raise RefusedError(
            _("An update of this project is under way already. Wait for it to end, or cancel it first.")
        )
    if project.runs.active().filter(update=None).exists():
        raise RefusedError(_("Answers are being sampled already. Wait for that to end, or cancel it first."))
