"""Projects that start from what another one has learned."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Membership, Project, Role, User
from annotator.shown import ChangedMeanwhileError, Shown, check_shown, text_of
from ranking.services import leave_project, open_round
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_user
from tests.pressing import filled, press
from tests.training.making import add_answers, make_candidate, make_source, make_trainable
from training.facts import version_facts
from training.models import Founding, ModelVersion, Origin
from training.models.runs import ADAPTER_WEIGHTS
from training.rlhf.rundir import sha256_of
from training.services.base_models import check
from training.services.deleting.projects import delete_project
from training.services.founding.worker import execute_founding
from training.services.sampling.control import sample_live_version
from training.services.versions.family import family_of
from training.services.versions.origins import sources_for
from training.services.versions.releases import release_version, roll_back
from training.services.versions.removing import delete_version_files
from training.services.versions.starting import start_from
from training.services.versions.withdrawn_datasets import withdrawn_datasets

pytestmark = pytest.mark.django_db
State = ModelVersion.State


@pytest.fixture(autouse=True)
def data(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def source() -> ModelVersion:
    return make_source(name="Sea tutor")


@pytest.fixture
def ada(source: ModelVersion) -> User:
    """She coordinates both projects."""
    return coordinator_of(source.project)


@pytest.fixture
def project(ada: User) -> Project:
    project = make_trainable()
    Membership.objects.create(project=project, user=ada, role=Role.COORDINATOR)
    return project


@pytest.fixture
def page(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def address(name: str, project: Project, *more: int) -> str:
    return reverse(name, args=[project.slug, *more])


def test_a_copy_of_the_version_is_live_and_the_base_can_be_gone_back_to(project, source, ada):
    version = start_from(project=project, source=source, actor=ada)
    assert (version.number, version.state, version.parent) == (1, State.LIVE, None)
    assert version.adapter_dir != source.adapter_dir
    weights = version.adapter_dir / ADAPTER_WEIGHTS
    assert sha256_of(weights) == version.adapter_sha256 == source.adapter_sha256
    assert (version.adapter_dir / "base.json").is_file()
    assert project.versions.live().get() == version
    assert roll_back(project=project, actor=ada).version.number == 0


def test_its_card_and_its_record_say_where_it_came_from_with_the_licences(project, source, ada):
    version = start_from(project=project, source=source, actor=ada)
    (dataset,) = version.origin.facts["datasets"]
    assert (dataset["number"], dataset["sha256"]) == (source.dataset.number, source.dataset.sha256)
    assert dataset["license"] == source.dataset.manifest["license"] != ""
    card = (version.adapter_dir / "README.md").read_text()
    assert card.startswith("card\n")
    for words in ("`Sea tutor`, version 1", source.adapter_sha256, dataset["sha256"], dataset["license"]):
        assert words in card
    assert "Provenance" not in (source.adapter_dir / "README.md").read_text()


def test_the_way_back_from_it_leads_to_the_other_project(project, source, ada, page):
    start_from(project=project, source=source, actor=ada)
    text = page.get(address("version-lineage", project, 1)).text
    assert "Sea tutor" in text and source.dataset.sha256 in text
    assert "This is the base model" not in text


def test_both_logs_tell_who_did_it(project, source, ada, page):
    version = start_from(project=project, source=source, actor=ada)
    taken = AuditEvent.objects.about(project, "version.taken_over", target=version).get()
    passed = AuditEvent.objects.about(source.project, "version.passed_on", target=source).get()
    assert taken.actor == passed.actor == ada
    assert "started from version" in page.get(address("log", project)).text
    assert "start from version" in page.get(address("log", source.project)).text


def test_what_is_ranked_goes_on_until_answers_of_the_version_are_there(project, source, ada):
    base = project.versions.get()
    add_answers(base)
    current = open_round(project=project, author=base.author)
    version = start_from(project=project, source=source, actor=ada)
    assert project.rounds.open().get() == current
    assert project.rounds.preparing().get().author == version.author
    assert project.runs.get().version == version


def test_a_project_without_a_round_waits_for_its_prompts(project, source, ada):
    start_from(project=project, source=source, actor=ada)
    assert not project.rounds.exists() and not project.runs.exists()


def test_one_that_goes_on_to_a_third_project_carries_all_that_is_behind_it(project, source, ada):
    middle = start_from(project=project, source=source, actor=ada)
    third = make_trainable()
    Membership.objects.create(project=third, user=ada, role=Role.COORDINATOR)
    version = start_from(project=third, source=middle, actor=ada)
    assert version.origin.facts["project"]["name"] == project.name
    assert [each["project"] for each in version.origin.facts["datasets"]] == ["Sea tutor"]


# Withdrawing


def withdraw_in(project: Project) -> None:
    volunteer = project.memberships.filter(role=Role.VOLUNTEER).earliest("pk")
    leave_project(membership=volunteer, withdraw=True)


def test_what_is_withdrawn_there_marks_the_version_and_those_that_go_on_from_it(project, source, ada):
    version = start_from(project=project, source=source, actor=ada)
    child = make_candidate(project, number=2)
    assert child.parent == version and withdrawn_datasets(project) == {}
    withdraw_in(source.project)
    behind = withdrawn_datasets(project)
    assert behind[version.pk] == behind[child.pk] == [source.dataset]
    assert project.versions.get(number=0).pk not in behind


def test_what_is_withdrawn_two_projects_before_marks_it_too(project, source, ada):
    middle = start_from(project=project, source=source, actor=ada)
    third = make_trainable()
    Membership.objects.create(project=third, user=ada, role=Role.COORDINATOR)
    version = start_from(project=third, source=middle, actor=ada)
    withdraw_in(source.project)
    assert withdrawn_datasets(third)[version.pk] == [source.dataset]


def test_pages_and_api_name_the_dataset_and_whose_it_is(project, source, ada, page):
    version = start_from(project=project, source=source, actor=ada)
    seen = Shown.in_header(text_of(version_facts(version)))
    withdraw_in(source.project)
    text = page.get(address("version", project, 1)).text
    assert "Dataset 1 of <bdi>Sea tutor</bdi>: 12 judgments of 12" in text
    assert "judgments withdrawn" in page.get(address("training", project)).text
    one = client_of(ada).get(reverse("api-version", args=[project.slug, 1])).json()
    assert one["datasets_taken_back"] == []
    assert one["taken_back_elsewhere"] == [{"project": source.project.slug, "number": 1}]
    with pytest.raises(ChangedMeanwhileError, match=f"{source.project.slug}/1"):
        check_shown(seen, version_facts(version))


def test_who_chooses_a_version_to_start_from_sees_what_was_withdrawn(project, source, page):
    withdraw_in(source.project)
    text = page.get(address("start-from", project)).text
    assert "Judgments withdrawn since from dataset 1 of Sea tutor: 12" in text


# Deleting


def test_the_version_stays_whole_when_the_other_project_is_deleted(
    project, source, ada, page, django_capture_on_commit_callbacks
):
    version = start_from(project=project, source=source, actor=ada)
    with django_capture_on_commit_callbacks(execute=True):
        delete_project(project=source.project, actor=ada)
    assert not source.adapter_dir.exists()
    assert sha256_of(version.adapter_dir / ADAPTER_WEIGHTS) == version.adapter_sha256
    origin = Origin.objects.get(version=version)
    assert origin.source is None and origin.facts["project"]["name"] == "Sea tutor"
    text = page.get(address("version", project, 1)).text
    assert "deleted since" in text and "Sea tutor" in text


def test_the_other_project_stays_whole_when_the_one_that_started_from_it_is_deleted(project, source, ada):
    start_from(project=project, source=source, actor=ada)
    delete_project(project=project, actor=ada)
    assert not Origin.objects.exists()
    assert sha256_of(source.adapter_dir / ADAPTER_WEIGHTS) == source.adapter_sha256


# What is refused


def base_differs(source: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=source.pk).update(base_model="org/other")


def rejected(source: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=source.pk).update(state=State.REJECTED)


def undecided(source: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=source.pk).update(state=State.CANDIDATE)


def files_deleted(source: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=source.pk).update(files_deleted_at=timezone.now())


def file_gone(source: ModelVersion) -> None:
    (source.adapter_dir / ADAPTER_WEIGHTS).unlink()


def bit_flipped(source: ModelVersion) -> None:
    weights = source.adapter_dir / ADAPTER_WEIGHTS
    weights.write_bytes(bytes([weights.read_bytes()[0] ^ 1]) + weights.read_bytes()[1:])


def config_gone(source: ModelVersion) -> None:
    (source.adapter_dir / "adapter_config.json").unlink()


def base_itself(source: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=source.pk).update(adapter_path="")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (base_differs, "learned on another base model: org/other"),
        (rejected, "was not released. Its state is: Rejected"),
        (undecided, "was not released. Its state is: Candidate"),
        (files_deleted, "were deleted"),
        (file_gone, "are gone, or are not what was published"),
        (bit_flipped, "are gone, or are not what was published"),
        (config_gone, "adapter_config.json"),
        (base_itself, "is the base model, which you have"),
    ],
)
def test_what_cannot_be_started_from_is_told_and_nothing_changes(
    project, source, ada, page, harm: Callable[[ModelVersion], None], words: str
):
    start = address("start-from", project)
    sent = {"source": str(source.pk), "shown": shown_on(page, start)}
    harm(source)
    text = page.post(start, sent, follow=True).text
    assert words in text
    assert project.versions.live().get().number == 0 and not Origin.objects.exists()


def shown_on(page: Client, at: str) -> str:
    """What a page that is open says it showed."""
    return filled(page, at)["shown"]


def test_a_version_of_a_project_that_one_does_not_coordinate_is_not_found(project, source, ada, page):
    start = address("start-from", project)
    shown = shown_on(page, start)
    Membership.objects.filter(project=source.project, user=ada).update(role=Role.REVIEWER)
    for wrong in (str(source.pk), "0", "x", "9" * 30, "٣"):
        assert page.post(start, {"source": wrong, "shown": shown}).status_code == 404
    with pytest.raises(RefusedError, match="no version of another project"):
        start_from(project=project, source=source, actor=ada)
    assert sources_for(ada, project) == []


def test_nothing_chosen_is_told(project, source, page):
    answer = page.post(address("start-from", project), {}, follow=True)
    assert "Choose a version to start from." in answer.text


def test_once_a_version_of_its_own_was_released_it_is_too_late(project, source, ada, page):
    release_version(version=finished(project), actor=ada)
    for run in project.runs.active():
        run.request_cancel()
    with pytest.raises(RefusedError, match="has released a version of its own"):
        start_from(project=project, source=source, actor=ada)
    assert "has released a version of its own" in page.get(address("start-from", project)).text
    assert "Start from a version of another project" not in page.get(address("versions", project)).text


def finished(project: Project) -> ModelVersion:
    version = make_candidate(project)
    version.adapter_path = "models/x/1/policy"
    version.save()
    return version


def test_while_a_candidate_waits_or_answers_are_sampled_it_is_refused(project, source, ada):
    run = sample_live_version(project=project)
    with pytest.raises(RefusedError, match="being sampled"):
        start_from(project=project, source=source, actor=ada)
    run.request_cancel()
    make_candidate(project)
    with pytest.raises(RefusedError, match="waits for a decision"):
        start_from(project=project, source=source, actor=ada)


def test_what_changed_since_the_page_was_made_is_told(project, source, ada):
    shown = Shown.in_header('"live=7"')
    with pytest.raises(ChangedMeanwhileError):
        start_from(project=project, source=source, actor=ada, shown=shown)


# Pages


def test_the_page_names_the_versions_with_their_licences_and_one_is_started_from(project, source, page):
    start = address("start-from", project)
    assert "Start from a version of another project" in page.get(address("versions", project)).text
    text = page.get(start).text
    assert "Sea tutor" in text and escape(source.dataset.manifest["license"]) in text
    press(page, start, source=str(source.pk))
    assert project.versions.live().get().origin.source == source
    tree = page.get(address("versions", project)).text
    assert "From another project: version 1 of <bdi>Sea tutor</bdi>" in tree
    assert [each.version.number for each in family_of(project)] == [0, 1]
    detail = page.get(address("version", project, 1)).text
    assert address("version", source.project, 1) in detail and source.dataset.sha256 in detail
    assert project.name in page.get(address("version", source.project, 1)).text


def test_the_api_says_where_a_version_came_from(project, source, ada):
    start_from(project=project, source=source, actor=ada)
    program = client_of(ada)
    base, version = (
        program.get(reverse("api-version", args=[project.slug, number])).json() for number in (0, 1)
    )
    assert base["origin"] is None
    assert version["origin"]["project"]["name"] == "Sea tutor" and version["origin"]["version"] == 1


def test_other_coordinators_see_where_it_came_from_without_a_link(project, source, ada, client):
    start_from(project=project, source=source, actor=ada)
    client.force_login(make_member(project, Role.COORDINATOR, name="Bob"))
    text = client.get(address("version", project, 1)).text
    assert "Sea tutor" in text and address("version", source.project, 1) not in text


def test_without_another_project_the_page_says_what_is_needed(page, ada):
    project = make_trainable(base_model="org/else")
    Membership.objects.create(project=project, user=ada, role=Role.COORDINATOR)
    assert "You coordinate no other project" in page.get(address("start-from", project)).text


# Founding

NEW = "/projects/new/"


@pytest.fixture
def founder(source, client, monkeypatch) -> User:
    """Somebody who may found projects, and coordinates the source's."""
    monkeypatch.setattr(check, "_run_check", lambda _base, _beat: {"problems": [], "system_message": True})
    user = User.objects.create_superuser("root@example.org")
    Membership.objects.create(project=source.project, user=user, role=Role.COORDINATOR)
    client.force_login(user)
    return user


