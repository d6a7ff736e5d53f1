"""The report of a round: what was asked, who took part, what changed, what it took; who may read it."""

import json
from pathlib import Path

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from annotator.models import Project, Role
from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.models import Round
from ranking.models.reliability import fit_of
from ranking.models.round_states import RoundState
from ranking.services import claim_next, close_round, submit_judgment
from tests.factories import coordinator_of, make_member, make_prompt, make_user
from tests.mail_jobs import run_mail_jobs
from tests.training.making import PROMPTS, make_finished, make_judged, make_update
from tests.training.planning import made_plan
from training.models import Update
from training.services.reports.asked import SHOWN, asked_in
from training.services.reports.every_weight import every_weight_of
from training.services.timeline import line_of, rounds_of
from training.services.versions.releases import reject_version, release_version
from training.views.results.answers import extremes_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(settings, tmp_path: Path) -> Project:
    settings.DATA_DIR = tmp_path
    return make_judged(judgments_per_comparison=2)


@pytest.fixture
def update(project: Project) -> Update:
    update = make_update(project)
    make_finished(update)
    return update


def page_of(project: Project) -> str:
    return reverse("report", args=[project.slug, 1])


def settle(project: Project) -> None:
    Round.objects.filter(project=project).update(state=RoundState.RELEASED, closed_at=timezone.now())


def test_a_report_tells_what_was_asked_who_took_part_what_changed_and_what_it_took(client, project, update):
    client.force_login(coordinator_of(project))
    text = client.get(page_of(project)).text
    assert f"{PROMPTS} questions." in text and "1 person, 12 judgments" in text
    for part in ("is better than Version 0", "Version 1", "70\xa0%", "31 were judged better", "12 worse"):
        assert part in text
    assert "After, and better" in text and "What it took" in text


def test_a_round_without_an_update_has_a_report_that_says_so(client, project):
    client.force_login(coordinator_of(project))
    text = client.get(page_of(project)).text
    assert "No new version came of this round." in text and "What got worse" not in text


def test_members_read_it_once_the_round_is_closed_and_decided(client, project, update):
    client.force_login(make_member(project))
    assert client.get(page_of(project)).status_code == 403
    release_version(version=update.candidate, actor=coordinator_of(project))
    assert client.get(page_of(project)).status_code == 403
    assert (
        reverse("report", args=[project.slug, 1])
        not in client.get(reverse("project", args=[project.slug])).text
    )
    close_round(project=project, actor=coordinator_of(project))
    text = client.get(page_of(project)).text
    assert "1 person" in text and reverse("version", args=[project.slug, 1]) not in text
    assert page_of(project) in client.get(reverse("project", args=[project.slug])).text


def test_members_are_not_told_the_agreement_of_a_few_pairs_of_votes(client, project):
    volunteer = make_member(project)
    for _ in range(2):
        assignment = claim_next(project=project, volunteer=volunteer)
        ranks = {pk: place for place, pk in enumerate(assignment.order, start=1)}
        submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)
    settle(project)
    told = {}
    for reader in (volunteer, coordinator_of(project)):
        client.force_login(reader)
        told[reader] = "of 2 pairs of votes" in client.get(page_of(project)).text
    assert list(told.values()) == [False, True]


def test_strangers_find_no_report_and_nothing_is_written_by_it(client, project):
    client.force_login(make_user())
    assert client.get(page_of(project)).status_code == 404
    client.force_login(coordinator_of(project))
    assert client.post(page_of(project)).status_code == 405
    assert client.get(reverse("report", args=[project.slug, 9])).status_code == 404


def test_what_was_asked_is_counted_by_language_and_shown_evenly_without_what_was_withdrawn(project):
    asked = asked_in(project.rounds.get())
    assert (asked.prompts, asked.languages) == (PROMPTS, [("English", PROMPTS)])
    assert len(asked.some) == SHOWN
    gone = asked.some[0]
    withdraw_prompts(project=project, prompt_ids=[gone.pk], actor=None)
    assert gone not in asked_in(project.rounds.get()).some


def test_what_was_asked_is_counted_by_tag_whatever_its_capitals(project):
    for prompt, tags in zip(project.prompts.all(), (["Ice", "oceans"], ["ice"]), strict=False):
        prompt.relabel(language="en", source="", tags=tags)
    assert asked_in(project.rounds.get()).tags == [("Ice", 2), ("oceans", 1)]


