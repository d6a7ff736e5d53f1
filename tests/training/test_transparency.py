"""The public page of how a chatbot is made."""

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from annotator.models import Completion, Project, Role, User
from annotator.services.projects import change_settings
from ranking.models import Judgment
from ranking.services import leave_project
from tests.factories import coordinator_of, make_member
from tests.pressing import press
from tests.training.making import PROMPTS, make_finished, make_source, make_trainable, make_update
from training.models import BlindTest, ModelVersion
from training.services.deleting.projects import delete_project
from training.services.versions.releases import reject_version, release_version
from training.services.versions.starting import start_from
from training.templatetags.figures import public_count

pytestmark = pytest.mark.django_db
PROBLEMS = "It **confuses** weather and climate."


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    caches["template_fragments"].clear()


@pytest.fixture
def version() -> ModelVersion:
    """A candidate of a project that tells the public how it is made."""
    found = make_finished(make_update())
    change_settings(
        project=found.project,
        values={"is_transparent": True, "known_problems": PROBLEMS, "description": "Teaches the climate."},
        actor=coordinator_of(found.project),
    )
    return found


@pytest.fixture
def project(version: ModelVersion) -> Project:
    return version.project


def page_of(project: Project) -> str:
    page = Client().get(reverse("transparency", args=[project.slug]))
    assert page.status_code == 200
    return " ".join(page.text.split())


def test_it_is_off_until_a_coordinator_turns_it_on(client):
    project = make_update().project
    address = reverse("transparency", args=[project.slug])
    assert client.get(address).status_code == 404
    client.force_login(coordinator_of(project))
    assert client.get(address).status_code == 404
    settings = reverse("settings-section", args=[project.slug, "transparency"])
    assert address not in client.get(settings).text
    assert press(client, settings, is_transparent="on").status_code == 302
    assert address in client.get(settings).text
    assert Client().get(address).status_code == 200
    change_settings(project=project, values={"is_transparent": False}, actor=coordinator_of(project))
    assert Client().get(address).status_code == 404


def test_it_is_only_read_and_kept_for_some_minutes_by_the_browser(project):
    address = reverse("transparency", args=[project.slug])
    assert Client().post(address).status_code == 405
    page = Client().get(address)
    assert page.headers["Cache-Control"] == "private, max-age=300"
    assert "script-src" in page.headers["Content-Security-Policy"]
    assert Client().get(reverse("transparency", args=["no-such"])).status_code == 404


def test_its_numbers_and_checksums_are_those_of_the_rows_and_the_manifest(project, version):
    release_version(version=version, actor=coordinator_of(project))
    page = page_of(project)
    assert "Nothing was measured as worse than before." in page
    rows = Judgment.objects.filter(comparison__round__project=project, is_current=True).count()
    assert rows == PROMPTS == version.dataset.judgments and f'<td class="num">{rows}</td>' in page
    assert version.dataset.sha256 in page and version.adapter_sha256 in page
    for facts in version.dataset.manifest["files"].values():
        assert facts["sha256"] in page
    assert "Teaches the climate." in page and "<strong>confuses</strong>" in page
    assert "Version 1 answers now." in page and "win rate 70" in page
    assert "agrees with people more often than chance" in page


def test_it_names_nobody_and_shows_no_texts(project, version):
    release_version(version=version, actor=coordinator_of(project))
    people = User.objects.filter(memberships__project=project)
    for number, person in enumerate(people):
        person.name, person.email = f"Wangari {number}", f"wangari@example{number}.org"
        person.save()
    Project.objects.filter(pk=project.pk).update(system_prompt="You are a secret climate tutor.")
    page = page_of(project)
    assert "Wangari" not in page and "wangari@" not in page
    for prompt in project.prompts.all():
        assert prompt.question not in page
    for text in set(Completion.objects.filter(prompt__project=project).values_list("text", flat=True)):
        assert f">{text}<" not in page
    assert "secret climate tutor" not in page and str(version.adapter_dir) not in page


def test_few_people_are_not_counted_out_and_their_agreement_is_not_told(project):
    assert "fewer than 10" in page_of(project)
    assert [public_count(number) for number in (0, 1, 9, 10, 1234)] == [
        "0",
        "fewer than 10",
        "fewer than 10",
        "10",
        "1,234",
    ]


def test_a_candidate_is_not_shown_before_it_was_decided_about(project, version):
    assert "Version 1" not in page_of(project)
    caches["template_fragments"].clear()
    reject_version(version=version, actor=coordinator_of(project))
    assert "Version 1" in page_of(project) and "Rejected" in page_of(project)


def test_blind_tests_are_counted_when_they_have_ended(project, version):
    baseline = project.versions.get(number=0)
    current = project.rounds.get()
    test = BlindTest.objects.create(candidate=version, baseline=baseline, round=current, votes=60)
    reject_version(version=version, actor=coordinator_of(project))
    assert "No blind test was run so far" in page_of(project)
    caches["template_fragments"].clear()
    BlindTest.objects.filter(pk=test.pk).update(ended_at=timezone.now(), verdict="worse", people=3)
    page = page_of(project)
    assert (
        "1 blind test was run so far" in page
        and "60 votes, 0 of them simulated; voters: fewer than 10" in page
    )


def test_withdrawals_are_counted_and_the_versions_that_learned_from_them_marked(project, version):
    release_version(version=version, actor=coordinator_of(project))
    volunteer = project.memberships.filter(role=Role.VOLUNTEER).earliest("pk")
    leave_project(membership=volunteer, withdraw=True)
    page = page_of(project)
    assert f"Judgments that were withdrawn: {PROMPTS}. Withdrawals: fewer than 10." in page
    assert "Judgments of 1 dataset behind it" in page and f"{PROMPTS} judgments taken back since" in page


def test_where_a_version_came_from_is_named_only_if_that_project_tells_the_public_too(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    source = make_source(name="Sea tutor")
    ada = coordinator_of(source.project)
    project = make_trainable(coordinator=ada)
    start_from(project=project, source=source, actor=ada)
    leave_project(membership=source.project.memberships.get(role=Role.VOLUNTEER), withdraw=True)
    change_settings(project=project, values={"is_transparent": True}, actor=ada)
    page = page_of(project)
    assert "another project of this site" in page and "Dataset 1 (of another project" in page
    assert "Sea tutor" not in page and source.project.slug not in page
    assert escape(source.dataset.manifest["license"]) in page
    caches["template_fragments"].clear()
    change_settings(project=source.project, values={"is_transparent": True}, actor=ada)
    page = page_of(project)
    assert "Version 1 of <bdi>Sea tutor</bdi></a>" in page and "Dataset 1 of <bdi>Sea tutor</bdi>" in page
    assert reverse("transparency", args=[source.project.slug]) in page
    caches["template_fragments"].clear()
    delete_project(project=source.project, actor=ada)
    assert "another project of this site" in page_of(project) and "Sea tutor" not in page_of(project)


def test_it_is_not_counted_anew_for_everybody(project, django_assert_max_num_queries):
    page_of(project)
    with django_assert_max_num_queries(3):
        page_of(project)


def test_a_project_in_which_nothing_happened_yet_has_a_page(client):
    project = make_update().project
    Project.objects.filter(pk=project.pk).update(is_transparent=True)
    client.force_login(make_member(project))
    page = client.get(reverse("transparency", args=[project.slug]))
    assert page.status_code == 200 and "It was not measured against another version." in page.text
