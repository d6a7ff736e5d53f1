"""The versions as a family tree, and the files of one."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import Project, Role
from tests.factories import coordinator_of, make_member, make_project
from tests.training.making import make_candidate, make_finished, make_judged, make_trainable, make_update
from training.models import ModelVersion
from training.services.versions.family import family_of

pytestmark = pytest.mark.django_db
State = ModelVersion.State


def grow(project: Project, **parents: tuple[int, str]) -> None:
    """Versions by number ("v1"), each with its parent's number and its state."""
    for name, (parent, state) in parents.items():
        version = make_candidate(project, int(name[1:]))
        version.parent = project.versions.get(number=parent)
        version.state = state
        version.save()


def tree(project: Project) -> list[tuple[int, int]]:
    return [(each.version.number, each.depth) for each in family_of(project)]


@pytest.fixture
def project() -> Project:
    return make_trainable()


def test_a_long_line_to_the_live_version_is_not_indented(project):
    project.versions.update(state=State.RETIRED)
    grow(project, v1=(0, "retired"), v2=(1, "retired"), v3=(2, "live"), v4=(3, "candidate"))
    assert tree(project) == [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)]


def test_what_branched_off_stands_indented_below_its_parent_before_the_line_goes_on(project):
    project.versions.update(state=State.RETIRED)
    grow(
        project,
        v1=(0, "retired"),
        v2=(1, "rejected"),
        v3=(1, "retired"),
        v4=(3, "retired"),
        v5=(1, "live"),
        v6=(5, "rejected"),
    )
    assert tree(project) == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 0), (6, 1)]


def test_a_project_without_versions_has_an_empty_tree(client):
    project = make_project()
    client.force_login(coordinator_of(project))
    assert tree(project) == []
    assert "no version yet" in client.get(reverse("versions", args=[project.slug])).text


def test_the_page_leads_to_dataset_update_comparison_and_files(client):
    project = make_judged()
    first = make_finished(make_update(project))
    project.versions.get(number=0).become(State.RETIRED)
    first.become(State.LIVE)
    second = make_finished(make_update(project))
    client.force_login(coordinator_of(project))
    text = client.get(reverse("versions", args=[project.slug])).text
    assert reverse("compare-updates", args=[project.slug, 2]) + "?with=1" in text
    assert reverse("dataset", args=[project.slug, second.dataset.number]) in text
    assert first.adapter_sha256[:16] in text and "70" in text


def test_the_page_asks_no_more_for_more_versions(client, project, django_assert_max_num_queries):
    client.force_login(coordinator_of(project))
    page = reverse("versions", args=[project.slug])
    client.get(page)
    grow(project, **{f"v{number}": (number - 1, "rejected") for number in range(1, 9)})
    with django_assert_max_num_queries(12):
        client.get(page)


def file_of(client: Client, version: ModelVersion, name: str) -> Any:
    return client.get(reverse("adapter-file", args=[version.project.slug, version.number, name]))


def test_the_adapter_and_its_card_are_downloads_under_the_names_that_peft_reads(client):
    version = make_finished(make_update())
    client.force_login(coordinator_of(version.project))
    for name, text in (("adapter_model.safetensors", b"policy"), ("README.md", b"card")):
        response = file_of(client, version, name)
        assert b"".join(response.streaming_content) == text
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    page = client.get(reverse("version", args=[version.project.slug, version.number])).text
    assert reverse("adapter-file", args=[version.project.slug, version.number, "README.md"]) in page


def test_no_other_file_is_handed_out_and_none_to_others(client):
    version = make_finished(make_update())
    client.force_login(coordinator_of(version.project))
    for name in ("base.json", "..", "seen_prompts.json", "x\0", "adapter_model.safetensors.json"):
        assert file_of(client, version, name).status_code == 404
    assert file_of(client, version.project.versions.get(number=0), "README.md").status_code == 404
    client.force_login(make_member(version.project, Role.VOLUNTEER))
    assert file_of(client, version, "README.md").status_code == 403
    client.force_login(coordinator_of(make_project()))
    assert file_of(client, version, "README.md").status_code == 404
