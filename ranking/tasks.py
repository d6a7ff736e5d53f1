"""Jobs of the worker: each takes an id and calls one service, imported late because services enqueue jobs."""

from django_tasks import task


@task()
def mail_round_opened(round_id: int) -> None:
    from ranking.services.mail import mail_members

    mail_members(round_id)
