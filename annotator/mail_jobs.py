"""Jobs that send one message each, in a queue of their own: no page and no update waits for a mail server."""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from django.utils import timezone
from django_tasks import task
from django_tasks.base import Task

logger = logging.getLogger(__name__)

QUEUE = "mail"
DELAYS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720, 720)]
"""How long to wait before each further attempt: a server that is down for a day loses no mail."""
LONGEST = 30
"""Seconds of an attempt. EMAIL_TIMEOUT alone bounds each silence of a server, not their number."""


class MailNotSentError(Exception):
    """The mail server failed at every attempt."""


def mail_job(priority: int = 0) -> Callable[[Callable[..., None]], Task]:
    """Make a job of a function that sends one message; what a mail server failed at is tried again later.

    An error is stored with its job, where no address and no link should stay: it names its kind only.
    """

    def make(send: Callable[..., None]) -> Task:
        @wraps(send)
        def send_or_retry(*args: object, attempt: int = 0) -> None:
            try:
                with at_most(LONGEST):
                    send(*args)
            except (OSError, SMTPException) as error:
                if is_final(error):
                    logger.warning("The mail server refused the address: %s%s", send.__name__, args)
                elif attempt < len(DELAYS):
                    later = job.using(run_after=timezone.now() + DELAYS[attempt])
                    later.enqueue(*args, attempt=attempt + 1)
                    logger.warning("%s%s is tried again later: %s", send.__name__, args, _name(error))
                else:
                    raise MailNotSentError(_name(error)) from None

        job: Task = task(queue_name=QUEUE, priority=priority)(send_or_retry)
        return job

    return make


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError when the block takes longer. The worker does its jobs in its main thread."""

    def give_up(*_signal: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def is_final(error: Exception) -> bool:
    """Whether the server will never take this address; 4xx asks to come again."""
    refused = error.recipients.values() if isinstance(error, SMTPRecipientsRefused) else ()
    return any(code >= 500 for code, _ in refused)


def _name(error: Exception) -> str:
    code = f" {error.smtp_code}" if isinstance(error, SMTPResponseException) else ""
    return type(error).__name__ + code
