"""Deleting a project with all that belongs to it; accounts, base models and the audit log stay."""

from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from annotator.services.chunks import delete_in_chunks
from annotator.services.projects import delete_people_and_material
from annotator.shown import Shown, check_shown
from ranking.services.deleting import delete_judging
from training.facts import deletion_facts
from training.models import Conversation, ModelVersion, Release, Taking, TrainingRun, Update
from training.services.project_lock import require_idle
from training.tasks import remove_project_files

from .contents import folders_by_slug, numbers_of, other_files
from .files import put_aside


def delete_project(*, project: Project, actor: User, shown: Shown | None = None) -> None:
    """Delete a project's rows at once, and its files by a job; the audit row says who did it, and how much.

    Raises RefusedError, with nothing deleted, while an update or sampling runs.
    """
    try:
        with transaction.atomic():
            _delete(project, actor, shown)
    except (ProtectedError, RestrictedError):
        raise  # a mistake of ours, which must not look like the others
    except (IntegrityError, OperationalError) as error:
        words = _(
            "Something was stored in the project at the same moment, so nothing was deleted. Try again."
        )
        raise RefusedError(words) from error


def _delete(project: Project, actor: User, shown: Shown | None) -> None:
    # Without the key: what points to the project can be committed meanwhile, as a judgment does while it
    # holds its assignment, for which this waits.
    if not Project.objects.select_for_update(no_key=True).filter(pk=project.pk).exists():
        raise RefusedError(_("Somebody else has deleted this project already."))
    check_shown(shown, deletion_facts(project))
    require_idle(project)
    names = {"name": project.name, "slug": project.slug}
    record("project.deleted", actor=actor, project=project, target=project, **names, **numbers_of(project))
    transaction.on_commit(
        partial(_clear, project.pk, folders_by_slug(project), other_files(project)), robust=True
    )
    _delete_learning(project)
    delete_judging(project)
    delete_people_and_material(project)


def _delete_learning(project: Project) -> None:
    """Delete conversations, updates, runs and versions with all that hangs on them."""
    Taking.objects.filter(project=project).delete()
    delete_in_chunks(Conversation.objects.filter(project=project))
    Release.objects.filter(project=project).delete()
    TrainingRun.objects.filter(project=project).delete()
    Update.objects.filter(project=project).delete()
    versions = ModelVersion.objects.filter(project=project)
    versions.update(parent=None)
    versions.delete()


def _clear(project_id: int, by_slug: list[Path], others: list[Path]) -> None:
    places = [put_aside(folder, project_id) for folder in by_slug] + others
    data = Path(settings.DATA_DIR)
    remove_project_files.enqueue([str(place.relative_to(data)) for place in places])
