"""Starting, stopping and resuming updates."""

import errno
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Project
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts
from ranking.models import Judgment
from ranking.models.round_states import RoundState
from ranking.services import open_round
from ranking.services.review.people import exclude_person, include_person
from tests.factories import coordinator_of, make_project
from tests.training.making import (
    PROMPTS,
    SAMPLE,
    SMALL,
    add_answers,
    engine_script,
    judge_all,
    make_candidate,
    make_finished,
    make_judged,
    make_run,
    make_trainable,
    make_update,
)
from training.launching import launcher
from training.models import LeaseLostError, ModelVersion, Schedule, TrainingRun, Update
from training.services.runs import alone
from training.services.runs import create as runs
from training.services.runs.scoring import newest_reward_run
from training.services.sampling import worker as sampling_execution
from training.services.sampling.control import cancel_sampling, sample_live_version
from training.services.sampling.worker import execute_sampling
from training.services.updates import worker as update_execution
from training.services.updates.control import new_judgments, request_cancel, retry_update, start_update
from training.services.updates.worker import execute_update
from training.services.versions.releases import release_version

pytestmark = pytest.mark.django_db
State, Stage = Update.State, TrainingRun.Stage
SLOT = datetime(2026, 11, 2, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "POLL_SECONDS", 0.05)


