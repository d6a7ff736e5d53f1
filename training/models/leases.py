"""Work that one worker at a time may hold, and lose."""

import uuid
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LEASE = timedelta(seconds=60)
"""How long work is held without a heartbeat; the launcher renews it far more often (`RENEW_SECONDS`)."""


class LeaseLostError(Exception):
    """Another worker took the work over, so that nothing more may be written by this one."""


class LeasedQuerySet(models.QuerySet):
    def active(self) -> Self:
        return self.filter(state__in=Leased.ACTIVE)

    def claimable(self) -> Self:
        """Queued work, and running work whose lease has expired."""
        return self.filter(
            Q(state=Leased.State.QUEUED) | Q(state=Leased.State.RUNNING, lease_expires_at__lt=timezone.now())
        )


class Leased(models.Model):
    """Work held by a lease that its worker renews; `attempt` counts the leases taken.

    Everything a worker writes goes through `write`, which is conditional on still holding the lease.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    ACTIVE: ClassVar = (State.QUEUED, State.RUNNING)

    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True, default=None)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    def claim(self) -> uuid.UUID | None:
        """Take the lease if nobody holds a current one; None means that another worker has it."""
        lease, now = uuid.uuid4(), timezone.now()
        claimed = (
            type(self)
            .objects.claimable()
            .filter(pk=self.pk)
            .update(
                state=self.State.RUNNING,
                lease=lease,
                lease_expires_at=now + LEASE,
                attempt=F("attempt") + 1,
                started_at=Coalesce("started_at", now),
            )
        )
        if not claimed:
            return None
        # Only these fields: related objects already fetched carry leases of their own.
        self.refresh_from_db(fields=["state", "lease", "lease_expires_at", "attempt", "started_at"])
        return lease

    def write(self, **values: Any) -> None:
        """Save fields while holding the lease; raises LeaseLostError, and saves nothing, without it."""
        if self.lease is None or not self._held().update(**values):
            raise LeaseLostError(f"{self} was taken over by another worker.")
        for name, value in values.items():
            setattr(self, name, value)

    def renew(self, **values: Any) -> None:
        """Hold the lease for another while, saving fields on the way."""
        self.write(lease_expires_at=timezone.now() + LEASE, **values)

    def finish(self, state: State, **values: Any) -> None:
        """End the work in a final state and give the lease back; raises LeaseLostError without it."""
        if self.lease is None or not self._end(self._held(), state, **values):
            raise LeaseLostError(f"{self} was taken over by another worker.")

    def give_up(self, error: str) -> bool:
        """Fail work whose workers died too often; False when a worker claims it at this moment."""
        left = type(self).objects.claimable().filter(pk=self.pk, attempt=self.attempt)
        return self._end(left, self.State.FAILED, error=error)

    def request_cancel(self) -> bool:
        """End work that waits, ask the worker of running work to stop; False for work that has ended."""
        now = timezone.now()
        rows = type(self).objects.filter(pk=self.pk)
        if self._end(rows.filter(state=self.State.QUEUED), self.State.CANCELLED, cancel_requested_at=now):
            return True
        if not rows.filter(state=self.State.RUNNING).update(cancel_requested_at=now):
            return False
        self.refresh_from_db(fields=["state", "cancel_requested_at"])
        return True

    def hand_back(self) -> None:
        """Hand work back to the queue when its worker stops; this does not count as an attempt."""
        self._held().update(
            state=self.State.QUEUED, lease=None, lease_expires_at=None, attempt=F("attempt") - 1
        )

    def requeue(self) -> bool:
        """Queue failed or cancelled work again, keeping its progress; False for other work."""
        waiting = {
            "state": self.State.QUEUED,
            "attempt": 0,
            "lease": None,
            "lease_expires_at": None,
            "cancel_requested_at": None,
            "finished_at": None,
            "error": "",
        }
        ended = (self.State.FAILED, self.State.CANCELLED)
        requeued = type(self).objects.filter(pk=self.pk, state__in=ended).update(**waiting)
        if requeued:
            self.refresh_from_db(fields=list(waiting))
        return bool(requeued)

    def _held(self) -> LeasedQuerySet:
        return type(self).objects.filter(pk=self.pk, state=self.State.RUNNING, lease=self.lease)

    def _end(self, rows: LeasedQuerySet, state: State, **values: Any) -> bool:
        """End the work if its row is still among `rows`: the one way in which work ends."""
        ended = {"state": state, "lease_expires_at": None, "finished_at": timezone.now(), **values}
        if not rows.update(lease=None, **ended):
            return False
        # Not the lease: when the transaction around this is rolled back, the work can still be ended by it.
        for name, value in ended.items():
            setattr(self, name, value)
        return True
