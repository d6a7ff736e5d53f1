"""Other programs that are told what happens in a project."""

import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone
from django.utils.crypto import get_random_string, salted_hmac
from django.utils.translation import gettext_lazy as _

from .events import Event
from .projects import Project

MOST_WEBHOOKS = 10
LONGEST_ADDRESS = 500
TEST = "test"
"""The event of a delivery that has none."""


def new_seed() -> str:
    return get_random_string(32)


class Webhook(models.Model):
    """Where a project's events are posted to; `kinds` are those that it is told.

    Its secret is made of its `seed` and the site's secret key, so that the database alone signs nothing.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    address = models.CharField(max_length=LONGEST_ADDRESS)
    kinds: Any = models.JSONField(default=list)
    seed = models.CharField(max_length=32, default=new_seed, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.address

    @property
    def secret(self) -> str:
        """The key of its signatures: 64 hexadecimal digits."""
        return salted_hmac("annotator.webhook", self.seed, algorithm="sha256").hexdigest()


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def waiting(self) -> Self:
        return self.filter(state=Delivery.State.WAITING)


class Delivery(models.Model):
    """An event on its way to a webhook; without an event it is a test. `key` is the same at every attempt."""

    class State(models.TextChoices):
        WAITING = "waiting", _("On its way")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, related_name="deliveries")
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=60, blank=True, help_text="Of the last attempt, such as `HTTP 500`.")
    next_at = models.DateTimeField(default=timezone.now, help_text="When the next attempt is due.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "deliveries"
        constraints = (models.UniqueConstraint(fields=("webhook", "event"), name="delivered_once"),)

    def __str__(self) -> str:
        return f"{self.what} to webhook {self.webhook_id}"

    @property
    def what(self) -> str:
        return str(self.event or TEST)

    def end(self, state: State, answer: str) -> None:
        self.state, self.answer = state, answer
        self.save(update_fields=["state", "answer"])

    def wait(self, until: Any, answer: str) -> None:
        self.next_at, self.answer = until, answer
        self.save(update_fields=["next_at", "answer"])
