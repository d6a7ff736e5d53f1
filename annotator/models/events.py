"""What happened that people are told about, and whom it was told."""

from datetime import timedelta
from typing import Any, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .projects import Project
from .users import User

TOO_OLD = timedelta(days=7)
"""What could not be told for so long is not told any more."""


class Event(models.Model):
    """Something that happened in a project, once; `annotator/events.py` has the kinds and their words.

    Written in the transaction of the act. `facts` are numbers and times, never names or texts of people.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=40, help_text="For example `round.opened`.")
    about = models.CharField(max_length=80, help_text="What it happened to, for example `round:12`.")
    facts: Any = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Empty for the site itself."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("project", "kind", "about"), name="event_happens_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def waiting(self) -> Self:
        """Those to be mailed yet, the oldest first."""
        since = timezone.now() - TOO_OLD
        return self.filter(sent_at=None, event__created_at__gt=since).order_by("pk")


class Notice(models.Model):
    """That a person is to be told of an event by mail, or was: one row for both, so nobody is told twice."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    facts: Any = models.JSONField(default=dict, help_text="What this person alone is told.")
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("event", "user"), name="told_once"),)
        indexes = (models.Index(fields=("user",), condition=Q(sent_at=None), name="notices_waiting"),)

    def __str__(self) -> str:
        return f"{self.event} to {self.user_id}"
