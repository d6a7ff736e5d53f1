"""Jobs of the mail worker: each takes ids, calls one service, imported late as services enqueue jobs."""

from annotator.mail_jobs import mail_job


# Somebody waits for it: before the mail of a round to all its members.
@mail_job(priority=10)
def mail_password_reset(user_id: int | None, language: str) -> None:
    from annotator.services.mail import send_password_reset

    send_password_reset(user_id, language)


@mail_job()
def mail_invitation(invitation_id: int, language: str) -> None:
    from annotator.services.mail import send_invitation

    send_invitation(invitation_id, language)