def use_engine(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(launcher, "command", engine_script(text))


def sampled(run: TrainingRun) -> TrainingRun:
    execute_sampling(run.pk)
    return TrainingRun.objects.get(pk=run.pk)


def executed(update: Update) -> Update:
    execute_update(update.pk)
    return Update.objects.get(pk=update.pk)


# Starting


def test_a_started_update_waits_for_the_worker(django_capture_on_commit_callbacks):
    project = make_judged()
    with django_capture_on_commit_callbacks(execute=True):
        update = start_update(project=project, actor=coordinator_of(project), settings=SMALL)
    assert (update.state, update.parent.number) == (State.QUEUED, 0)
    job = DBTaskResult.objects.get()
    assert (job.task_path, job.args_kwargs["args"]) == ("training.tasks.run_update", [update.pk])
    assert AuditEvent.objects.filter(verb="update.started", project=project).exists()


def test_the_updates_of_a_project_are_counted_from_1():
    make_update()
    project = make_judged()
    for number in (1, 2):
        update = start_update(project=project, settings=SMALL)
        assert (update.number, str(update)) == (number, f"Update {number}")
        request_cancel(update=update)


def test_a_second_update_is_refused_while_one_is_active():
    update = make_update()
    with pytest.raises(RefusedError, match="under way"):
        start_update(project=update.project)
    assert Update.objects.count() == 1


def test_a_slot_starts_one_update_even_after_that_ended():
    project = make_judged()
    update = start_update(project=project, slot=SLOT)
    request_cancel(update=update)
    with pytest.raises(RefusedError):
        start_update(project=project, slot=SLOT)


def test_an_update_without_a_live_version_is_refused():
    with pytest.raises(RefusedError, match="no live version"):
        start_update(project=make_project())


def test_an_update_without_prompts_is_refused():
    project = make_trainable()
    project.prompts.all().delete()
    with pytest.raises(RefusedError, match="import more prompts"):
        start_update(project=project)


def test_an_update_is_refused_while_answers_are_sampled_and_the_other_way_round():
    project = make_judged()
    sample_live_version(project=project)
    with pytest.raises(RefusedError, match="sampled"):
        start_update(project=project)
    with pytest.raises(RefusedError, match="sampled already"):
        sample_live_version(project=project)
    TrainingRun.objects.update(state=State.FAILED)
    start_update(project=project)
    with pytest.raises(RefusedError, match="under way"):
        sample_live_version(project=project)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"ppo": {"stepz": 3}}, "stepz"),
        ({"ppo": {"steps": 0}}, "steps must be greater than 0"),
        ({"ppo": {"learning_rate": float("nan")}}, "learning_rate"),
        ({"ppo": {"steps": 10**400}}, "steps"),
        ({"reward": {"lora_target": "\ud800"}}, "lora_target"),
        ({"reward": {"dataset": {"path": "/etc/passwd", "sha256": "0" * 64}}}, "dataset"),
        ({"reward": {"held_out": {"path": "/etc/passwd", "sha256": "0" * 64}}}, "held_out"),
        ({"ppo": {"policy_adapter": "/somewhere"}}, "policy_adapter"),
        ({"evaluate": {"baseline_adapter": "/somewhere"}}, "baseline_adapter"),
        ({"sft": {}}, "sft"),
        ({"ppo": 3}, "ppo"),
        ([], "object"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_stored(wrong, reason):
    project = make_judged()
    with pytest.raises(RefusedError, match=reason):
        start_update(project=project, settings=wrong)
    assert not Update.objects.exists()


# Failing


def test_without_preferences_the_update_fails_with_that_reason():
    update = executed(make_update(make_trainable()))
    assert update.state == State.FAILED
    assert "no preferences" in update.error


@pytest.mark.usefixtures("forked_engines")
def test_too_few_pairs_fail_the_reward_stage_with_the_engines_reason(tiny_base: Path):
    few = {**SMALL, "reward": {**SMALL["reward"], "min_pairs": 500}}
    update = executed(make_update(make_judged(str(tiny_base)), **few))
    run = update.runs.get()
    assert (update.state, run.state) == (State.FAILED, State.FAILED)
    assert "needs at least 500" in run.error
    assert run.error in update.error


@pytest.mark.usefixtures("forked_engines")
def test_a_missing_model_folder_fails_the_update_and_a_repaired_one_goes_on(
    tiny_base: Path, tmp_path: Path, monkeypatch
):
    folder = tmp_path / "model"
    update = executed(make_update(make_judged(str(folder))))
    assert update.state == State.FAILED
    assert f"{folder} does not exist" in update.error
    shutil.copytree(tiny_base, folder)
    retry_update(update=update, settings=SMALL)
    monkeypatch.setattr(update_execution, "STAGES", (Stage.REWARD,))
    monkeypatch.setattr(update_execution, "publish_candidate", lambda update: None)
    assert executed(update).runs.get().state == State.SUCCEEDED


def test_a_full_disk_is_the_reason_on_the_update(monkeypatch):
    text = """
import errno, pathlib, sys
sys.path.insert(0, ".")
from training.rlhf.rundir import RunDirectory
RunDirectory(sys.argv[1]).fail(OSError(errno.ENOSPC, "No space left on device"))
sys.exit(1)
"""
    use_engine(monkeypatch, text)
    update = executed(make_update())
    assert update.state == State.FAILED
    assert "The disk is full" in update.error


def test_an_unforeseen_error_fails_the_update_and_frees_the_project(monkeypatch):
    def burst(**_kwargs: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(update_execution, "snapshot_preferences", burst)
    update = executed(make_update())
    assert update.state == State.FAILED
    assert "oops" in update.error
    start_update(project=update.project)


def test_an_update_that_fails_at_any_point_leaves_no_run_behind(monkeypatch):
    def burst(_run: TrainingRun) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(update_execution, "run_engine", burst)
    first = executed(make_update())
    run = first.runs.get()
    assert (run.state, run.lease) == (State.FAILED, None)
    assert "oops" in run.error
    monkeypatch.undo()
    use_engine(monkeypatch, "raise SystemExit(1)")
    assert "gave no reason" in executed(start_update(project=first.project)).error


# Cancelling


def test_cancelling_an_update_that_waits_in_the_middle_ends_its_run_too():
    update = make_update()
    run = make_run(update)
    run.claim()  # by a worker that died before the clock queued the update again
    request_cancel(update=update)
    run.refresh_from_db()
    assert (run.state, run.lease) == (State.CANCELLED, None)
    with pytest.raises(LeaseLostError):
        run.renew()


def test_cancelling_a_waiting_update_ends_it_at_once():
    update = make_update()
    request_cancel(update=update, actor=update.started_by)
    assert executed(update).state == State.CANCELLED
    assert not update.runs.exists()


def test_cancelling_between_stages_stops_before_the_next(monkeypatch):
    update = make_update()
    snapshot = update_execution.snapshot_preferences

    def snapshot_then_cancel(**kwargs):
        dataset = snapshot(**kwargs)
        request_cancel(update=Update.objects.get(pk=update.pk))
        return dataset

    monkeypatch.setattr(update_execution, "snapshot_preferences", snapshot_then_cancel)
    update = executed(update)
    assert update.state == State.CANCELLED
    assert update.dataset is not None
    assert not update.runs.exists()


def test_an_update_that_ended_cannot_be_cancelled():
    update = make_update()
    request_cancel(update=update)
    with pytest.raises(RefusedError, match="ended already"):
        request_cancel(update=update)


@pytest.mark.usefixtures("forked_engines")
def test_an_engine_stops_on_request_and_goes_on_when_tried_again(tiny_base: Path, monkeypatch):
    long = {**SMALL, "reward": {**SMALL["reward"], "max_steps": 5000}}
    update = make_update(make_judged(str(tiny_base)), **long)
    asked = TrainingRun.is_cancel_requested

    def ask_after_the_first_checkpoint(run: TrainingRun) -> bool:
        if list(run.folder.glob("checkpoints/step-??????")):
            Update.objects.filter(pk=update.pk).update(cancel_requested_at=timezone.now())
        return asked(run)

    monkeypatch.setattr(TrainingRun, "is_cancel_requested", ask_after_the_first_checkpoint)
    update = executed(update)
    run = update.runs.get()
    assert (update.state, run.state) == (State.CANCELLED, State.CANCELLED)
    assert list(run.folder.glob("checkpoints/step-*"))
    retry_update(update=update, settings=long)
    use_engine(monkeypatch, "import sys\nsys.exit(1)")
    assert executed(update).runs.get() == run, "the same run, so that its checkpoints are used"


# Trying again


def test_trying_again_takes_in_newer_judgments_while_no_reward_model_is_trained(monkeypatch):
    use_engine(monkeypatch, "raise SystemExit(1)")
    update = executed(make_update())
    first = update.dataset
    retry_update(update=update)
    assert executed(update).dataset == first, "nothing new, so nothing changes"
    live = update.project.versions.get()
    add_answers(live, ("Perhaps.", "Perhaps, and perhaps not."))
    open_round(project=update.project, author=live.author)
    judge_all(update.project)
    update.refresh_from_db()
    retry_update(update=update)
    assert executed(update).dataset.judgments == 2 * PROMPTS


def test_trying_again_leaves_out_who_was_excluded_meanwhile(monkeypatch):
    use_engine(monkeypatch, "raise SystemExit(1)")
    project = make_judged()
    volunteer = Judgment.objects.of_project(project).first().volunteer
    add_answers(project.versions.get(), ("Perhaps.", "Perhaps, and perhaps not."))
    open_round(project=project, author=project.versions.get().author)
    judge_all(project)
    update = executed(make_update(project))
    act = {"project": project, "volunteer": volunteer, "actor": coordinator_of(project)}
    exclude_person(reason="careless", note="", **act)
    for judgments in (PROMPTS, 2 * PROMPTS):
        update.refresh_from_db()
        retry_update(update=update)
        assert executed(update).dataset.judgments == judgments
        if judgments == PROMPTS:
            include_person(**act)


def test_trying_again_holds_what_a_dataset_would_hold_now(monkeypatch):
    use_engine(monkeypatch, "raise SystemExit(1)")
    update = executed(make_update())
    project, prompts = update.project, [update.project.prompts.train().first().pk]
    for change, judgments in ((withdraw_prompts, PROMPTS - 1), (restore_prompts, PROMPTS)):
        change(project=project, prompt_ids=prompts, actor=None)
        update.refresh_from_db()
        retry_update(update=update)
        assert executed(update).dataset.judgments == judgments


def test_only_what_failed_or_was_cancelled_can_be_tried_again():
    update = make_update()
    with pytest.raises(RefusedError, match="under way"):
        retry_update(update=update)
    Update.objects.update(state=State.SUCCEEDED)
    with pytest.raises(RefusedError, match="failed or was cancelled"):
        retry_update(update=update)


def test_trying_again_follows_the_settings_as_they_are_now(monkeypatch):
    use_engine(monkeypatch, "raise SystemExit(1)")
    update = executed(make_update())
    assert update.runs.get().recipe["batch_size"] == SMALL["reward"]["batch_size"]
    smaller = {**SMALL, "reward": {**SMALL["reward"], "batch_size": 2}}
    Schedule.objects.create(project=update.project, settings=smaller)
    retry_update(update=update)
    update = executed(update)
    assert update.settings == smaller
    assert [run.recipe["batch_size"] for run in update.runs.all()] == [4, 2]


def test_trying_again_with_impossible_settings_changes_nothing(monkeypatch):
    update = make_update()
    request_cancel(update=update)
    with pytest.raises(RefusedError, match="stepz"):
        retry_update(update=update, settings={"ppo": {"stepz": 1}})
    update.refresh_from_db()
    assert (update.state, update.settings) == (State.CANCELLED, SMALL)


def test_trying_again_is_refused_while_another_update_is_active():
    failed = make_update()
    request_cancel(update=failed)
    start_update(project=failed.project)
    with pytest.raises(RefusedError, match="under way"):
        retry_update(update=failed)
    failed.refresh_from_db()
    assert failed.state == State.CANCELLED


def test_an_update_of_a_version_that_is_no_longer_live_is_not_taken_up_again():
    update = make_update()
    request_cancel(update=update)
    release_version(version=make_candidate(update.project), actor=None)
    cancel_sampling(run=update.project.runs.get())
    with pytest.raises(RefusedError, match="no longer live"):
        retry_update(update=update)


# Sampling


def test_answers_that_are_all_alike_fail_the_sampling_and_leave_the_open_round(monkeypatch):
    use_engine(monkeypatch, SAMPLE.replace("answer {number}", "Same."))
    project = make_trainable()
    run = sample_live_version(project=project)
    execute_sampling(run.pk)
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "nothing to compare" in run.error
    assert not project.rounds.open().exists()
    assert not project.versions.get().author.completions.exists()


def test_sampling_opens_a_round_with_the_answers(monkeypatch):
    use_engine(monkeypatch, SAMPLE)
    project = make_trainable()
    run = sampled(sample_live_version(project=project))
    assert (run.state, run.error) == (State.SUCCEEDED, "")
    assert project.rounds.get().comparisons.count() == PROMPTS


def test_before_the_first_update_chance_chooses_whatever_the_rule_is(monkeypatch):
    use_engine(monkeypatch, SAMPLE)
    project = make_trainable(sampling=Project.Sampling.INFORMATION)
    run = sampled(sample_live_version(project=project))
    assert (run.recipe["completions_per_prompt"], run.recipe["reward_adapter"]) == (2, None)
    assert set(project.rounds.get().comparisons.values_list("selection_probability", flat=True)) == {1.0}


def test_a_reward_model_whose_weights_were_deleted_scores_nothing():
    update = make_update(make_judged(sampling=Project.Sampling.INFORMATION))
    make_finished(update)
    reward = update.run_of("reward")
    assert newest_reward_run(update.project) == reward
    (reward.adapter_dir / "adapter_model.safetensors").unlink()
    assert newest_reward_run(update.project) is None


def test_sampling_of_a_version_that_is_no_longer_live_leaves_the_open_round(monkeypatch):
    use_engine(monkeypatch, SAMPLE)
    project = make_trainable()
    run = sample_live_version(project=project)
    run.version.become(ModelVersion.State.RETIRED)  # while its engine runs
    run = sampled(run)
    assert run.state == State.FAILED
    assert "no longer live" in run.error
    assert project.rounds.get().state == RoundState.PREPARING
    assert not project.versions.get(number=0).author.completions.exists()


def test_an_unforeseen_error_fails_the_sampling_and_frees_the_project(monkeypatch):
    def burst(_run: TrainingRun) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(alone, "run_engine", burst)
    run = sampled(sample_live_version(project=make_trainable()))
    assert run.state == State.FAILED
    assert "The site failed unexpectedly: ZeroDivisionError: oops" in run.error
    sample_live_version(project=run.project)


def test_a_worker_that_lost_the_sampling_while_it_stored_the_answers_stores_nothing(monkeypatch):
    use_engine(monkeypatch, SAMPLE)
    store = sampling_execution._store_sampled

    def lose_the_lease(version: ModelVersion, run: TrainingRun) -> None:
        store(version, run)
        TrainingRun.objects.filter(pk=run.pk).update(lease=uuid.uuid4())
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(sampling_execution, "_store_sampled", lose_the_lease)
    project = make_trainable()
    # The other worker's lease is part of what this one's transaction takes back, so it is given again.
    finish = TrainingRun.finish

    def finish_after_a_takeover(run: TrainingRun, *args: object, **kwargs: object) -> None:
        TrainingRun.objects.filter(pk=run.pk).update(lease=uuid.uuid4())
        finish(run, *args, **kwargs)

    monkeypatch.setattr(TrainingRun, "finish", finish_after_a_takeover)
    run = sampled(sample_live_version(project=project))
    assert (run.state, run.error) == (State.RUNNING, "")
    assert not project.rounds.open().exists()


def test_answers_that_cannot_be_read_fail_the_sampling_with_that_reason(monkeypatch):
    use_engine(monkeypatch, SAMPLE.replace('"text"', '"words"'))
    run = sampled(sample_live_version(project=make_trainable()))
    assert run.state == State.FAILED
    assert "cannot be read" in run.error


def test_a_full_disk_refuses_the_sampling_with_that_reason(monkeypatch):
    def full(_path: Path, _value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs, "write_json", full)
    with pytest.raises(RefusedError, match="disk is full"):
        sample_live_version(project=make_trainable())
    assert not TrainingRun.objects.exists()


def test_sampling_that_waits_is_cancelled_at_once():
    run = sample_live_version(project=make_trainable())
    cancel_sampling(run=run)
    assert sampled(run).state == State.CANCELLED
    with pytest.raises(RefusedError, match="ended already"):
        cancel_sampling(run=run)


def test_sampling_that_runs_is_stopped_by_its_engine(monkeypatch):
    use_engine(
        monkeypatch,
        "import pathlib, sys, time\n"
        "while not pathlib.Path(sys.argv[1], 'cancel').exists(): time.sleep(0.05)\nsys.exit(3)",
    )
    run = sample_live_version(project=make_trainable())
    asked = TrainingRun.is_cancel_requested

    def ask_once(run: TrainingRun) -> bool:
        cancel_sampling(run=TrainingRun.objects.get(pk=run.pk))
        return asked(run)

    monkeypatch.setattr(TrainingRun, "is_cancel_requested", ask_once)
    assert sampled(run).state == State.CANCELLED


def test_interrupted_sampling_waits_for_the_next_worker(monkeypatch):
    def interrupt(_run: TrainingRun) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(alone, "run_engine", interrupt)
    run = sample_live_version(project=make_trainable())
    with pytest.raises(KeyboardInterrupt):
        execute_sampling(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempt, run.lease) == (State.QUEUED, 0, None)


# Leases


def test_a_second_worker_leaves_an_update_alone_that_is_held():
    update = make_update()
    assert update.claim()
    execute_update(update.pk)
    assert Update.objects.get(pk=update.pk).attempt == 1


def test_a_worker_that_lost_the_update_publishes_nothing(monkeypatch):
    update = make_update()
    snapshot = update_execution.snapshot_preferences

    def lose_the_lease(**kwargs):
        Update.objects.filter(pk=update.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        assert Update.objects.get(pk=update.pk).claim()
        return snapshot(**kwargs)

    monkeypatch.setattr(update_execution, "snapshot_preferences", lose_the_lease)
    update = executed(update)
    assert (update.state, update.attempt, update.dataset) == (State.RUNNING, 2, None)
    assert not update.runs.exists()
    assert not ModelVersion.objects.exclude(number=0).exists()


def test_a_run_directory_never_inherits_files_of_a_number_used_before(monkeypatch):
    update = make_update()
    used = make_run(update)
    first = used.pk
    used.delete()
    for number in range(first, first + 50):
        stale = Path(settings.DATA_DIR) / "runs" / str(number)
        stale.mkdir(parents=True, exist_ok=True)
        (stale / "result.json").write_text('{"stale": true}')
    use_engine(monkeypatch, "raise SystemExit(0)")
    assert executed(update).state == State.FAILED
    assert update.runs.get().pk in range(first, first + 50)


def test_new_judgments_are_those_no_successful_update_learned_from():
    update = make_update()
    assert new_judgments(update.project).count() == PROMPTS
    prompts = [update.project.prompts.first().pk]
    withdraw_prompts(project=update.project, prompt_ids=prompts, actor=None)
    assert new_judgments(update.project).count() == PROMPTS - 1
    restore_prompts(project=update.project, prompt_ids=prompts, actor=None)
    dataset = update_execution.snapshot_preferences(project=update.project)
    Update.objects.filter(pk=update.pk).update(dataset=dataset)
    assert new_judgments(update.project).count() == PROMPTS
    Update.objects.filter(pk=update.pk).update(state=State.SUCCEEDED)
    assert not new_judgments(update.project).exists()
