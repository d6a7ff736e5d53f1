"""What the acts of training depend on."""

import hashlib

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotator.facts import moment
from annotator.models import AuditEvent, Project
from annotator.shown import Fact, Facts
from ranking.facts import dataset_facts, round_facts
from ranking.models import Dataset

from .models import ModelVersion, Routine, TrainingRun, Turn, Update
from .services.versions.withdrawn_datasets import withdrawn_datasets

LIVE_VERBS = ("version.registered", "version.taken_over", "version.released", "version.rolled_back")


def live_facts(project: Project) -> Facts:
    """Which version is live, and to which one can go back."""
    live = ModelVersion.objects.live().filter(project=project).first()
    before = live.before if live else None
    return {
        "live": _live(project, live),
        "before": Fact(_("Version before it"), _number(before), _version_words),
    }


def version_facts(version: ModelVersion) -> Facts:
    """What a decision about a version depends on: its state, the live one, and withdrawn judgments."""
    live = ModelVersion.objects.live().filter(project=version.project_id).first()
    taken_back = withdrawn_datasets(version.project).get(version.pk, [])
    decisions = AuditEvent.objects.about(version.project, *LIVE_VERBS, "version.rejected")
    withdrawn = ".".join(
        f"{_named(dataset, version)}-{dataset.withdrawn_judgments}" for dataset in taken_back
    )
    return {
        "live": _live(version.project, live),
        "state": Fact(_("State of %s") % version, version.state, _state_label, decisions),
        "taken_back": Fact(_("Datasets with withdrawn judgments"), withdrawn, _datasets_words),
    }


def work_facts(project: Project) -> Facts:
    """What starting something depends on: the live version, and what was started last."""
    live = ModelVersion.objects.live().filter(project=project).first()
    update = project.updates.first()
    run = project.runs.filter(update=None, stage=TrainingRun.Stage.GENERATE).last()
    updates = AuditEvent.objects.about(project, "update.started")
    samplings = AuditEvent.objects.about(project, "sampling.started")
    return {
        "live": _live(project, live),
        "update": Fact(_("Newest update"), str(update.pk) if update else "", events=updates),
        "run": Fact(_("Newest sampling of answers"), str(run.pk) if run else "", events=samplings),
    }


def deletion_facts(project: Project) -> Facts:
    """What somebody should have seen who deletes a project: what was made in it last."""
    return {**round_facts(project), **dataset_facts(project), **work_facts(project)}


def update_facts(update: Update) -> Facts:
    """How an update ended: empty while it waits or runs."""
    ended = update.finished_at.isoformat() if update.finished_at else ""
    events = AuditEvent.objects.about(update.project, "update.retried", target=update)
    return {"ended": Fact(_("%s ended") % update, ended, moment, events)}


def schedule_facts(project: Project) -> Facts:
    """Which change of the schedule was the last: the id of its audit row; and the zone of its times."""
    return _times_facts(project, AuditEvent.objects.about(project, "schedule.saved"))


def routine_facts(project: Project, kind: str) -> Facts:
    """The same of a part of the week that has times of its own."""
    saved = AuditEvent.objects.about(project, "routine.saved")
    routine = Routine.objects.filter(project=project, kind=kind).first()
    events = saved.filter(target=AuditEvent.label_of(routine)) if routine else saved.none()
    return _times_facts(project, events)


def _times_facts(project: Project, events: QuerySet[AuditEvent]) -> Facts:
    last = events.values_list("pk", flat=True).first()
    zone = Project.objects.values_list("timezone", flat=True).get(pk=project.pk)
    return {
        "schedule": Fact(_("Schedule"), str(last or ""), lambda _value: "", events),
        "zone": Fact(_("Time zone"), zone),
    }


def turn_facts(turn: Turn) -> Facts:
    """What a reviewer decides about: the replies to a turn, and what the member said about them."""
    choice = getattr(turn, "choice", None)
    said = [choice.preferred if choice else ""]
    for reply in turn.replies.select_related("thumb", "edit"):
        thumb, edit = getattr(reply, "thumb", None), getattr(reply, "edit", None)
        said += [str(reply.pk), repr((thumb.is_up, thumb.flags)) if thumb else "", edit.text if edit else ""]
    decided = AuditEvent.objects.about(turn.conversation.project, "chat.taken", "chat.left", target=turn)
    digest = hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]
    return {
        "decision": Fact(_("Decision"), turn.decision or "open", _decision_words, decided),
        "said": Fact(_("What was said about the answers"), digest, lambda _value: ""),
    }


def _decision_words(value: str) -> object:
    return dict(Turn.Decision.choices).get("" if value == "open" else value, value)


def serving_facts(project: Project) -> Facts:
    """Which change of who is answered was the last: the id of its audit row."""
    events = AuditEvent.objects.about(project, "serving.saved")
    last = events.values_list("pk", flat=True).first()
    return {"serving": Fact(_("Who is answered"), str(last or ""), lambda _value: "", events)}


def _live(project: Project, live: ModelVersion | None) -> Fact:
    events = AuditEvent.objects.about(project, *LIVE_VERBS)
    return Fact(_("Live version"), _number(live), _version_words, events)


def _number(version: ModelVersion | None) -> str:
    return str(version.number) if version else ""


def _version_words(value: str) -> str:
    return _("version %s") % value


def _state_label(value: str) -> object:
    return dict(ModelVersion.State.choices).get(value, value)


def _named(dataset: Dataset, version: ModelVersion) -> str:
    """Its number, with its project's slug where that is another one than the version's."""
    is_own = dataset.project_id == version.project_id
    return str(dataset.number) if is_own else f"{dataset.project.slug}/{dataset.number}"


def _datasets_words(value: str) -> str:
    return ", ".join(part.rpartition("-")[0] for part in value.split("."))
