"""Deleting the files of a version: what goes, what stays, and when it is refused."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from annotator.errors import RefusedError
from annotator.models import AuditEvent
from tests.factories import coordinator_of
from tests.training.making import make_finished, make_judged, make_run, make_update, write_progress
from training.models import Export, ModelVersion, Update
from training.services.backup.restore import _missing
from training.services.updates.control import start_update
from training.services.versions.exports import retry_export
from training.services.versions.releases import release_version, roll_back
from training.services.versions.removing import delete_version_files
from training.tasks import remove_version_files

pytestmark = pytest.mark.django_db
State = ModelVersion.State


@pytest.fixture
def version() -> ModelVersion:
    """A version that an update made and somebody rejected."""
    version = make_finished(make_update(make_judged()))
    version.become(State.REJECTED)
    return version


def files_of(version: ModelVersion) -> list[Path]:
    folder = Path(settings.DATA_DIR) / "models" / version.project.slug / str(version.number)
    return [path for path in folder.rglob("*") if path.is_file()]


def delete(version: ModelVersion, capture: Any) -> None:
    """Ask for it, and do the job."""
    with capture() as callbacks:
        delete_version_files(version=version, actor=coordinator_of(version.project))
    (enqueue,) = callbacks
    remove_version_files.call(*enqueue.args)


def test_the_weights_go_and_the_record_stays(version, django_capture_on_commit_callbacks):
    run = Update.objects.get(candidate=version).run_of("ppo")
    assert run is not None and files_of(version)
    write_progress(run, [{"kl": 1.0}])
    (run.folder / "checkpoints" / "1").mkdir(parents=True)
    delete(version, django_capture_on_commit_callbacks)
    assert not files_of(version)
    left = {path.name for path in run.folder.rglob("*")}
    assert {"progress.jsonl", "README.md"} <= left
    assert not {"checkpoints", "adapter_model.safetensors"} & left
    version.refresh_from_db()
    assert version.files_deleted_at and version.adapter_sha256 and version.evaluations.exists()
    event = AuditEvent.objects.get(verb="version.files_deleted")
    assert event.actor == coordinator_of(version.project)
    assert _missing() == [] or str(version.adapter_dir) not in _missing()


def test_an_exported_file_goes_but_not_one_that_another_version_has(
    version, django_capture_on_commit_callbacks
):
    exports = Path(settings.DATA_DIR) / "exports"
    exports.mkdir(exist_ok=True)
    for name in ("base-x.gguf", "own-x.gguf", "own-x.json"):
        (exports / name).write_text("{}")
    Export.objects.create(version=version, base="base-x", adapter="own-x", state="succeeded")
    delete(version, django_capture_on_commit_callbacks)
    assert {path.name for path in exports.glob("*-x.*")} == {"base-x.gguf"}


@pytest.mark.parametrize("state", [State.LIVE, State.CANDIDATE])
def test_what_is_live_or_waits_for_a_decision_keeps_its_files(version, state):
    version.project.versions.filter(state=State.LIVE).update(state=State.RETIRED)
    version.become(state)
    with pytest.raises(RefusedError, match="its files are needed"):
        delete_version_files(version=version, actor=None)
    assert files_of(version)


def test_the_base_and_the_version_that_one_can_go_back_to_keep_theirs(version):
    base = version.project.versions.get(number=0)
    with pytest.raises(RefusedError, match="every version needs"):
        delete_version_files(version=base, actor=None)
    version.become(State.CANDIDATE)
    release_version(version=version, actor=None)
    version.project.runs.active().filter(update=None).update(state="succeeded")
    later = make_finished(make_update(version.project))
    release_version(version=later, actor=None)
    with pytest.raises(RefusedError, match="taken back"):
        delete_version_files(version=version, actor=None)


def test_what_an_update_or_an_export_under_way_needs_keeps_its_files(version):
    update = start_update(project=version.project)
    Update.objects.filter(pk=update.pk).update(parent=version)
    with pytest.raises(RefusedError, match="Something that runs"):
        delete_version_files(version=version, actor=None)
    Update.objects.filter(pk=update.pk).update(parent=version.parent)
    Export.objects.create(version=version)
    with pytest.raises(RefusedError, match="Something that runs"):
        delete_version_files(version=version, actor=None)


def test_without_its_files_a_version_cannot_be_live_nor_exported_nor_deleted_again(
    version, django_capture_on_commit_callbacks
):
    version.become(State.RETIRED)
    delete(version, django_capture_on_commit_callbacks)
    with pytest.raises(RefusedError, match="cannot be made live"):
        release_version(version=version, actor=None)
    export = Export.objects.create(version=version, state="failed")
    with pytest.raises(RefusedError, match="were deleted"):
        retry_export(export=export, actor=None)
    with pytest.raises(RefusedError, match="deleted already"):
        delete_version_files(version=version, actor=None)


def test_no_way_leads_back_to_a_version_without_files(version, django_capture_on_commit_callbacks):
    base = version.project.versions.get(number=0)
    version.become(State.CANDIDATE)
    release_version(version=version, actor=None)
    ModelVersion.objects.filter(pk=base.pk).update(files_deleted_at=version.created_at)
    version.refresh_from_db()
    assert version.before is None
    with pytest.raises(RefusedError, match="no version before"):
        roll_back(project=version.project, actor=None)


def test_the_page_says_what_goes_and_what_is_kept(
    client: Client, version, django_capture_on_commit_callbacks
):
    client.force_login(coordinator_of(version.project))
    page = reverse("version", args=[version.project.slug, version.number])
    assert "Kept are its record" in client.get(page).text
    delete(version, django_capture_on_commit_callbacks)
    text = client.get(page).text
    assert "Its files were deleted" in text and 'id="delete-files"' not in text
    assert "Files deleted" in client.get(reverse("versions", args=[version.project.slug])).text


def test_a_run_outside_updates_is_left_alone(version, django_capture_on_commit_callbacks):
    other = make_run(make_update(version.project))
    (other.folder / "output").mkdir()
    (other.folder / "output" / "adapter_model.safetensors").write_text("another's")
    delete(version, django_capture_on_commit_callbacks)
    assert (other.folder / "output" / "adapter_model.safetensors").exists()
