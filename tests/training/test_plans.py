"""Updates take the settings that the engine chose for them, but for those that people set."""

import pytest
from django_tasks_db.models import DBTaskResult

from ranking.services.chat import add_chat_judgment
from tests.factories import coordinator_of, make_completion, make_member
from tests.training.making import (
    SMALL,
    engine_script,
    judge_all,
    make_judged,
    make_trainable,
    make_update,
)
from tests.training.planning import CHOSEN, made_plan, planner_prints, store_plan
from training.launching import launcher
from training.models import TrainingRun, Update, UpdatePlan
from training.services.clock import tick
from training.services.plans.control import request_plan
from training.services.plans.facts import facts_of
from training.services.plans.stored import current_plan
from training.services.plans.worker import plan_next_update
from training.services.sampling.control import sample_live_version
from training.services.schedules import save_schedule
from training.services.updates.control import retry_update, start_update
from training.services.updates.worker import execute_update

pytestmark = pytest.mark.django_db
FAILS = "import sys; sys.exit(1)"
TIMES = {"cron": "0 3 * * 1", "is_enabled": False, "min_new_judgments": 20}


def save(project, settings=None, **changes):
    values = {**TIMES, "settings": settings or {}, **changes}
    save_schedule(project=project, actor=coordinator_of(project), **values)


def plan_jobs():
    return DBTaskResult.objects.filter(task_path="training.tasks.plan_update")


def test_the_engine_plans_the_next_update(tiny_base, forked_engines):
    project = make_judged(str(tiny_base))
    plan_next_update(project.pk)
    plan = current_plan(project)
    assert plan.error == "" and set(plan.plan["stages"]) == {"reward", "ppo", "generate", "evaluate"}
    assert plan.plan["budget"] == 8 * 3600 and plan.plan["seconds"]["total"] > 0


def test_the_engine_is_told_what_there_is_to_learn_from():
    project = make_judged()
    train, held_out = project.prompts.train().count(), project.prompts.held_out().count()
    facts = facts_of(project.versions.get(), {"ppo": {"steps": 3}}, 20)
    assert (facts["seconds"], facts["settings"]) == (1200, {"ppo": {"steps": 3}})
    assert facts["rows"] == {"ppo": train, "generate": train + held_out, "evaluate": held_out}
    assert (facts["comparisons"], facts["pairs"]) == (train, train)  # two answers each
    assert len(facts["prompts"]) == train + held_out
    assert set(facts["answers"]) == {"Yes.", "No, not at all."}


def test_a_comparison_from_the_chat_counts_as_one_pair_however_many_the_desk_shows():
    project = make_judged()
    project.completions_per_comparison = 4
    project.save()
    prompt = project.prompts.train().first()
    shown = [make_completion(prompt)]
    add_chat_judgment(
        prompt=prompt,
        shown=shown,
        volunteer=make_member(project),
        ranks={shown[0].pk: 1},
        rewrite={"original": shown[0].pk, "text": "Rather so."},
    )
    facts, desk = facts_of(project.versions.get(), {}, 20), project.prompts.train().count()
    assert (facts["comparisons"], facts["pairs"]) == (desk + 1, desk * 6 + 1)


def test_a_plan_holds_until_what_it_was_made_for_changes(monkeypatch):
    project = make_judged()
    store_plan(monkeypatch, project)
    assert current_plan(project) is not None
    save(project, {"ppo": {"steps": 3}})
    assert current_plan(project) is None


def test_a_new_time_needs_a_new_plan(monkeypatch):
    project = make_judged()
    store_plan(monkeypatch, project)
    save(project, update_minutes=20)
    assert current_plan(project) is None


def reward_recipe(monkeypatch, update):
    """What an update's first stage was started with; it fails at once."""
    monkeypatch.setattr(launcher, "command", engine_script(FAILS))
    execute_update(update.pk)
    return update.run_of("reward").recipe


def test_a_started_update_takes_the_plan_that_its_page_showed(monkeypatch):
    project = make_judged()
    store_plan(monkeypatch, project)
    update = start_update(project=project, actor=coordinator_of(project))
    assert update.plan == made_plan()
    assert reward_recipe(monkeypatch, update)["epochs"] == CHOSEN["reward"]["epochs"]["value"]


