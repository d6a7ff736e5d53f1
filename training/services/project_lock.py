"""Updates and sampling of a project exclude each other."""

from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project
from annotator.shown import Shown, check_shown
from training.facts import work_facts


def lock_idle_project(project: Project, shown: Shown | None = None) -> None:
    """Lock the project until the transaction ends; raises RefusedError while an update or sampling runs.

    `shown` is the work that who starts something was shown.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_shown(shown, work_facts(project))
    if project.updates.active().exists():
        raise RefusedError(
            _("An update of this project is under way already. Wait for it to end, or cancel it first.")
        )
    if project.runs.active().filter(update=None).exists():
        raise RefusedError(_("Answers are being sampled already. Wait for that to end, or cancel it first."))
