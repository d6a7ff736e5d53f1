"""Versions as GGUF files: made by the worker, shown on the version's page, downloaded by coordinators."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import Project, Role
from tests.factories import coordinator_of, make_member, make_user
from tests.training.making import make_candidate, make_trainable
from training.models import Export
from training.models.exports import exports_folder
from training.rlhf.rundir import sha256_of
from training.services.clock import tick
from training.services.versions.exports import execute_export, retry_export
from training.services.versions.releases import reject_version

pytestmark = pytest.mark.django_db
State = Export.State


@pytest.fixture(scope="module")
def base_export(django_db_setup: None, django_db_blocker: Any, tiny_base: Any) -> Iterator[Export]:
    """The export of a version 0, made by a real engine; undone after the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        make_trainable(str(tiny_base))
        tick()
        export = Export.objects.get()
        execute_export(export.pk)
        export.refresh_from_db()
        base_folder = export.files["base"].path.parent
        yield export
        transaction.set_rollback(True)
    shutil.rmtree(base_folder)


@pytest.fixture
def project(base_export: Export) -> Project:
    return base_export.version.project


def url(export: Export, name: str, *more: str) -> str:
    return reverse(name, args=[export.version.project.slug, export.version.number, *more])


def jobs() -> int:
    return DBTaskResult.objects.ready().filter(task_path="training.tasks.run_export").count()


def test_the_engine_writes_what_the_page_shows_and_hands_out(client, base_export, project):
    file = base_export.files["base"]
    assert (base_export.state, list(base_export.files)) == (State.SUCCEEDED, ["base"])
    assert sha256_of(file.path) == file.sha256
    client.force_login(coordinator_of(project))
    page = client.get(url(base_export, "version")).content.decode()
    assert file.sha256 in page
    assert f"llama-server -m {project.slug}-base.gguf --jinja" in page
    response = client.get(url(base_export, "export-file", "base"))
    assert b"".join(response.streaming_content) == file.path.read_bytes()
    assert f'filename="{project.slug}-base.gguf"' in response["Content-Disposition"]


def test_what_is_live_or_a_candidate_is_exported_once_and_nothing_else():
    project = make_trainable()
    candidate, rejected = make_candidate(project), make_candidate(project, 2)
    before = jobs()
    reject_version(version=rejected, actor=coordinator_of(project))
    tick()
    tick()
    exported = Export.objects.filter(version__project=project)
    assert set(exported.values_list("version__number", flat=True)) == {0, candidate.number}
    assert jobs() == before + 2


def test_files_that_were_deleted_are_made_again(base_export):
    moved = exports_folder().rename(exports_folder().with_name("aside"))
    try:
        tick()
        base_export.refresh_from_db()
        assert (base_export.state, jobs()) == (State.QUEUED, 1)
    finally:
        moved.rename(exports_folder())


def test_an_export_that_fails_says_why_and_can_be_tried_again(client):
    project = make_trainable("/no/such/base")
    tick()
    export = Export.objects.get(version__project=project)
    execute_export(export.pk)
    export.refresh_from_db()
    assert (export.state, export.error) == (State.FAILED, "The model folder /no/such/base does not exist.")
    client.force_login(coordinator_of(project))
    assert export.error in client.get(url(export, "version")).content.decode()
    client.post(url(export, "retry-export"))
    export.refresh_from_db()
    assert (export.state, export.error) == (State.QUEUED, "")


def test_an_export_that_succeeded_is_not_tried_again(base_export):
    with pytest.raises(RefusedError, match="or are there"):
        retry_export(export=base_export, actor=None)


@pytest.mark.parametrize(("role", "status"), [(Role.COORDINATOR, 200), (Role.REVIEWER, 403), (None, 404)])
def test_files_are_for_coordinators(client, base_export, project, role, status):
    client.force_login(make_member(project, role) if role else make_user())
    assert client.get(url(base_export, "export-file", "base")).status_code == status
    expected = 302 if status == 200 else status
    assert client.post(url(base_export, "retry-export")).status_code == expected


def test_the_files_are_read_and_tried_again_by_the_right_method(client, base_export, project):
    client.force_login(coordinator_of(project))
    assert client.post(url(base_export, "export-file", "base")).status_code == 405
    assert client.get(url(base_export, "retry-export")).status_code == 405


@pytest.mark.parametrize("part", ["adapter", "nothing"])
def test_a_file_that_a_version_has_not_is_not_found(client, base_export, project, part):
    client.force_login(coordinator_of(project))
    assert client.get(url(base_export, "export-file", part)).status_code == 404
