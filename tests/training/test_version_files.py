"""Adapters reach their version complete, verified and alone, or not at all."""

import errno
import os
import shutil
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from tests.training.making import make_result, make_run, make_update
from training.models import ModelVersion, TrainingRun, Update
from training.rlhf.rundir import sha256_of
from training.services.runs.recipes import STAGES
from training.services.updates.worker import execute_update
from training.services.versions import files as version_files

pytestmark = pytest.mark.django_db
State = Update.State


@pytest.fixture
def update() -> Update:
    """An update whose stages have all succeeded, so that only publishing is left."""
    update = make_update()
    shutil.rmtree(Path(settings.DATA_DIR) / "models" / update.project.slug, ignore_errors=True)
    update.claim()
    for stage in STAGES:
        run = make_run(update, stage)
        run.update = update
        run.claim()
        run.finish(TrainingRun.State.SUCCEEDED, result=make_result(run))
    Update.objects.filter(pk=update.pk).update(state=State.QUEUED)
    return update


def executed(update: Update) -> Update:
    execute_update(update.pk)
    return Update.objects.get(pk=update.pk)


def published(update: Update) -> set[str]:
    folder = Path(settings.DATA_DIR) / "models" / update.project.slug
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


COMPLETE = {
    f"1/{role}/{name}"
    for role in ("policy", "reward")
    for name in ("adapter_config.json", "adapter_model.safetensors", "README.md", "base.json")
} | {"1/reward/seen_prompts.json"}


def test_an_update_that_died_before_publishing_publishes_when_taken_up(update):
    assert executed(update).state == State.SUCCEEDED
    assert published(update) == COMPLETE


def test_the_members_of_a_reward_ensemble_are_published_side_by_side(update):
    run = update.run_of("reward")
    files = {}
    for number in range(2):
        member = run.adapter_dir / f"member-{number}"
        member.mkdir()
        for name in version_files.ADAPTER_FILES:
            (member / name).write_text(f"{name} {number}")
            files[f"member-{number}/{name}"] = sha256_of(member / name)
    for name in version_files.ADAPTER_FILES:
        (run.adapter_dir / name).unlink()
    TrainingRun.objects.filter(pk=run.pk).update(result={**run.result, "files": files})
    assert executed(update).state == State.SUCCEEDED
    policy = {name for name in COMPLETE if "policy" in name}
    assert published(update) == policy | {f"1/reward/{name}" for name in files}


def test_an_adapter_that_changed_since_the_engine_wrote_it_is_not_published(update):
    run = update.run_of("ppo")
    (run.adapter_dir / "adapter_model.safetensors").write_text("a flipped bit")
    update = executed(update)
    assert update.state == State.FAILED
    assert "checksum differs" in update.error
    assert published(update) == set()
    assert not ModelVersion.objects.filter(project=update.project, number=1).exists()


@pytest.mark.parametrize("forged", ["# Approved by everyone", None])
def test_a_card_that_changed_since_or_is_gone_is_not_published(update, forged):
    card = update.run_of("ppo").adapter_dir / "README.md"
    card.unlink()
    if forged:
        card.write_text(forged)
    assert executed(update).state == State.FAILED
    assert published(update) == set()


def test_an_adapter_of_an_engine_that_wrote_no_cards_is_published_without(update):
    run = update.run_of("reward")
    (run.adapter_dir / "README.md").unlink()
    del run.result["files"]["README.md"]
    run.save(update_fields=["result"])
    assert executed(update).state == State.SUCCEEDED
    assert published(update) == COMPLETE - {"1/reward/README.md"}


def test_a_full_disk_while_publishing_leaves_nothing_and_says_so(update, monkeypatch):
    def full(_source: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(version_files.shutil, "copyfile", full)
    update = executed(update)
    assert update.state == State.FAILED
    assert "The disk is full" in update.error
    assert published(update) == set()


def test_what_an_attempt_left_without_recording_it_is_replaced(update):
    left = Path(settings.DATA_DIR) / "models" / update.project.slug / "1" / "policy"
    left.mkdir(parents=True)
    (left / "optimizer.pt").write_text("left over")
    assert executed(update).state == State.SUCCEEDED
    assert published(update) == COMPLETE


def test_pickles_beside_an_adapter_stay_behind(update):
    (update.run_of("ppo").adapter_dir / "training_args.bin").write_bytes(b"\x80\x04")
    assert executed(update).state == State.SUCCEEDED
    assert published(update) == COMPLETE


def take_over(update: Update) -> None:
    """What happens when a worker stalls: another one takes the update up and publishes it."""
    Update.objects.filter(pk=update.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    execute_update(update.pk)
    assert Update.objects.get(pk=update.pk).state == State.SUCCEEDED


@pytest.mark.parametrize("step", ["copyfile", "sync_tree"])
def test_a_worker_that_stalled_while_publishing_leaves_what_another_published(update, monkeypatch, step):
    """It wakes in the middle of copying, or with nothing left to do but to give the files their name."""
    home = version_files.shutil if step == "copyfile" else version_files
    act, stalled = getattr(home, step), []

    def stall_once(*args: Path) -> None:
        act(*args)
        if not stalled:
            stalled.append(True)
            take_over(update)
            (folder / "adapter_model.safetensors").write_text("what the other worker published")

    folder = Path(settings.DATA_DIR) / "models" / update.project.slug / "1" / "policy"
    monkeypatch.setattr(home, step, stall_once)
    update = executed(update)
    assert update.state == State.SUCCEEDED
    assert update.candidate.number == 1
    assert (folder / "adapter_model.safetensors").read_text() == "what the other worker published"
    assert published(update) == COMPLETE


def test_a_name_that_cannot_be_given_fails_the_update_and_stores_no_version(update, monkeypatch):
    rename = os.rename

    def full_for_models(source: Path, target: Path) -> None:
        if "models" in target.parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(version_files.os, "rename", full_for_models)
    update = executed(update)
    assert update.state == State.FAILED
    assert "The disk is full" in update.error
    assert not ModelVersion.objects.filter(project=update.project, number=1).exists()
    assert published(update) == set()


def test_a_worker_that_lost_the_update_gives_no_file_its_name(update, monkeypatch):
    sync = version_files.sync_tree

    def lose_the_lease(folder: Path) -> None:
        sync(folder)
        Update.objects.filter(pk=update.pk).update(lease=uuid.uuid4())

    monkeypatch.setattr(version_files, "sync_tree", lose_the_lease)
    assert executed(update).state == State.RUNNING
    assert published(update) == set()
    assert not ModelVersion.objects.filter(project=update.project, number=1).exists()


def test_the_lease_is_held_while_files_are_copied(update, monkeypatch):
    copy, left = version_files.shutil.copyfile, []

    def copy_slowly(source: Path, target: Path) -> None:
        left.append(Update.objects.get(pk=update.pk).lease_expires_at - timezone.now())
        Update.objects.filter(pk=update.pk).update(lease_expires_at=timezone.now() + timedelta(seconds=5))
        copy(source, target)

    monkeypatch.setattr(version_files.shutil, "copyfile", copy_slowly)
    assert executed(update).state == State.SUCCEEDED
    assert len(left) == len(COMPLETE)
    assert min(left) > timedelta(seconds=50)
