"""What the mail worker would do, and a check that nothing else does it."""

from collections.abc import Callable
from contextvars import ContextVar

from django.core.mail.backends.locmem import EmailBackend
from django.http import HttpRequest, HttpResponse
from django_tasks import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from annotator.mail_jobs import QUEUE

in_request: ContextVar[bool] = ContextVar("in_request", default=False)


def requests_send_no_mail(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """A middleware of the tests: a test fails whose request waits for a mail server."""

    def checked(request: HttpRequest) -> HttpResponse:
        before = in_request.set(True)
        try:
            return get_response(request)
        finally:
            in_request.reset(before)

    return checked


class JobsOnlyBackend(EmailBackend):
    def send_messages(self, messages: list) -> int:
        assert not in_request.get(), "A request sends mail; a job of the mail queue should."
        return super().send_messages(messages)


def run_mail_jobs(*, later: bool = False) -> list[TaskResultStatus]:
    """Do the jobs of the mail queue as its worker does, also those that are to wait if `later`."""
    ended = []
    waiting = DBTaskResult.objects.filter(status=TaskResultStatus.READY)
    while job := (waiting if later else DBTaskResult.objects.ready()).filter(queue_name=QUEUE).first():
        make_worker().run_task(job)
        ended.append(job.status)
    return ended


def make_worker() -> Worker:
    return Worker(
        queue_names=[QUEUE],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="test",
        excluded_queue_names=[],
    )
