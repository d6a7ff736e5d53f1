"""Two updates side by side: what differs, the curves, the answers, the numbers."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import Project
from annotator.services.prompts.withdrawing import withdraw_prompts
from tests.factories import coordinator_of, make_project, make_prompt
from tests.training.making import SMALL, make_finished, make_judged, make_run, make_update, write_progress
from tests.training.planning import made_plan
from training.models import Update
from training.views.updates.comparing.answers import answers_beside
from training.views.updates.comparing.curves import ROWS, curve_tables
from training.views.updates.comparing.differences import differences_of
from training.views.updates.comparing.numbers import measures_of

pytestmark = pytest.mark.django_db
SCORES = {"baseline_score": 0, "candidate_score": 1, "outcome": 1.0}


def finished(project: Project, **ppo: Any) -> Update:
    update = make_update(project, **{**SMALL, "ppo": SMALL["ppo"] | ppo})
    make_finished(update)
    return update


def failed(project: Project) -> Update:
    update = make_update(project)
    update.claim()
    update.finish(Update.State.FAILED, error="The engine ended with status 1.")
    return update


def write_curve(update: Update, stage: str, metric: str, values: list[float]) -> None:
    run = update.run_of(stage) or make_run(update, stage)
    write_progress(run, [{metric: value} for value in values])


def write_answers(update: Update, text: str, count: int | None = None) -> None:
    run = update.run_of("evaluate")
    assert run is not None
    rows = [
        {"prompt_id": str(prompt.pk), "baseline": "x", "candidate": text, **SCORES}
        for prompt in update.project.prompts.held_out()[:count]
    ]
    (run.folder / "output" / "comparisons.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")


@pytest.fixture
def project() -> Project:
    """A project with some held-out prompts."""
    project = make_judged()
    for number in range(40):
        make_prompt(project, f"Is another thing {number} good?")
    assert project.prompts.held_out().count() > 6
    return project


def address(update: Update, **query: Any) -> str:
    return reverse("compare-updates", args=[update.project.slug, update.number], query=query)


def shown(client: Client, update: Update, **query: Any) -> str:
    client.force_login(coordinator_of(update.project))
    response = client.get(address(update, **query))
    assert response.status_code == 200
    return response.text


def test_only_the_settings_that_differ_are_named_with_both_values(project):
    one, other = finished(project, steps=3), finished(project, steps=5, kl_coef=0.4)
    for update, recipe in ((one, {"steps": 3}), (other, {"steps": 5, "kl_coef": 0.4})):
        update.runs.filter(stage="ppo").update(recipe={"stage": "ppo", **recipe})
    found = {each.label: (each.earlier, each.later) for each in differences_of(one, other)}
    assert found == {"ppo.steps (iterations)": ("3", "5"), "ppo.kl_coef": ("0.2", "0.4")}


def test_a_stage_that_has_not_begun_differs_by_what_it_would_begin_with(project):
    one = failed(project)
    other = make_update(project, ppo={**SMALL["ppo"], "steps": 7})
    found = {each.label: (each.earlier, each.later) for each in differences_of(one, other)}
    assert found["ppo.steps (iterations)"] == ("3", "7")


def test_what_was_planned_differs_where_it_reads_differently(project):
    one, other = finished(project), finished(project)
    Update.objects.filter(pk=one.pk).update(plan=made_plan())
    one.refresh_from_db()
    rows = differences_of(one, other)
    assert {"Planned time", "Planned memory"} <= {each.label for each in rows}
    assert {each.later for each in rows if each.label.startswith("Planned")} == {"–"}


def test_both_win_rates_stand_beside_each_other_with_their_intervals(project):
    rows = {each.label: each for each in measures_of(finished(project), finished(project))}
    assert rows["Win rate"].earlier == rows["Win rate"].later
    assert rows["Win rate"].earlier.replace("\N{NO-BREAK SPACE}", " ") == "70 % (58 % – 81 %)"
    assert rows["Computing time"].later == "4 min 10 s"
    assert "≈" in rows["Electricity"].earlier and "Cost" not in rows


def test_an_update_that_failed_shows_what_it_had_and_a_dash_for_the_rest(client, project):
    one, other = finished(project), failed(project)
    rows = {each.label: each.later for each in measures_of(one, other)}
    assert rows["Win rate"] == rows["Version"] == "–" and rows["State"] == "Failed"
    text = shown(client, one, **{"with": other.number})
    assert f"{other} (Failed) has no answers" in text


def test_curves_of_different_lengths_stand_in_one_table_with_the_last_step(project):
    one, other = finished(project), finished(project)
    write_curve(one, "ppo", "score", [0.1] * 40)
    write_curve(other, "ppo", "score", [0.2] * 3)
    (table,) = curve_tables(one, other)
    assert len(table.rows) <= ROWS + 1
    assert table.rows[0] == (1, 0.1, 0.2) and table.rows[-1] == (40, 0.1, None)


def test_answers_to_the_same_questions_stand_beside_each_other_and_hostile_text_is_text(client, project):
    one, other = finished(project), finished(project)
    write_answers(one, "<script>alert(1)</script>\0\ud800")
    write_answers(other, "Another", count=2)
    both = answers_beside(one, other)
    assert len(both.shown) == 2 and not both.rest and not both.missing
    assert {pair.later for pair in both.shown} == {"Another"}
    text = shown(client, one, **{"with": other.number})
    withdraw_prompts(project=project, prompt_ids=[both.shown[0].prompt.pk], actor=None)
    assert [pair.prompt for pair in answers_beside(one, other).shown] == [both.shown[1].prompt]
    assert "<script>alert(1)" not in text and "&lt;script&gt;alert(1)" in text


def test_many_questions_are_folded_and_none_is_lost(project):
    one, other = finished(project), finished(project)
    both = answers_beside(one, other)
    total = project.prompts.held_out().count()
    assert len(both.shown) + len(both.rest) == min(total, 24)
    assert all(pair.is_same for pair in both.shown)


def test_evaluations_without_a_common_question_say_so(client, project):
    one, other = finished(project), finished(project)
    held_out = project.prompts.held_out()
    for update, prompt in ((one, held_out[0]), (other, held_out[1])):
        write_answers(update, "x", count=1)
        path = update.run_of("evaluate").folder / "output" / "comparisons.jsonl"
        path.write_text(path.read_text().replace(str(held_out[0].pk), str(prompt.pk)))
    assert "No question was asked in both" in shown(client, one, **{"with": other.number})


def test_a_broken_file_of_answers_is_passed_over(client, project):
    one, other = finished(project), finished(project)
    run = other.run_of("evaluate")
    (run.folder / "output" / "comparisons.jsonl").write_text("[" * 100_000)
    assert "has no answers" in shown(client, one)


def test_without_a_choice_an_update_stands_beside_the_one_before(client, project):
    first, second, third = (failed(project) for _ in range(3))
    assert f"{second} and {third}" in shown(client, third)
    assert f"{first} and {second}" in shown(client, first)
    assert f"{first} and {third}" in shown(client, third, **{"with": first.number})


def test_the_only_update_of_a_project_says_that_there_is_no_other(client, project):
    assert "There is only this update yet" in shown(client, failed(project))


def test_an_update_that_does_not_exist_or_is_anothers_is_not_found(client, project):
    update = failed(project)
    theirs = failed(make_judged())
    assert theirs.number == update.number
    client.force_login(coordinator_of(project))
    for bad in ("", "x", "²", "-1", "9" * 30, "\0", str(update.number), "7"):
        assert client.get(address(update, **{"with": bad})).status_code == 404
    assert client.get(reverse("compare-updates", args=[make_project().slug, 1])).status_code == 404


def test_the_page_of_an_update_offers_the_others(client, project):
    one, other = failed(project), failed(project)
    client.force_login(coordinator_of(project))
    text = client.get(reverse("update", args=[project.slug, one.number])).text
    assert address(one) in text and f'<option value="{other.number}">' in text
    assert f'<option value="{one.number}">' not in text
