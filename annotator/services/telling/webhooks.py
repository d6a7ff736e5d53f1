"""A project's webhooks: adding and removing them, and having events posted to them."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import Delivery, Event, Project, User, Webhook
from annotator.models.webhooks import MOST_WEBHOOKS
from annotator.services.audit import record
from annotator.tasks import post_delivery

LEFT = timedelta(minutes=5)
"""A delivery that is due for so long has lost its job."""
KEPT = timedelta(days=30)


@transaction.atomic
def add_webhook(*, project: Project, address: str, kinds: Iterable[str], actor: User) -> Webhook:
    """Have these kinds of events posted to an address, which the form has checked."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if project.webhooks.count() >= MOST_WEBHOOKS:
        raise RefusedError(_("A project has at most %d webhooks: remove one first.") % MOST_WEBHOOKS)
    webhook = Webhook.objects.create(project=project, address=address, kinds=sorted(kinds))
    # The host only: the rest of an address may be a secret.
    host = urlsplit(address).hostname
    record("webhook.added", actor=actor, project=project, target=webhook, host=host)
    return webhook


@transaction.atomic
def remove_webhook(*, webhook: Webhook, actor: User) -> None:
    """Post nothing to it any more; what is on its way is dropped, too."""
    host = urlsplit(webhook.address).hostname
    record("webhook.removed", actor=actor, project=webhook.project, target=webhook, host=host)
    webhook.delete()


@transaction.atomic
def send_test(*, webhook: Webhook) -> Delivery:
    """Post a test to it, unless the one before is still on its way."""
    Project.objects.select_for_update(no_key=True).get(pk=webhook.project_id)
    if webhook.deliveries.waiting().filter(event=None).exists():
        raise RefusedError(_("The test before is still on its way."))
    delivery = Delivery.objects.create(webhook=webhook)
    transaction.on_commit(partial(post_delivery.enqueue, delivery.pk))
    return delivery


def post_event(event: Event) -> None:
    """Have an event posted to all who are to know of it, in the transaction in which it happened."""
    for webhook in event.project.webhooks.all():
        if event.kind in webhook.kinds:
            delivery = Delivery.objects.create(webhook=webhook, event=event)
            transaction.on_commit(partial(post_delivery.enqueue, delivery.pk))


def revive_deliveries() -> None:
    """See that what is due has a job, as a worker that is killed loses the one it was at; forget old ones."""
    now = timezone.now()
    Delivery.objects.filter(created_at__lt=now - KEPT).delete()
    due = set(Delivery.objects.waiting().filter(next_at__lt=now - LEFT).values_list("pk", flat=True))
    if not due:
        return
    jobs = DBTaskResult.objects.filter(status=TaskResultStatus.READY, task_path=post_delivery.module_path)
    for pk in due - {job.args_kwargs["args"][0] for job in jobs}:
        post_delivery.enqueue(pk)
