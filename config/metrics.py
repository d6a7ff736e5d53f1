"""What Prometheus reads at /metrics. Nothing in it names or counts a single person.

Requests are counted by every web process in files that they share in memory, prometheus-client's multiprocess
mode: whichever process answers a scrape then tells of all. Everything else is read from the database at that
time, so that worker and clock need no port of their own.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError
from django.db.models import Case, Count, F, Min, Sum, When
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_tasks_db.models import DBTaskResult, get_date_max
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from training.models import TrainingRun, Update

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
COUNTS_REQUESTS = bool(settings.METRICS_TOKEN and os.environ.get("PROMETHEUS_MULTIPROC_DIR"))

requests = Histogram(
    "chorus_request_seconds",
    "Requests by view, and how long they took.",
    ("view", "method", "status"),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=None,
)


class RequestMetricsMiddleware:
    """Counts what is answered, and how fast; stays away where nobody reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not COUNTS_REQUESTS:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        # Only names from a fixed list: whoever can choose a label can fill the memory.
        view = request.resolver_match.view_name if request.resolver_match else ""
        method = request.method if request.method in METHODS else "other"
        status = f"{response.status_code // 100}xx"
        requests.labels(view or "none", method, status).observe(time.perf_counter() - began)
        return response


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics, to whoever sends the token of the settings; 404 where there is none."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(
        request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"
    ):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    if COUNTS_REQUESTS:
        MultiProcessCollector(registry)
    registry.register(SiteCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class SiteCollector(Collector):
    """Gauges of disk and database; without a database those that need none."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        free = shutil.disk_usage(settings.DATA_DIR).free
        yield GaugeMetricFamily("chorus_disk_free_bytes", "Free space where the data folder is.", value=free)
        try:
            families = [*_jobs(), *_training()]
        except DatabaseError:
            families = []
        yield GaugeMetricFamily("chorus_database_up", "Whether the database answers.", value=bool(families))
        yield from families


def _jobs() -> Iterator[GaugeMetricFamily]:
    jobs = GaugeMetricFamily("chorus_jobs", "Jobs of the workers.", labels=("job", "state"))
    counts = DBTaskResult.objects.order_by().values_list("task_path", "status").annotate(Count("pk"))
    for path, status, count in counts:
        jobs.add_metric((path.rpartition(".")[2], status.lower()), count)
    yield jobs
    waiting = GaugeMetricFamily(
        "chorus_job_wait_seconds", "How long the oldest job of a queue has been due.", labels=("queue",)
    )
    is_due_at_once = When(run_after=get_date_max(), then="enqueued_at")
    due = DBTaskResult.objects.ready().annotate(due=Case(is_due_at_once, default="run_after"))
    for queue, oldest in due.order_by().values_list("queue_name").annotate(Min("due")):
        waiting.add_metric((queue,), (timezone.now() - oldest).total_seconds())
    yield waiting


def _training() -> Iterator[GaugeMetricFamily]:
    updates = GaugeMetricFamily("chorus_updates", "Updates.", labels=("state",))
    for state, count in Update.objects.order_by().values_list("state").annotate(Count("pk")):
        updates.add_metric((state,), count)
    yield updates
    runs = GaugeMetricFamily("chorus_runs", "Runs of the engine.", labels=("stage", "state"))
    for stage, state, count in (
        TrainingRun.objects.order_by().values_list("stage", "state").annotate(Count("pk"))
    ):
        runs.add_metric((stage, state), count)
    yield runs
    lost = sum(
        leased.objects.filter(attempt__gt=1).aggregate(lost=Sum(F("attempt") - 1))["lost"] or 0
        for leased in (Update, TrainingRun)
    )
    yield GaugeMetricFamily(
        "chorus_lease_losses", "Leases that a worker lost, in updates and runs as they are now.", value=lost
    )
