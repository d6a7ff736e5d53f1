"""Whom the acts of training are told to: `annotator/events.py` has the words."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from annotator.events import Kind, wanting
from annotator.models import Event, Project, User
from annotator.services.telling.notices import take_back, tell
from ranking.models import Judgment, Outcome
from ranking.models.collected import collected_in
from ranking.models.reliability import fit_of
from ranking.models.round_states import RoundState
from training.cron import next_times
from training.models import ModelVersion, Release, Schedule, TrainingRun, Update

DAY = timedelta(days=1)


@transaction.atomic
def remind(schedule: Schedule, now: datetime) -> None:
    """A day before the next update tell those who have not ranked in the open round: once a round.

    Not in a round's first day, which began with a mail.
    """
    project = schedule.project
    current = project.rounds.open().filter(state=RoundState.OPEN, opened_at__lt=now - DAY).first()
    if current is None:
        return
    about, kind = f"round:{current.pk}", Kind.ROUND_ENDING
    due = next_times(schedule.cron, project.timezone, now, 1)[0]
    # Looked for first, too: the clock comes every few seconds.
    if due - now > DAY or Event.objects.filter(project=project, kind=kind, about=about).exists():
        return
    ranked = Judgment.objects.filter(comparison__round=current).values("volunteer")
    people = wanting(kind, project).exclude(pk__in=ranked)
    facts = {"number": current.number, "time": due}
    tell(kind, project=project, about=about, facts=facts, people=people)


def tell_passed_over(schedule: Schedule, slot: datetime) -> None:
    """That a planned update did not begin for want of data."""
    tell(Kind.PASSED_OVER, project=schedule.project, about=f"slot:{slot.isoformat()}", facts={})


def tell_report(project: Project, slot: datetime) -> bool:
    """How far the newest round is; False where there is none."""
    newest = project.rounds.begun().first()
    if newest is None:
        return False
    collected = collected_in(Judgment.objects.in_round(newest), fit_of(project))
    facts = {"number": newest.number, "judgments": collected.judgments, "people": collected.people}
    tell(Kind.REPORT, project=project, about=f"slot:{slot.isoformat()}", facts=facts)
    return True


def tell_failed(*, update: Update | None, sampling: TrainingRun | None) -> None:
    """Each failure is told, also the next one of an update that was tried again."""
    if update:
        about = f"update:{update.pk}:{update.finished_at}"
        facts = {"number": update.number}
        tell(Kind.UPDATE_FAILED, project=update.project, about=about, facts=facts)
    if sampling:
        about = f"run:{sampling.pk}:{sampling.finished_at}"
        tell(Kind.SAMPLING_FAILED, project=sampling.project, about=about, facts={})


def tell_candidate(version: ModelVersion) -> None:
    tell(Kind.CANDIDATE, project=version.project, about=_label(version), facts=_facts(version))


def tell_released(release: Release, actor: User | None) -> None:
    """That a version is live: to coordinators, and to whom it learned from."""
    version, project = release.version, release.project
    kind = Kind.ROLLED_BACK if release.is_rollback else Kind.RELEASED
    take_back(Kind.CANDIDATE, project=project, about=_label(version))
    if release.is_rollback and release.previous:
        take_back(Kind.LEARNED, project=project, about=_label(release.previous))
    tell(kind, project=project, about=f"release:{release.pk}", facts=_facts(version), actor=actor)
    _thank(version)


def tell_rejected(version: ModelVersion, actor: User | None) -> None:
    about = _label(version)
    take_back(Kind.CANDIDATE, project=version.project, about=about)
    tell(Kind.REJECTED, project=version.project, about=about, facts=_facts(version), actor=actor)


def _thank(version: ModelVersion) -> None:
    """Tell volunteers once how many of their judgments a version learned from, however often it goes live."""
    outcome = Outcome.objects.filter(candidate=version.author).select_related("dataset").first()
    if outcome is None:
        return
    judgments = Judgment.objects.in_dataset(outcome.dataset).order_by().values("volunteer")
    counts = dict(judgments.annotate(count=Count("pk")).values_list("volunteer", "count"))
    tell(
        Kind.LEARNED,
        project=version.project,
        about=_label(version),
        facts={"number": version.number, "win_rate": outcome.win_rate_percent},
        people=User.objects.filter(pk__in=judgments),
        own={pk: {"judgments": count} for pk, count in counts.items()},
    )


def _label(version: ModelVersion) -> str:
    return f"version:{version.pk}"


def _facts(version: ModelVersion) -> dict[str, int | float]:
    """Its number, win rate (a share from 0 to 1) and the round it learned from; what there is of these."""
    update = Update.objects.filter(candidate=version).select_related("round").first()
    rate, current = version.metrics.get("win_rate"), update.round if update else None
    return {
        "number": version.number,
        **({} if rate is None else {"win_rate": rate}),
        **({} if current is None else {"round": current.number}),
    }
