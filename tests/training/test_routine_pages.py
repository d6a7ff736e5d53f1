"""The pages on which coordinators say when a part of the week is done by itself."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.models import Project
from ranking.services import pause_round
from tests.factories import coordinator_of
from tests.pressing import filled, press
from tests.training.making import make_judged
from training.models import Routine
from training.services.clock import tick
from training.services.routines import save_routine

pytestmark = pytest.mark.django_db
KINDS = Routine.Kind.values
TIMES = {"is_enabled": "on", "days": ["0", "4"], "at": "22:30", "cron": ""}


@pytest.fixture
def project() -> Project:
    project = make_judged()
    project.timezone = "Europe/Paris"
    project.save()
    return project


@pytest.fixture
def page(client: Client, project: Project) -> Client:
    client.force_login(coordinator_of(project))
    return client


def address(kind: str, project: Project) -> str:
    return reverse(f"schedule-{kind}", args=[project.slug])


def every_minute(project: Project, kind: str) -> Routine:
    values = {"cron": "* * * * *", "is_enabled": True, "actor": coordinator_of(project)}
    return save_routine(project=project, kind=kind, **values)


@pytest.mark.parametrize("kind", KINDS)
def test_days_and_a_time_are_saved_and_the_page_shows_them_and_the_next_five(page, project, kind):
    response = press(page, address(kind, project), follow=True, **TIMES)
    stored = Routine.objects.get(project=project)
    assert (stored.kind, stored.cron, stored.is_enabled) == (kind, "30 22 * * 1,5", True)
    assert (response.text.count(">Monday ") + response.text.count(">Friday ")) == 5 + 1
    assert "Europe/Paris" in response.text
    sent = filled(page, address(kind, project))
    assert (sent["days"], sent["at"], sent["cron"]) == (["0", "4"], ["22:30"], [""])
    press(page, address(kind, project), is_enabled=[])
    assert not Routine.objects.get().is_enabled


def test_an_expression_counts_instead_of_days_and_is_shown_again(page, project):
    press(page, address("report", project), **TIMES | {"cron": "0 3 1 * *"})
    assert Routine.objects.get().cron == "0 3 1 * *"
    assert filled(page, address("report", project))["cron"] == ["0 3 1 * *"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cron": "61 * * * *"}, "Bad minute"),
        ({"days": []}, "Choose at least one day"),
        ({"at": "25:00"}, "Enter a valid time"),
        ({"cron": "\0 * * * *"}, "Null characters"),
    ],
)
def test_a_wrong_time_is_explained_and_not_saved(page, project, wrong, words):
    response = page.post(address("dataset", project), TIMES | wrong)
    assert response.status_code == 422
    assert words in response.text
    assert not Routine.objects.exists()


def test_the_next_times_are_shown_while_typing(page, project):
    query = {"days": ["5"], "at": "09:15"}
    answer = page.get(address("sample", project), query, headers={"HX-Request": "true"})
    assert answer.text.count(", 09:15<") == 5
    assert "<html" not in answer.text


def test_each_page_leads_to_the_others_and_says_which_are_on(page, project):
    save_routine(
        project=project, kind="report", cron="0 3 * * 1", is_enabled=True, actor=coordinator_of(project)
    )
    for name in ("schedule", *(f"schedule-{kind}" for kind in KINDS)):
        text = page.get(reverse(name, args=[project.slug])).text
        tabs = text[text.index('<nav class="sections"') :].partition("</nav>")[0]
        assert tabs.count("<a ") == 4 and tabs.count('aria-current="page"') == 1
        assert (tabs.count(">off<"), tabs.count("<time")) == (3, 1)


def test_the_page_says_when_it_was_last_done_or_why_it_was_not(page, project):
    every_minute(project, "report")
    assert "Last done on" not in page.get(address("report", project)).text
    tick(timezone.now() + timedelta(minutes=2))
    assert "Last done on" in page.get(address("report", project)).text
    pause_round(project=project, actor=coordinator_of(project))
    tick(timezone.now() + timedelta(minutes=4))
    text = page.get(address("report", project)).text
    assert "Skipped on" in text and "the round was paused." in text
    press(page, address("report", project), cron="0 3 * * 1")
    assert "Skipped on" not in page.get(address("report", project)).text


def test_the_log_tells_what_was_done_and_who_set_it(page, project):
    every_minute(project, "report")
    tick(timezone.now() + timedelta(minutes=2))
    log = page.get(reverse("log", args=[project.slug])).text
    assert re.search("did at the scheduled time: .?Report", log)
    assert re.search("changed when this happens by itself: .?Report", log)
