"""Jobs of the mail worker: each takes ids, calls one service, imported late as services enqueue jobs."""

from django.db import transaction
from django_tasks import task

from annotator.mail_jobs import QUEUE, mail_job


@task(queue_name=QUEUE)
def mail_round_opened(round_id: int) -> None:
    from ranking.services.mail import members_to_tell

    # A job each, so that whom the server fails is tried again without the others getting theirs twice.
    with transaction.atomic():
        for user_id in members_to_tell(round_id):
            mail_member.enqueue(round_id, user_id)


@mail_job()
def mail_member(round_id: int, user_id: int) -> None:
    from ranking.services.mail import send_round_opened

    send_round_opened(round_id, user_id)
