"""Jobs of the mail worker: each takes ids, calls one service, imported late as services enqueue jobs."""

from django_tasks import task

from annotator.mail_jobs import QUEUE, mail_job


@task(queue_name=QUEUE)
def mail_round_opened(round_id: int) -> None:
    from ranking.services.mail import mail_members

    mail_members(round_id)


@mail_job()
def mail_member(round_id: int, user_id: int) -> None:
    from ranking.services.mail import send_round_opened

    send_round_opened(round_id, user_id)
