"""Starting, stopping and resuming updates."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from ranking.models import Dataset, Inclusion, Judgment
from ranking.models.judgments import JudgmentQuerySet
from ranking.models.round_states import RoundState
from training.facts import update_facts
from training.models import ModelVersion, TrainingRun, Update
from training.services.plans.stored import minutes_of, plan_for
from training.services.project_lock import lock_idle_project
from training.services.runs.recipes import STAGES, Settings, check_settings, settings_of
from training.tasks import run_update

State = Update.State


def start_update(
    *,
    project: Project,
    actor: User | None = None,
    slot: datetime | None = None,
    settings: Settings | None = None,
    shown: Shown | None = None,
) -> Update:
    """Queue an update of the live version; raises RefusedError when one is under way or it could not run.

    `settings` are recipe settings by stage; without them the project's count. What they leave open is as the
    project's plan has it, or if that is out of date, as the worker plans it. `slot` is the scheduled time
    that it is started for.
    """
    settings = settings_of(project) if settings is None else settings
    check_settings(settings)
    with transaction.atomic():
        lock_idle_project(project, shown)
        parent = ModelVersion.objects.live().filter(project=project).first()
        if parent is None:
            raise RefusedError(_("This project has no live version yet, so there is nothing to update."))
        prompts = project.prompts.in_use()
        if not prompts.train().exists() or not prompts.held_out().exists():
            raise RefusedError(
                _("An update needs prompts to learn from and held-out ones: import more prompts.")
            )
        if slot is not None and project.updates.filter(slot=slot).exists():
            raise RefusedError(_("The update of this time was started already."))
        last = project.updates.aggregate(last=Max("number"))["last"] or 0
        current = project.rounds.begun().first()
        update = Update.objects.create(
            project=project,
            number=last + 1,
            parent=parent,
            round=current,
            started_by=actor,
            slot=slot,
            settings=settings,
            plan=plan_for(project, settings),
        )
        record("update.started", actor=actor, project=project, target=update, slot=slot)
        if current:
            current.move(RoundState.CLOSING, actor=actor)
        transaction.on_commit(partial(run_update.enqueue, update.pk))
    return update


def request_cancel(*, update: Update, actor: User | None = None) -> None:
    """Ask the worker to stop an update after the next checkpoint; one that still waits ends at once."""
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=update.project_id)
        if not update.request_cancel():
            raise RefusedError(_("This update has ended already, so there is nothing to cancel."))
        record("update.cancel_requested", actor=actor, project=update.project, target=update)


def retry_update(
    *,
    update: Update,
    actor: User | None = None,
    settings: Settings | None = None,
    shown: Shown | None = None,
) -> None:
    """Let an update that failed or was cancelled go on where it stopped; its parent must still be live.

    Stages that succeeded are kept; the others follow `settings`, or without them the project's as they are
    now. As long as no reward model was trained, newer judgments are taken in, and withdrawn ones and those of
    excluded people left out.
    """
    settings = settings_of(update.project) if settings is None else settings
    check_settings(settings)
    with transaction.atomic():
        # First: of an update that somebody has tried again meanwhile it says that, not that one is under way.
        Project.objects.select_for_update(no_key=True).get(pk=update.project_id)
        update.refresh_from_db(fields=["finished_at"])
        check_shown(shown, update_facts(update))
        lock_idle_project(update.project)
        if not ModelVersion.objects.live().filter(pk=update.parent_id).exists():
            raise RefusedError(
                _("%(version)s is no longer live: start a new update of the version that is.")
                % {"version": update.parent}
            )
        if not update.requeue():
            raise RefusedError(_("Only an update that failed or was cancelled can be tried again."))
        update.refresh_from_db(fields=["dataset"])
        if update.settings != settings or update.plan.get("budget") != 60 * minutes_of(update.project):
            update.settings, update.plan = settings, plan_for(update.project, settings)
        if _needs_new_dataset(update):
            update.dataset = None
        update.save(update_fields=["settings", "plan", "dataset"])
        record("update.retried", actor=actor, project=update.project, target=update)
        if update.round:
            update.round.move(RoundState.CLOSING, actor=actor)
        transaction.on_commit(partial(run_update.enqueue, update.pk))


def new_judgments(project: Project) -> JudgmentQuerySet:
    """The judgments that no successful update has learned from yet, and the next dataset will hold.

    By their ids, though inclusions know it exactly: pages that open often ask for this, and find the newest
    judgments by an index instead of looking at all. A restored prompt's old judgments are not counted.
    """
    last = learned_dataset(project)
    return Judgment.objects.for_dataset(project).filter(pk__gt=last.last_judgment_id if last else 0)


def learned_dataset(project: Project) -> Dataset | None:
    """That of the last successful update."""
    updates = Update.objects.select_related("dataset").filter(project=project, state=State.SUCCEEDED)
    last = updates.filter(dataset__isnull=False).first()
    return last.dataset if last else None


def _needs_new_dataset(update: Update) -> bool:
    reward = update.run_of(STAGES[0])
    if update.dataset is None or (reward is not None and reward.state == TrainingRun.State.SUCCEEDED):
        return False
    if update.dataset.withdrawn_people:
        return True
    held = Judgment.objects.counted_in(update.dataset)
    withdrawn = held.filter(comparison__prompt__withdrawn_at__isnull=False)
    return (
        withdrawn.exists()
        or held.excluded().exists()
        or Inclusion.objects.missing_from(update.dataset).exists()
    )
