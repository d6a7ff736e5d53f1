"""The overview with its rounds, and the datasets' pages."""

import base64
import hashlib
import io
import re
import zipfile

import pytest
from django.urls import reverse

from annotator.models import Role
from annotator.shown import text_of
from ranking.facts import dataset_facts, round_facts
from ranking.models import Dataset, Judgment, Round
from ranking.services import open_round, snapshot_preferences
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_project, make_prompt, make_user
from tests.pressing import filled, press

from .making import make_answers, make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


def url(project, name, *args):
    return reverse(name, args=[project.slug, *args])


@pytest.fixture
def project():
    return make_round(prompts=3, answers=2).project


@pytest.fixture
def judged(project):
    current = project.rounds.get()
    for name, simulated in (("Vera", False), ("Robot", True)):
        member = make_member(project, name=name)
        member.is_simulated = simulated
        member.save()
        make_judgment(make_assignment(current, member), 1, 2)
    return project


@pytest.fixture
def as_coordinator(client, project):
    client.force_login(coordinator_of(project))
    return client


def test_a_volunteer_sees_the_round_and_the_way_to_the_desk_but_no_counts(client, judged):
    client.force_login(make_member(judged))
    html = client.get(url(judged, "project")).content.decode()
    assert url(judged, "desk") in html
    assert "2 of 3" in html
    assert url(judged, "open-round") not in html
    assert "Robot" not in html and judged.authors.get().name not in html


def test_a_coordinator_sees_what_was_said_told_apart(as_coordinator, judged):
    current = judged.rounds.get()
    make_judgment(make_assignment(current, make_member(judged)), verdict="cannot_rank", reason="unclear")
    page = as_coordinator.get(url(judged, "rankings"))
    assert page.context["verdicts"] == [
        (Judgment.Verdict.RANKED, None, 2),
        (Judgment.Verdict.CANNOT_RANK, Judgment.Reason.UNCLEAR, 1),
    ]
    assert "Cannot be ranked: The question cannot be understood" in page.content.decode()


def test_the_verdicts_of_a_round_that_closed_can_still_be_seen(as_coordinator, judged):
    assert "<select" not in as_coordinator.get(url(judged, "rankings")).text, "of one round nothing to choose"
    open_round(project=judged, author=judged.authors.get())
    page = as_coordinator.get(url(judged, "rankings"))
    assert page.context["verdicts"] == [] and "Nobody has judged in round 2 yet." in page.text
    first = as_coordinator.get(url(judged, "rankings"), {"round": 1})
    assert first.context["verdicts"] == [(Judgment.Verdict.RANKED, None, 2)]
    assert '<option value="1" selected>' in first.text
    for wrong in ("3", "x", "", "9" * 40):
        assert as_coordinator.get(url(judged, "rankings"), {"round": wrong}).context["round"].number == 2


def test_a_coordinator_sees_counts_and_which_volunteers_are_simulated(as_coordinator, judged):
    page = as_coordinator.get(url(judged, "project"))
    assert [page.context[name] for name in ("judgments", "prompts", "members")] == [2, 3, 3]
    rows = re.findall("<tr>.*?</tr>", page.content.decode(), re.DOTALL)
    assert [(day["given"], day["simulated"]) for day in page.context["days"]] == [(2, 1)]
    simulated = {name: "simulated" in row for row in rows for name in ("Vera", "Robot") if name in row}
    assert simulated == {"Vera": False, "Robot": True}


def test_a_new_project_has_one_next_step_and_then_the_others(client):
    project = make_project()
    client.force_login(coordinator_of(project))
    card = next_steps(client, project)
    assert re.findall('href="([^"]+)"', card) == [url(project, "write-prompts")]
    make_prompt(project)
    assert url(project, "people") in next_steps(client, project)


def next_steps(client, project) -> str:
    html = client.get(url(project, "project")).content.decode()
    return html.partition('id="next-heading"')[2].partition("</section>")[0]


def test_opening_a_round_closes_the_one_before(as_coordinator, project):
    author = make_answers(project, prompts=2, answers=4, name="Version 2")
    entered = {"author": author.pk, "comparisons_per_prompt": 2}
    page, act = url(project, "project"), url(project, "open-round")
    response = press(as_coordinator, page, act, follow=True, **entered)
    assert "Round 2 is open with 4 comparisons." in response.content.decode()
    assert Round.objects.open().get().author == author


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"author": "x"},
        {"author": 10**30},
        {"comparisons_per_prompt": 0},
        {"comparisons_per_prompt": "NaN"},
    ],
    ids=str,
)
def test_a_round_with_bad_settings_does_not_open(as_coordinator, project, data):
    data = {"author": project.authors.get().pk, "comparisons_per_prompt": 1} | data if data else {}
    assert as_coordinator.post(url(project, "open-round"), data).status_code == 422
    assert project.rounds.count() == 1


def test_another_projects_author_is_refused(as_coordinator, project):
    foreign = make_answers(make_project())
    data = {"author": foreign.pk, "comparisons_per_prompt": 1}
    assert as_coordinator.post(url(project, "open-round"), data).status_code == 422
    assert project.rounds.get().is_open


def test_a_round_with_nothing_to_compare_is_refused_with_words(as_coordinator, project):
    author = make_answers(project, answers=1, name="Version 2")
    entered = {"author": author.pk, "comparisons_per_prompt": 1}
    response = press(as_coordinator, url(project, "project"), url(project, "open-round"), **entered)
    assert response.status_code == 422
    assert "nothing to compare" in response.content.decode()
    assert project.rounds.get().is_open


