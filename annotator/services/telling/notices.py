"""Telling people what happened: written in the transaction of the act, mailed by jobs."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from annotator.events import Kind, wanting
from annotator.models import Event, Notice, Project, User
from annotator.tasks import mail_event, mail_notices

from .webhooks import post_event

LEFT = timedelta(minutes=5)
"""Older notices without a job have lost it."""


def tell(
    kind: Kind,
    *,
    project: Project,
    about: str,
    facts: Mapping[str, Any],
    actor: User | None = None,
    people: QuerySet[User] | None = None,
    own: Mapping[int, Mapping[str, Any]] | None = None,
) -> Event | None:
    """Tell of an event once, in the transaction of the act; None where it was told before.

    Of those who want it, the `people` given are told, but not the `actor`; `own` are facts for single ones,
    by the number of the person. Of two acts that tell the same at once, the second fails.
    """
    what = Event(project=project, kind=kind, about=about, facts=dict(facts), actor=actor)
    if Event.objects.filter(project=project, kind=kind, about=about).exists():
        return None
    what.save(force_insert=True)
    post_event(what)
    told = wanting(kind, project) if people is None else wanting(kind, project).filter(pk__in=people)
    told = told.exclude(pk=actor.pk) if actor else told
    notices = [
        Notice(event=what, user_id=pk, facts=dict(own[pk]) if own else {})
        for pk in told.values_list("pk", flat=True)
    ]
    if Notice.objects.bulk_create(notices, batch_size=1000):
        transaction.on_commit(partial(mail_event.enqueue, what.pk))
    return what


def take_back(kind: Kind, *, project: Project, about: str) -> None:
    """Tell nobody any more of what no longer holds; whoever was told stays so."""
    Notice.objects.filter(event__project=project, event__kind=kind, event__about=about, sent_at=None).delete()


def revive_notices() -> None:
    """See that whoever is to be told has a job, as a worker that is killed loses the one it was at."""
    old = timezone.now() - LEFT
    people = set(Notice.objects.waiting().filter(event__created_at__lt=old).values_list("user_id", flat=True))
    if not people:
        return
    jobs = DBTaskResult.objects.filter(status=TaskResultStatus.READY, task_path=mail_notices.module_path)
    for pk in people - {job.args_kwargs["args"][0] for job in jobs}:
        mail_notices.enqueue(pk)
