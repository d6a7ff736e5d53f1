"""Where a project stands in its week, and what its first page asks the coordinator to do."""

import pytest
from django.urls import reverse

from annotator.models import Project, Role
from ranking.overview import what_waits
from ranking.services import open_round
from tests.factories import coordinator_of, make_member, make_project
from training.models import Schedule, UnpackedBase, Update
from training.services.sampling.control import sample_live_version
from training.services.versions.base_version import register_base_version
from training.services.versions.releases import release_version
from training.services.week import Step, week_of

from .making import PROMPTS, add_answers, make_candidate, make_judged, make_trainable, make_update
from .planning import store_plan

pytestmark = pytest.mark.django_db


def needing(project, judgments):
    Schedule.objects.update_or_create(project=project, defaults={"min_new_judgments": judgments})
    return project


def make_failed():
    update = make_update()
    Update.objects.filter(pk=update.pk).update(state=Update.State.FAILED, error="The disk is full.")
    return update


def make_empty():
    project = make_project()
    register_base_version(project=project)
    return project


def make_sampling():
    project = make_trainable()
    sample_live_version(project=project)
    return project


def without_base(project):
    failed = UnpackedBase.State.FAILED
    UnpackedBase.objects.create(location=project.base_model, state=failed, error="The disk is full.")
    return project


def test_without_a_round_the_next_one_is_to_be_opened():
    project = make_trainable()
    assert week_of(project).step == Step.LIVE


def test_an_open_round_collects_until_there_is_enough():
    project = make_trainable()
    add_answers(project.versions.get())
    open_round(project=project, author=project.versions.get().author)
    assert week_of(project).step == Step.COLLECTING
    assert week_of(needing(project, 0)).step == Step.COLLECTING


def test_judgments_are_enough_from_the_number_that_the_schedule_needs():
    project = needing(make_judged(), PROMPTS + 1)
    week = week_of(project)
    assert (week.step, week.collected, week.needed) == (Step.COLLECTING, PROMPTS, PROMPTS + 1)
    assert week_of(needing(project, PROMPTS)).step == Step.ENOUGH


def test_an_update_under_way_comes_before_everything_else():
    update = make_update()
    week = week_of(update.project)
    assert (week.step, week.update) == (Step.LEARNING, update)


def test_a_candidate_waits_for_a_decision_until_it_is_released():
    project = make_judged()
    version = make_candidate(project)
    week = week_of(project)
    assert (week.step, week.candidate) == (Step.DECIDING, version)
    release_version(version=version, actor=coordinator_of(project))
    assert week_of(project).step != Step.DECIDING


def test_an_update_that_failed_is_told_until_another_is_started():
    update = make_failed()
    week = week_of(update.project)
    assert (week.step, week.update) == (Step.COLLECTING, update)
    Update.objects.filter(pk=update.pk).update(state=Update.State.CANCELLED)
    assert week_of(update.project).update is None


@pytest.mark.parametrize(
    ("make", "words", "leads_to"),
    [
        (lambda: make_candidate(make_judged()).project, "waits for your decision", "version"),
        (lambda: make_failed().project, "failed: see why", "update"),
        (lambda: needing(make_judged(), PROMPTS), "enough new judgments", "training"),
    ],
    ids=["candidate", "failed", "enough"],
)
def test_the_first_page_tells_coordinators_alone_what_waits_for_them(client, make, words, leads_to):
    project = make()
    [waiting] = what_waits(project, Role.COORDINATOR)
    assert words in waiting.words
    client.force_login(coordinator_of(project))
    assert client.get(waiting.url).resolver_match.url_name == leads_to
    assert words in client.get(reverse("project", args=[project.slug])).text
    assert what_waits(project, Role.REVIEWER) == []
    client.force_login(make_member(project, role=Role.REVIEWER))
    assert words not in client.get(reverse("project", args=[project.slug])).text


@pytest.mark.parametrize(
    ("make", "primary"),
    [
        (lambda: make_empty(), "Import prompts"),
        (lambda: make_trainable(), "Sample answers and open a round"),
        (lambda: make_sampling(), "Invite people to rank"),
        (lambda: without_base(make_trainable()), "Try again"),
        (lambda: without_base(needing(make_judged(), PROMPTS)), "Try again"),
        (lambda: needing(make_judged(), PROMPTS + 1), "Invite people to rank"),
        (lambda: needing(make_judged(), PROMPTS), "Run the weekly update now"),
        (lambda: make_update().project, "Watch"),
        (lambda: make_candidate(make_judged()).project, "Look at the results and decide"),
        (lambda: make_failed().project, "See why, and try again"),
    ],
    ids=[
        "no prompts",
        "no round",
        "sampling",
        "no base",
        "no base, enough",
        "collecting",
        "enough",
        "learning",
        "candidate",
        "failed",
    ],
)
def test_the_training_page_has_one_next_step(client, make, primary):
    project = make()
    client.force_login(coordinator_of(project))
    text = client.get(reverse("training", args=[project.slug])).text
    assert text.count(' primary"') + text.count('"primary"') == 1
    marked = text.index('primary"')
    assert primary in text[marked : marked + 200]


def test_the_button_of_an_update_comes_after_what_it_does_takes_and_costs(client, monkeypatch):
    project = needing(make_judged(), PROMPTS)
    store_plan(monkeypatch, project)
    Project.objects.filter(pk=project.pk).update(price_per_hour=6, currency="EUR")
    client.force_login(coordinator_of(project))
    text = client.get(reverse("training", args=[project.slug])).text
    before = text[: text.index('class="primary"')]
    for words in (
        "learns from all judgments so far",
        "Nothing changes for anybody until you release it.",
        "Round 1 stays open",
        "about 16 min",
        "Cost: about <bdi>1.60\N{NO-BREAK SPACE}EUR</bdi>",
    ):
        assert words in before


def test_the_button_that_samples_comes_after_what_it_does_takes_and_costs(client, monkeypatch):
    project = make_trainable()
    store_plan(monkeypatch, project)
    Project.objects.filter(pk=project.pk).update(price_per_hour=6, currency="EUR")
    client.force_login(coordinator_of(project))
    text = client.get(reverse("training", args=[project.slug])).text
    before = text[: text.index('class="primary"')]
    assert "The live version answers every prompt. Then a round with the answers opens." in before
    assert "It takes about 4 min." in before and "Cost: about <bdi>0.40\N{NO-BREAK SPACE}EUR</bdi>" in before


def test_the_button_that_closes_a_round_says_so_and_how_far_the_round_was_ranked(client):
    project = needing(make_judged(), PROMPTS + 1)
    client.force_login(coordinator_of(project))
    text = client.get(reverse("training", args=[project.slug])).text
    before = text[: text.index("<button>Close Round 1 and open one with new answers")]
    assert f"Ranked so far: {PROMPTS} of {PROMPTS}." in before
    assert "Then the open round is closed, whether it was ranked or not" in before


def test_an_update_with_few_new_judgments_is_no_next_step_but_possible(client):
    project = needing(make_judged(), PROMPTS + 1)
    client.force_login(coordinator_of(project))
    text = client.get(reverse("training", args=[project.slug])).text
    assert "<button>Run an update anyway" in text
    assert "so expect little" in text