def test_closing_keeps_what_was_judged_and_closing_again_says_so(as_coordinator, judged):
    sent = filled(as_coordinator, url(judged, "project"), url(judged, "close-round"))
    as_coordinator.post(url(judged, "close-round"), sent)
    assert not judged.rounds.get().is_open
    response = as_coordinator.post(url(judged, "close-round"), sent)
    assert response.status_code == 409 and "round 1, closed" in response.text
    known = {"shown": text_of(round_facts(judged))}
    response = as_coordinator.post(url(judged, "close-round"), known, follow=True)
    assert "No round was open." in response.text


def test_a_snapshot_is_taken_listed_and_shown_with_its_card(as_coordinator, judged):
    response = press(as_coordinator, url(judged, "datasets"), url(judged, "take-snapshot"), follow=True)
    dataset = Dataset.objects.get()
    assert dataset.created_by == coordinator_of(judged)
    assert response.redirect_chain == [(url(judged, "dataset", 1), 302)]
    html = response.content.decode()
    assert dataset.sha256 in html and "load_dataset" in html
    assert dataset.sha256[:12] in as_coordinator.get(url(judged, "datasets")).content.decode()


def test_without_judgments_there_is_no_snapshot_and_a_clear_message(as_coordinator, project):
    known = {"shown": text_of(dataset_facts(project))}
    response = as_coordinator.post(url(project, "take-snapshot"), known, follow=True)
    assert "no preferences yet" in response.content.decode()
    assert not Dataset.objects.exists()


def test_every_file_can_be_downloaded_as_it_is(as_coordinator, judged):
    dataset = snapshot_preferences(project=judged)
    for name in dataset.file_names:
        response = as_coordinator.get(url(judged, "dataset-file", 1, name))
        assert b"".join(response.streaming_content) == (dataset.folder / name).read_bytes()
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'


def test_the_zip_is_the_folder_that_the_card_describes(as_coordinator, judged):
    dataset = snapshot_preferences(project=judged)
    api = client_of(coordinator_of(judged))
    address = api.get(reverse("api-dataset", args=[judged.slug, 1])).json()["zip_url"]
    for response in (as_coordinator.get(url(judged, "dataset-zip", 1)), api.get(address)):
        content = b"".join(response.streaming_content)
        assert int(response["Content-Length"]) == len(content)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert response["Repr-Digest"] == f"sha-256=:{digest}:"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            packed = {name: archive.read(name) for name in archive.namelist()}
        folder = f"{judged.slug}-1"
        assert packed == {
            f"{folder}/{name}": (dataset.folder / name).read_bytes() for name in dataset.file_names
        }
        assert set(dataset.file_names) >= {"README.md", "manifest.json"}


@pytest.mark.parametrize("name", ["secret_key", "..", "..%2Fsecret", "train.parquet%00", "TRAIN.parquet"])
def test_only_files_of_the_manifest_can_be_downloaded(as_coordinator, judged, name):
    snapshot_preferences(project=judged)
    assert as_coordinator.get(f"{url(judged, 'dataset', 1)}{name}").status_code == 404


def test_a_dataset_whose_files_are_gone_says_so(as_coordinator, judged):
    dataset = snapshot_preferences(project=judged)
    for name in dataset.file_names:
        (dataset.folder / name).unlink()
    assert as_coordinator.get(url(judged, "dataset", 1)).status_code == 200
    assert as_coordinator.get(url(judged, "dataset-file", 1, "README.md")).status_code == 404
    assert as_coordinator.get(url(judged, "dataset-zip", 1)).status_code == 404


PAGES = [
    ("project", ()),
    ("rankings", ()),
    ("datasets", ()),
    ("dataset", (1,)),
    ("dataset-file", (1, "README.md")),
    ("dataset-zip", (1,)),
]
ACTS = ["open-round", "close-round", "take-snapshot"]


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_pages_are_for_members_and_take_no_posts(as_coordinator, client, judged, name, args):
    snapshot_preferences(project=judged)
    assert as_coordinator.get(url(judged, name, *args)).status_code == 200
    assert as_coordinator.post(url(judged, name, *args)).status_code == 405
    client.force_login(make_user())
    assert client.get(url(judged, name, *args)).status_code == 404


@pytest.mark.parametrize(("name", "args"), PAGES[2:])
@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.REVIEWER])
def test_datasets_are_for_coordinators(client, judged, name, args, role):
    snapshot_preferences(project=judged)
    client.force_login(make_member(judged, role=role))
    assert client.get(url(judged, name, *args)).status_code == 403


@pytest.mark.parametrize("name", ACTS)
def test_acts_are_for_coordinators_and_take_only_posts(as_coordinator, client, project, name):
    assert as_coordinator.get(url(project, name)).status_code == 405
    client.force_login(make_user())
    assert client.post(url(project, name)).status_code == 404
    for role in (Role.VOLUNTEER, Role.REVIEWER):
        client.force_login(make_member(project, role=role))
        assert client.post(url(project, name)).status_code == 403
    assert project.rounds.get().is_open


@pytest.mark.parametrize(("name", "args"), [("dataset", (10**30,)), ("dataset-file", (7, "README.md"))])
def test_datasets_that_do_not_exist_are_404(as_coordinator, project, name, args):
    assert as_coordinator.get(url(project, name, *args)).status_code == 404
