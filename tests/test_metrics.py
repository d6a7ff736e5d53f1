"""What Prometheus reads, who may, and that all web processes count together."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings as site
from django.db import connection
from django.db.utils import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.parser import text_string_to_metric_families

from tests.factories import coordinator_of, make_member
from tests.training.making import make_trainable
from training.models import Update
from training.services.updates.control import start_update

TOKEN = "token-of-the-monitor"
# Two web processes as the server makes them, both of which answer; then what a scrape of one says.
PROCESSES = f"""
import os
import django; django.setup()
from django.test import Client
client = Client(headers={{"Host": "localhost", "Authorization": "Bearer {TOKEN}"}})
child = os.fork()
client.get("/healthz"), client.post("/healthz"), client.generic("INVENTED", "/nowhere/")
if not child:
    os._exit(0)
os.wait()
print(client.get("/metrics").text)
"""


@pytest.fixture
def token(settings):
    settings.METRICS_TOKEN = TOKEN
    return f"Bearer {TOKEN}"


def read(client, token: str) -> dict[tuple[str, ...], float]:
    """Name and values of the labels, in the order of their names → value."""
    page = client.get("/metrics", headers={"Authorization": token})
    assert page.status_code == 200 and page["Content-Type"].startswith("text/plain")
    return samples(page.text)


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_without_a_token_in_the_settings_there_is_no_such_page(client, db):
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ключ"])
def test_without_the_token_nothing_is_told(client, db, token, sent):
    page = client.get("/metrics", headers={} if sent is None else {"Authorization": sent})
    assert (page.status_code, page.text) == (401, "")
    assert page["WWW-Authenticate"] == "Bearer"


def test_metrics_are_only_read(client, db, token):
    assert client.post("/metrics", headers={"Authorization": token}).status_code == 405


def test_jobs_updates_and_disk_are_told(client, db, token, django_capture_on_commit_callbacks):
    project = make_trainable()
    with django_capture_on_commit_callbacks(execute=True):
        update = start_update(project=project, actor=coordinator_of(project))
    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(minutes=5))
    later = DBTaskResult.objects.get()
    later.pk, later.queue_name, later.run_after = None, "mail", timezone.now() - timedelta(minutes=1)
    later.save(force_insert=True)
    told = read(client, token)
    assert told["chorus_jobs", "run_update", "ready"] == 2
    assert 300 <= told["chorus_job_wait_seconds", "default"] < 360
    assert 60 <= told["chorus_job_wait_seconds", "mail"] < 120
    assert told["chorus_updates", "queued"] == 1
    assert told["chorus_disk_free_bytes",] > 0
    assert told["chorus_database_up",] == 1
    assert told["chorus_lease_losses",] == 0
    Update.objects.filter(pk=update.pk).update(attempt=3)
    assert read(client, token)["chorus_lease_losses",] == 2


def test_nobody_is_named(client, db, token):
    project = make_trainable()
    person = make_member(project, email="name@example.org", name="Personal Name")
    text = client.get("/metrics", headers={"Authorization": token}).text
    assert not [word for word in (person.email, person.name, project.slug) if word in text]


def test_without_a_database_that_is_told(client, token, monkeypatch):
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OperationalError

    monkeypatch.setattr(connection, "cursor", refuse)
    told = read(client, token)
    assert told["chorus_database_up",] == 0 and told["chorus_disk_free_bytes",] > 0


def test_whichever_process_is_asked_tells_the_requests_of_all(tmp_path):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "CHORUS_METRICS_TOKEN": TOKEN,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROCESSES], cwd=site.BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = samples(done.stdout)
    assert told["chorus_request_seconds_count", "GET", "2xx", "live"] == 2
    assert told["chorus_request_seconds_count", "POST", "4xx", "live"] == 2
    assert told["chorus_request_seconds_count", "other", "4xx", "none"] == 2
