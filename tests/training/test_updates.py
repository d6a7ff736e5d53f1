"""Starting, stopping and resuming updates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import AuditEvent
from ranking.services import open_round
from tests.factories import coordinator_of, make_project
from tests.training.making import (
    PROMPTS,
    SMALL,
    add_answers,
    engine_script,
    judge_all,
    make_candidate,
    make_judged,
    make_trainable,
    make_update,
)
from training import launcher
from training.models import ModelVersion, TrainingRun, Update
from training.services import pipeline
from training.services.pipeline import execute_update
from training.services.sampling import execute_sampling, sample_live_version
from training.services.updates import new_judgments, request_cancel, retry_update, start_update
from training.services.versions import release_version

pytestmark = pytest.mark.django_db
State = Update.State
SLOT = datetime(2026, 11, 2, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "POLL_SECONDS", 0.05)


def use_engine(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(launcher, "command", engine_script(text))


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


def test_too_few_pairs_fail_the_reward_stage_with_the_engines_reason(tiny_base: Path):
    few = {**SMALL, "reward": {**SMALL["reward"], "min_pairs": 500}}
    update = executed(make_update(make_judged(str(tiny_base)), **few))
    run = update.runs.get()
    assert (update.state, run.state) == (State.FAILED, State.FAILED)
    assert "needs at least 500" in run.error
    assert run.error in update.error


def test_a_missing_model_folder_fails_the_update_and_a_repaired_one_goes_on(tiny_base: Path, monkeypatch):
    project = make_judged("/nowhere/model")
    update = executed(make_update(project))
    assert update.state == State.FAILED
    assert "/nowhere/model does not exist" in update.error
    project.base_model = str(tiny_base)
    project.save()
    retry_update(update=update)
    use_engine(monkeypatch, "raise SystemExit(1)")
    executed(update)
    assert update.runs.last().recipe["base_model"] == str(tiny_base)


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

    monkeypatch.setattr(pipeline, "snapshot_preferences", burst)
    update = executed(make_update())
    assert update.state == State.FAILED
    assert "oops" in update.error
    start_update(project=update.project)


# Cancelling


def test_cancelling_a_waiting_update_ends_it_at_once():
    update = make_update()
    request_cancel(update=update, actor=update.started_by)
    assert executed(update).state == State.CANCELLED
    assert not update.runs.exists()


def test_cancelling_between_stages_stops_before_the_next(monkeypatch):
    update = make_update()
    snapshot = pipeline.snapshot_preferences

    def snapshot_then_cancel(**kwargs):
        dataset = snapshot(**kwargs)
        request_cancel(update=Update.objects.get(pk=update.pk))
        return dataset

    monkeypatch.setattr(pipeline, "snapshot_preferences", snapshot_then_cancel)
    update = executed(update)
    assert update.state == State.CANCELLED
    assert update.dataset is not None
    assert not update.runs.exists()


def test_an_update_that_ended_cannot_be_cancelled():
    update = make_update()
    request_cancel(update=update)
    with pytest.raises(RefusedError, match="ended already"):
        request_cancel(update=update)


def test_an_engine_stops_on_request_and_goes_on_when_tried_again(tiny_base: Path, monkeypatch):
    long = {**SMALL, "reward": {**SMALL["reward"], "max_steps": 500_000}}
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
    retry_update(update=update)
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


def test_only_what_failed_or_was_cancelled_can_be_tried_again():
    update = make_update()
    with pytest.raises(RefusedError, match="failed or was cancelled"):
        retry_update(update=update)


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
    with pytest.raises(RefusedError, match="no longer live"):
        retry_update(update=update)


# Sampling


def test_answers_that_are_all_alike_fail_the_sampling_and_leave_the_open_round(monkeypatch):
    text = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
(folder / "output").mkdir()
prompts = [json.loads(line) for line in (folder / "prompts.jsonl").read_text().splitlines()]
rows = [json.dumps({"prompt_id": row["prompt_id"], "text": "Same."}) for row in prompts for _ in range(2)]
(folder / "output" / "completions.jsonl").write_text("\\n".join(rows))
(folder / "result.json").write_text(json.dumps({"metrics": {}, "files": {}}))
"""
    use_engine(monkeypatch, text)
    project = make_trainable()
    run = sample_live_version(project=project)
    execute_sampling(run.pk)
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "nothing to compare" in run.error
    assert not project.rounds.exists()
    assert not project.versions.get().author.completions.exists()


# Leases


def test_a_second_worker_leaves_an_update_alone_that_is_held():
    update = make_update()
    assert update.claim()
    execute_update(update.pk)
    assert Update.objects.get(pk=update.pk).attempt == 1


def test_a_worker_that_lost_the_update_publishes_nothing(monkeypatch):
    update = make_update()
    snapshot = pipeline.snapshot_preferences

    def lose_the_lease(**kwargs):
        Update.objects.filter(pk=update.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        assert Update.objects.get(pk=update.pk).claim()
        return snapshot(**kwargs)

    monkeypatch.setattr(pipeline, "snapshot_preferences", lose_the_lease)
    update = executed(update)
    assert (update.state, update.attempt, update.dataset) == (State.RUNNING, 2, None)
    assert not update.runs.exists()
    assert not ModelVersion.objects.exclude(number=0).exists()


def test_a_run_directory_never_inherits_files_of_a_number_used_before(monkeypatch):
    update = make_update()
    for number in range(1, 50):
        stale = Path(settings.DATA_DIR) / "runs" / str(number)
        stale.mkdir(parents=True, exist_ok=True)
        (stale / "result.json").write_text('{"stale": true}')
    use_engine(monkeypatch, "raise SystemExit(0)")
    assert executed(update).state == State.FAILED


def test_new_judgments_are_those_no_successful_update_learned_from():
    update = make_update()
    assert new_judgments(update.project) == PROMPTS
    dataset = pipeline.snapshot_preferences(project=update.project)
    Update.objects.filter(pk=update.pk).update(dataset=dataset)
    assert new_judgments(update.project) == PROMPTS
    Update.objects.filter(pk=update.pk).update(state=State.SUCCEEDED)
    assert new_judgments(update.project) == 0
