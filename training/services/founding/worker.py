"""The worker's part of founding: checking the base model, which takes too long for a page."""

from django.db import transaction

from annotator.access import FOUND
from annotator.errors import RefusedError
from annotator.models import Project, User
from training.failures import record_failure
from training.models import Founding
from training.services.versions.origins import take_over, versions_coordinated_by

from .projects import found_project, prepare_base_model


def execute_founding(founding_id: int) -> None:
    """Check the base model, then found the project; whatever goes wrong ends up as the founding's error.

    Returns at once when another worker is at it, or it was stopped. Interrupted, it is left to the next one.
    """
    founding = Founding.objects.select_related("founder").filter(pk=founding_id).first()
    if founding is None or founding.claim() is None:
        return
    try:
        with record_failure(founding):
            _found(founding)
    except KeyboardInterrupt:
        founding.hand_back()
        raise


def _found(founding: Founding) -> None:
    values = dict(founding.values)
    started_from = values.pop("start_from", "")
    founding.hold_long()
    base_model = prepare_base_model(
        values["base_model"], system_prompt=values["system_prompt"], beat=founding.renew
    )
    founding.founder.refresh_from_db()
    if not founding.founder.has_perm(FOUND):
        raise RefusedError(f"{founding.founder} may not found projects any more.")
    with transaction.atomic():
        project = found_project(**values | {"base_model": base_model}, coordinator=founding.founder)
        if started_from:
            _start_from(project, founding.founder, int(started_from))
        founding.finish(
            founding.State.SUCCEEDED, project=project, values={}
        )  # nothing is kept if it was stopped


def _start_from(project: Project, founder: User, version_id: int) -> None:
    source = versions_coordinated_by(founder).filter(pk=version_id).first()
    if source is None:
        raise RefusedError("The version to start from is gone, or you no longer coordinate its project.")
    take_over(project, source, founder)