def found(client: Client, source: ModelVersion, **values: str) -> None:
    sent = {"name": "Lake tutor", "base_model": source.base_model, "start_from": str(source.pk), **values}
    client.post(NEW, sent)


def test_a_project_is_founded_on_what_another_one_has_learned(client, founder, source):
    assert "Sea tutor · Version 1" in client.get(NEW).text
    found(client, source)
    execute_founding(Founding.objects.get().pk)
    project = Project.objects.get(slug="lake-tutor")
    live = project.versions.live().get()
    assert (live.number, live.origin.source, live.adapter_sha256) == (1, source, source.adapter_sha256)
    assert project.versions.get(number=0).state == State.RETIRED


def test_another_base_model_than_it_learned_on_is_told_beside_the_field(client, founder, source, settings):
    settings.BASE_MODELS = ["org/model"]
    sent = {"name": "Lake", "base_model": "org/model", "start_from": str(source.pk)}
    answer = client.post(NEW, sent)
    assert answer.status_code == 422 and "It learned on another base model." in answer.text
    assert not Founding.objects.exists()


def test_versions_of_projects_that_one_does_not_coordinate_are_no_choice(client, founder, source):
    Membership.objects.filter(user=founder).delete()
    assert "Start from" not in client.get(NEW).text
    sent = {"name": "Lake", "base_model": source.base_model, "start_from": str(source.pk)}
    assert "Select a valid choice." in client.post(NEW, sent).text


def test_who_lost_the_right_meanwhile_founds_nothing_and_is_told(client, founder, source):
    found(client, source)
    Membership.objects.filter(user=founder).delete()
    execute_founding(Founding.objects.get().pk)
    assert not Project.objects.filter(slug="lake-tutor").exists()
    assert "no longer coordinate its project" in client.get(NEW).text


def test_files_that_are_deleted_meanwhile_found_nothing(client, founder, source):
    found(client, source)
    release_version(version=make_candidate(source.project, 2), actor=None)
    release_version(version=make_candidate(source.project, 3), actor=None)
    delete_version_files(version=source, actor=None)
    execute_founding(Founding.objects.get().pk)
    assert not Project.objects.filter(slug="lake-tutor").exists()
    assert "were deleted" in client.get(NEW).text


def test_a_stranger_learns_nothing(client, source, project):
    client.force_login(make_user())
    assert client.get(address("start-from", project)).status_code == 404