def test_what_a_coordinator_set_wins_over_the_plan(monkeypatch):
    project = make_judged()
    save(project, {"reward": {"epochs": 3.0}})
    store_plan(monkeypatch, project)
    update = start_update(project=project)
    assert update.plan and reward_recipe(monkeypatch, update)["epochs"] == 3.0


def test_an_update_with_settings_of_its_own_is_planned_by_the_worker(monkeypatch):
    project = make_judged()
    store_plan(monkeypatch, project)
    update = make_update(project, reward={"seed": 5})
    assert update.plan == {}
    planner_prints(monkeypatch, made_plan(pairs=7))
    assert reward_recipe(monkeypatch, update)["epochs"] == 1.0
    update.refresh_from_db()
    assert update.plan["pairs"] == 7


def test_an_update_that_cannot_be_planned_takes_the_defaults(monkeypatch):
    update = make_update(reward={"seed": 5})
    assert reward_recipe(monkeypatch, update)["epochs"] == 2.0
    update.refresh_from_db()
    assert update.plan == {"error": "No engine here."}


def test_trying_again_keeps_the_plan_unless_the_settings_changed(monkeypatch):
    monkeypatch.setattr(launcher, "command", engine_script(FAILS))
    project = make_judged()
    store_plan(monkeypatch, project)
    update = start_update(project=project)
    execute_update(update.pk)
    planner_prints(monkeypatch, made_plan(pairs=7))
    retry_update(update=Update.objects.get(pk=update.pk))
    execute_update(update.pk)
    assert Update.objects.get(pk=update.pk).plan["pairs"] == 60
    retry_update(update=Update.objects.get(pk=update.pk), settings=SMALL)
    execute_update(update.pk)
    assert Update.objects.get(pk=update.pk).plan["pairs"] == 7


def test_sampling_takes_what_was_chosen_for_answers(monkeypatch):
    project = make_trainable()
    store_plan(monkeypatch, project)
    run = sample_live_version(project=project)
    assert run.recipe["max_new_tokens"] == 96
    assert run.recipe["completions_per_prompt"] == project.completions_per_comparison


def test_a_plan_that_failed_says_why_and_is_not_tried_again_and_again(
    monkeypatch, django_capture_on_commit_callbacks
):
    project = make_judged()
    plan_next_update(project.pk)
    assert UpdatePlan.objects.get(project=project).error == "No engine here."
    with django_capture_on_commit_callbacks(execute=True):
        request_plan(project)
    assert not plan_jobs().exists()


def test_the_clock_has_each_idle_project_planned_once(django_capture_on_commit_callbacks):
    make_judged()
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            tick()
    assert plan_jobs().count() == 1


def test_nothing_is_planned_while_an_update_is_under_way(django_capture_on_commit_callbacks):
    make_update()
    with django_capture_on_commit_callbacks(execute=True):
        tick()
    assert not plan_jobs().exists()


def test_a_schedule_that_is_saved_is_planned_at_once(django_capture_on_commit_callbacks):
    project = make_judged()
    with django_capture_on_commit_callbacks(execute=True):
        save(project, update_minutes=20)
    assert [job.args_kwargs["args"] for job in plan_jobs()] == [[project.pk]]


def test_what_a_person_asked_for_does_not_wait_for_a_plan(django_capture_on_commit_callbacks):
    project = make_judged()
    with django_capture_on_commit_callbacks(execute=True):
        request_plan(project)
        sample_live_version(project=project)
    paths = [job.task_path for job in DBTaskResult.objects.ready()]
    assert paths == ["training.tasks.run_sampling", "training.tasks.plan_update"]


def test_the_next_plan_knows_how_long_stages_took_and_what_they_drew(finished_update, monkeypatch):
    update = finished_update
    assert set(update.plan["stages"]) == {"reward", "ppo", "generate", "evaluate"}
    reward = update.runs.get(stage=TrainingRun.Stage.REWARD)
    pace = facts_of(update.parent, {}, 480)["pace"]
    took = reward.result["seconds"] / update.plan["stages"]["reward"]["seconds"]
    assert pace["reward"] == pytest.approx(min(5.0, max(0.2, took)))


def test_few_more_judgments_make_no_new_plan(monkeypatch):
    project = make_judged()
    store_plan(monkeypatch, project)
    judge_all(project)
    assert current_plan(project) is not None
