"""Taking prompts out of a project, and putting them back."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.facts import prompt_facts
from annotator.models import Project, Prompt, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown

BATCH = 500


def withdraw_prompts(
    *, project: Project, prompt_ids: Iterable[int], actor: User | None, shown: Shown | None = None
) -> int:
    """Leave prompts out of sampling, new rounds and new datasets; returns how many were in use.

    Comparisons of rounds and rows of datasets that exist stay as they are. Raises RefusedError, and changes
    nothing, if one of them is not the project's. `shown` is what a page showed of a single one.
    """
    return _change(project, prompt_ids, actor, shown, is_withdrawn=True)


def restore_prompts(
    *, project: Project, prompt_ids: Iterable[int], actor: User | None, shown: Shown | None = None
) -> int:
    """Use withdrawn prompts again; returns how many had been withdrawn."""
    return _change(project, prompt_ids, actor, shown, is_withdrawn=False)


@transaction.atomic
def remove_prompts(*, project: Project, prompt_ids: Iterable[int], actor: User | None) -> None:
    """Delete prompts for good; those that somebody's judgments are about are withdrawn instead."""
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    for prompt in project.prompts.filter(pk__in=prompt_ids):
        try:
            with transaction.atomic():
                prompt.delete()
        except ProtectedError:
            withdraw_prompts(project=project, prompt_ids=[prompt.pk], actor=actor)


@transaction.atomic
def _change(
    project: Project,
    prompt_ids: Iterable[int],
    actor: User | None,
    shown: Shown | None,
    *,
    is_withdrawn: bool,
) -> int:
    # Two people who withdraw the same prompts at once wait here, so that the log names each change once.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    wanted = set(prompt_ids)
    withdrawn_at = dict(project.prompts.values_list("pk", "withdrawn_at"))
    if missing := sorted(wanted - withdrawn_at.keys()):
        raise RefusedError(_("The project has no prompt %d.") % missing[0])
    if shown is not None:
        check_shown(shown, prompt_facts(project.prompts.get(pk__in=wanted)))
    changed = sorted(pk for pk in wanted if (withdrawn_at[pk] is None) == is_withdrawn)
    now = timezone.now() if is_withdrawn else None
    for start in range(0, len(changed), BATCH):
        Prompt.objects.filter(pk__in=changed[start : start + BATCH]).update(withdrawn_at=now)
    if changed:
        verb = "prompts.withdrawn" if is_withdrawn else "prompts.restored"
        record(verb, actor=actor, project=project, target=project, prompts=changed)
    return len(changed)
