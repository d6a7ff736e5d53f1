"""Jobs of the mail worker: each takes ids, calls one service, imported late as services enqueue jobs."""

from django.db import transaction
from django_tasks import task

from annotator.mail_jobs import QUEUE, mail_job


# Somebody waits for it: before the mail of a round to all its members.
@mail_job(priority=10)
def mail_password_reset(user_id: int | None, language: str) -> None:
    from annotator.services.telling.mail import send_password_reset

    send_password_reset(user_id, language)


@mail_job()
def mail_invitation(invitation_id: int, language: str) -> None:
    from annotator.services.telling.mail import send_invitation

    send_invitation(invitation_id, language)


@task(queue_name=QUEUE)
def mail_event(event_id: int) -> None:
    from annotator.services.telling.mail_notices import people_to_tell

    # A job each, so that whom the server fails is tried again without the others getting theirs twice.
    with transaction.atomic():
        for user_id in people_to_tell(event_id):
            mail_notices.enqueue(user_id)


@mail_job()
def mail_notices(user_id: int) -> None:
    from annotator.services.telling.mail_notices import send_notices

    if later := send_notices(user_id):
        mail_notices.using(run_after=later).enqueue(user_id)


# Nobody waits for it: after all mail.
@task(queue_name=QUEUE, priority=-10)
def post_delivery(delivery_id: int) -> None:
    from annotator.services.telling.deliveries import deliver

    if later := deliver(delivery_id):
        post_delivery.using(run_after=later).enqueue(delivery_id)