def test_examples_are_the_largest_rises_and_falls_of_score_and_of_no_withdrawn_prompt(project, update):
    while project.prompts.held_out().count() < 3:
        make_prompt(project)
    held_out = list(project.prompts.held_out())
    gains = [3.0, -2.0, 0.0, *([0.1] * len(held_out))][: len(held_out)]
    rows = [
        {"prompt_id": str(prompt.pk), "baseline": "Old", "candidate": "New", "baseline_score": 0.0}
        | {"candidate_score": gain, "outcome": 0.5}
        for prompt, gain in zip(held_out, gains, strict=True)
    ]
    path = update.run_of("evaluate").folder / "output" / "comparisons.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = extremes_of(update)
    assert found.gains[0].prompt == held_out[0] and [each.prompt for each in found.losses] == [held_out[1]]
    withdraw_prompts(project=project, prompt_ids=[held_out[0].pk], actor=None)
    assert held_out[0] not in [each.prompt for each in extremes_of(update).gains]
    path.unlink()
    assert extremes_of(update) is None


def test_training_every_weight_is_estimated_by_the_ratio_in_the_plan(project, update):
    Update.objects.filter(pk=update.pk).update(plan=made_plan())
    line = line_of(rounds_of(project).get(), fit_of(project))
    whole = every_weight_of(line)
    longer = 1 + 2 * 83.4 * (600 / 240 - 1) / line.expense.seconds
    assert whole.expense.seconds == pytest.approx(line.expense.seconds * longer)
    assert whole.expense.kwh == pytest.approx(line.expense.kwh * longer)
    assert whole.memory == 6_000_000_000 and not whole.does_not_fit


def test_without_such_a_plan_nothing_is_estimated(client, project, update):
    plan = made_plan()
    for stage in plan["stages"].values():
        stage.pop("every_weight", None)
    for stored in ({}, plan):
        Update.objects.filter(pk=update.pk).update(plan=stored)
        assert every_weight_of(line_of(rounds_of(project).get(), fit_of(project))) is None
    client.force_login(coordinator_of(project))
    assert "Training every weight" not in client.get(page_of(project)).text


def test_what_got_worse_is_told_with_both_values(client, project, update):
    evaluation = update.candidate.evaluations.get()
    both = {"baseline_length": 20.0, "candidate_length": 20.0}
    shares = {
        "distinct": (0.6, 0.4),
        "repetition": (0.0, 0.0),
        "refusals": (0.01, 0.07),
        "eos_rate": (0.9, 1),
    }
    for name, (before, now) in shares.items():
        both |= {f"baseline_{name}": before, f"candidate_{name}": now}
    evaluation.metrics |= both | {"watches": []}
    evaluation.save()
    client.force_login(coordinator_of(project))
    text = client.get(page_of(project)).text
    assert "Variety: 60\xa0% before, 40\xa0% now" in text and "Refusals: 1\xa0% before, 7\xa0% now" in text
    assert "Repetition:" not in text and "ended by themselves:" not in text


@pytest.mark.parametrize("decide", [release_version, reject_version])
def test_the_mail_about_a_decision_leads_to_the_report(
    project, update, decide, django_capture_on_commit_callbacks
):
    bob = make_member(project, Role.COORDINATOR)
    with django_capture_on_commit_callbacks(execute=True):
        decide(version=update.candidate, actor=coordinator_of(project))
    run_mail_jobs()
    sent = [message for message in mail.outbox if message.to == [bob.email]]
    assert any(page_of(project) in message.body for message in sent)


def test_the_timeline_and_the_rounds_page_lead_to_it(client, project):
    client.force_login(coordinator_of(project))
    for name, args in (("timeline", []), ("round", [1])):
        assert page_of(project) in client.get(reverse(name, args=[project.slug, *args])).text


def test_a_report_asks_the_database_no_more_for_more_judgments(
    client, project, update, django_assert_max_num_queries
):
    client.force_login(coordinator_of(project))
    client.get(page_of(project))
    with django_assert_max_num_queries(48):
        client.get(page_of(project))
