"""One attempt to post an event to a webhook."""

import hashlib
import hmac
import json
import logging
import time
from datetime import datetime, timedelta
from http.client import HTTPException

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F
from django.utils import timezone

from annotator.mail_jobs import at_most
from annotator.models import Delivery
from annotator.models.webhooks import TEST
from annotator.outgoing import RefusedAddressError, post

logger = logging.getLogger(__name__)
SECONDS = 10
"""Of an attempt, however slowly the other side goes on."""
DELAYS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720)]
ATTEMPTS = len(DELAYS) + 1


def deliver(delivery_id: int) -> datetime | None:
    """Post an event once; when to come again, if the other side did not take it."""
    delivery = Delivery.objects.select_related("webhook__project", "event").filter(pk=delivery_id).first()
    if delivery is None or not _claim(delivery):
        return None
    if delivery.attempt > ATTEMPTS:  # the worker was killed at each
        delivery.end(Delivery.State.FAILED, delivery.answer)
        return None
    try:
        status = _post(delivery)
        answer, is_taken = f"HTTP {status}", 200 <= status < 300
    except RefusedAddressError as refused:
        delivery.end(Delivery.State.FAILED, str(refused)[:60])
        return None
    except (OSError, HTTPException) as error:
        answer, is_taken = type(error).__name__, False
    if is_taken:
        delivery.end(Delivery.State.DELIVERED, answer)
        return None
    if delivery.attempt == ATTEMPTS:
        delivery.end(Delivery.State.FAILED, answer)
        return None
    logger.warning("%s is tried again later: %s", delivery, answer)
    delivery.wait(timezone.now() + DELAYS[delivery.attempt - 1], answer)
    return delivery.next_at


def _claim(delivery: Delivery) -> bool:
    """Whether this attempt is ours: of two jobs one finds it as it was read."""
    now = timezone.now()
    unseen = Delivery.objects.waiting().filter(pk=delivery.pk, attempt=delivery.attempt, next_at__lte=now)
    # If the worker is killed meanwhile, the clock has it tried again after that time.
    if not unseen.update(attempt=F("attempt") + 1, next_at=now + DELAYS[0]):
        return False
    delivery.attempt += 1
    return True


def _post(delivery: Delivery) -> int:
    webhook, body = delivery.webhook, body_of(delivery)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Chorus-Webhook",
        "X-Chorus-Event": delivery.event.kind if delivery.event else TEST,
        "X-Chorus-Delivery": str(delivery.key),
        "X-Chorus-Signature": signature(webhook.secret, int(time.time()), body),
    }
    with at_most(SECONDS):
        return post(
            webhook.address,
            body,
            headers,
            seconds=SECONDS,
            allows_private=settings.WEBHOOKS_PRIVATE,
        )


def body_of(delivery: Delivery) -> bytes:
    """The JSON that is posted: numbers, ids and times, nothing that a person is or wrote."""
    event = delivery.event
    content = {
        "id": str(delivery.key),
        "event": event.kind if event else TEST,
        "project": delivery.webhook.project.slug,
        "time": event.created_at if event else delivery.created_at,
        "about": event.about if event else "",
        "data": event.facts if event else {},
    }
    return json.dumps(content, cls=DjangoJSONEncoder).encode()


def signature(secret: str, moment: int, body: bytes) -> str:
    """The signature of a body sent at a moment, in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"
