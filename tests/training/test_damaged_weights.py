"""Versions whose weights are gone or changed on the disk: nothing learns, answers or goes live with them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.errors import RefusedError
from tests.factories import coordinator_of
from training.models import Export, ModelVersion, TrainingRun, Update
from training.services.sampling.control import sample_live_version
from training.services.sampling.worker import execute_sampling
from training.services.updates.worker import execute_update
from training.services.versions.exports import execute_export
from training.services.versions.releases import release_version, roll_back

from .making import make_finished, make_update

pytestmark = pytest.mark.django_db
WEIGHTS = "adapter_model.safetensors"


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[0] ^= 1
    (folder / WEIGHTS).write_bytes(content)


@pytest.fixture(params=[flip_a_bit, shutil.rmtree], ids=["flipped bit", "folder gone"])
def damage(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    return request.param


@pytest.fixture
def candidate() -> ModelVersion:
    return make_finished(make_update())


def test_a_damaged_candidate_does_not_go_live(candidate, damage):
    damage(candidate.adapter_dir)
    with pytest.raises(RefusedError, match="Restore the folder models/"):
        release_version(version=candidate, actor=None)
    assert candidate.project.versions.live().get().number == 0
    candidate.refresh_from_db()
    assert candidate.state == ModelVersion.State.CANDIDATE


def test_nothing_goes_back_to_a_damaged_version(candidate, damage):
    project = candidate.project
    release_version(version=candidate, actor=None)
    project.runs.all().delete()
    second = make_finished(make_update(project))
    release_version(version=second, actor=None)
    damage(candidate.adapter_dir)
    with pytest.raises(RefusedError, match="Version 1"):
        roll_back(project=project, actor=coordinator_of(project))
    assert project.versions.live().get() == second


def test_updates_samples_and_exports_of_a_damaged_live_version_fail_with_what_to_do(candidate, damage):
    project = candidate.project
    release_version(version=candidate, actor=None)
    damage(candidate.adapter_dir)
    sampling = project.runs.filter(update=None).first() or sample_live_version(project=project)
    execute_sampling(sampling.pk)
    export = Export.objects.create(version=candidate)
    execute_export(export.pk)
    update = make_update(project)
    execute_update(update.pk)
    for work in (sampling, export, update):
        work.refresh_from_db()
        assert work.state == TrainingRun.State.FAILED
        assert "make another version live" in work.error
    assert update.dataset is None and not update.runs.exists()
    assert Update.objects.active().count() == 0
