"""Whether a project's base model is there: what has to wait for it, and trying again."""

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from training.models import UnpackedBase
from training.tasks import run_unpacking


def unpacked_base_of(project: Project) -> UnpackedBase | None:
    """The unpacking of a project's base model; None for one that did not come as a GGUF file."""
    return UnpackedBase.objects.filter(location=project.base_model).first()


def require_unpacked(project: Project) -> None:
    """Raise RefusedError while a project's base model waits to be unpacked, or could not be."""
    base = unpacked_base_of(project)
    if base is None or base.state == base.State.SUCCEEDED:
        return
    if base.is_active:
        raise RefusedError(_("The base model is still being unpacked: wait for that to end."))
    raise RefusedError(_("The base model could not be unpacked: the Training page says why."))


def retry_unpacking(*, project: Project, actor: User | None = None) -> None:
    """Let a worker unpack a project's base model again; raises RefusedError unless that had failed."""
    with transaction.atomic():
        base = unpacked_base_of(project)
        if base is None or not base.requeue():
            raise RefusedError(_("There is nothing to try again: no unpacking of the base model has failed."))
        record("base_model.retried", actor=actor, project=project, target=base)
        transaction.on_commit(partial(run_unpacking.enqueue, base.pk))
