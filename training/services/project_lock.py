"""Updates and sampling of a project exclude each other, and need its base model."""

from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project
from annotator.shown import Shown, check_shown
from training.facts import work_facts
from training.services.base_models.control import require_unpacked


def lock_idle_project(project: Project, shown: Shown | None = None) -> None:
    """Lock the project until the transaction ends.

    Raises RefusedError while an update or sampling runs, or the base model is not unpacked.

    `shown` is the work that who starts something was shown.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_shown(shown, work_facts(project))
    require_unpacked(project)
    require_idle(project)


def require_idle(project: Project) -> None:
    """Raise RefusedError while an update or sampling runs; the caller holds the project's lock."""
    if project.updates.active().exists():
        raise RefusedError(
            _("An update of this project is under way already. Wait for it to end, or cancel it first.")
        )
    if project.runs.active().filter(update=None).exists():
        raise RefusedError(_("Answers are being sampled already. Wait for that to end, or cancel it first."))
