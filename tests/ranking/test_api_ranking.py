"""The API of judging: assignments, judgments, preferences, datasets."""

import hashlib
import json
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from annotator.models import Role
from ranking.models import Assignment, Judgment
from ranking.services import close_round
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_project
from tests.ranking.making import make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def current():
    return make_round(prompts=2, answers=3)


@pytest.fixture
def volunteer(current):
    return make_member(current.project)


def take_assignment(current, volunteer):
    return client_of(volunteer).post(reverse("api-next-assignment", args=[current.project.slug]))


def judge(current, volunteer, assignment, **body):
    ranks = [{"completion": pk, "rank": place} for place, pk in enumerate(assignment["order"], start=1)]
    address = reverse("api-judgment", args=[current.project.slug, assignment["id"]])
    return client_of(volunteer).post(address, {"key": assignment["key"], "ranks": ranks} | body)


@pytest.fixture
def assignment(current, volunteer):
    taken = take_assignment(current, volunteer).json()
    return taken | {"order": [one["id"] for one in taken["completions"]]}


def test_an_assignment_is_blind_shuffled_as_stored_and_kept(current, volunteer):
    answer = take_assignment(current, volunteer)
    assert answer.status_code == 200
    taken, stored = answer.json(), Assignment.objects.get(volunteer=volunteer)
    assert set(taken) == {"id", "key", "held_until", "messages", "language", "completions"}
    assert all(set(one) == {"id", "text"} for one in taken["completions"])
    assert current.author.name not in answer.content.decode()
    assert [one["id"] for one in taken["completions"]] == stored.order
    assert taken["key"] == str(stored.key)
    assert take_assignment(current, volunteer).json() == taken


def test_nothing_left_is_no_content(current, volunteer):
    for _ in range(2):
        make_judgment(make_assignment(current, volunteer), 1, 2, 3)
    answer = take_assignment(current, volunteer)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (
        client_of(coordinator_of(project := make_project()))
        .post(reverse("api-next-assignment", args=[project.slug]))
        .status_code
        == 204
    )


def test_a_judgment_sent_twice_is_stored_once_and_answered_alike(current, volunteer, assignment):
    flags = [{"completion": assignment["order"][2], "kind": "harmful"}]
    first = judge(current, volunteer, assignment, flags=flags, rationale=" Clearer. ", seconds=4.5)
    assert first.status_code == 201
    body = first.json()
    assert [one["rank"] for one in body["ranks"]] == [1, 2, 3]
    assert (body["flags"], body["preferences"], body["rationale"]) == (flags, 3, "Clearer.")
    again = judge(current, volunteer, assignment, flags=flags, rationale=" Clearer. ", seconds=9)
    assert (again.status_code, again.json()) == (201, body)
    assert Judgment.objects.count() == 1


def test_all_bad_needs_no_ranks(current, volunteer, assignment):
    answer = judge(current, volunteer, assignment, ranks=[], verdict="all_bad")
    assert answer.status_code == 201
    assert (answer.json()["verdict"], answer.json()["preferences"]) == ("all_bad", 0)


def test_cannot_rank_has_a_reason_and_no_ranks(current, volunteer, assignment):
    answer_given = {"ranks": [], "verdict": "cannot_rank", "reason": "language", "rationale": "Is it Basque?"}
    answer = judge(current, volunteer, assignment, **answer_given)
    body = answer.json()
    assert (answer.status_code, body["verdict"], body["reason"]) == (201, "cannot_rank", "language")
    assert (body["ranks"], body["preferences"], body["rationale"]) == ([], 0, "Is it Basque?")


def test_ratings_are_taken_by_the_projects_criteria_and_each_once(current, volunteer, assignment):
    project = current.project
    project.criteria = ["Tone"]
    project.save()
    shown = client_of(volunteer).get(reverse("api-project", args=[project.slug])).json()
    assert shown["criteria"] == ["Tone"]
    rating = {"completion": assignment["order"][0], "criterion": "Tone", "score": 4}
    wrong = [
        [rating, rating],
        [rating | {"score": 0}],
        [rating | {"score": 2**62}],
        [rating | {"criterion": "Wit"}],
        [rating | {"criterion": ["Tone"]}],
        [rating | {"completion": 10**15}],
        {"Tone": 4},
    ]
    for ratings in wrong:
        assert judge(current, volunteer, assignment, ratings=ratings).status_code == 400, ratings
    answer = judge(current, volunteer, assignment, ratings=[rating])
    assert (answer.status_code, answer.json()["ratings"]) == (201, [rating])


def test_a_key_with_another_answer_is_a_conflict(current, volunteer, assignment):
    judge(current, volunteer, assignment)
    answer = judge(current, volunteer, assignment, rationale="I changed my mind.")
    assert answer.status_code == 409
    assert "already sent" in answer.json()["detail"]


def test_a_judgment_after_the_assignment_went_to_someone_else_is_taken_as_late(
    current, volunteer, assignment
):
    Assignment.objects.filter(pk=assignment["id"]).update(held_until=timezone.now())
    Assignment.objects.exclude(pk=assignment["id"]).delete()
    other = make_member(current.project)
    taken = take_assignment(current, other).json()
    assert taken["id"] == assignment["id"]
    skip = reverse("api-skip", args=[current.project.slug, assignment["id"]])
    assert client_of(volunteer).post(skip).status_code == 409
    answers = [judge(current, volunteer, assignment) for _ in range(2)]
    assert [(one.status_code, one.json()["late"]) for one in answers] == [(201, True), (201, True)]
    assert answers[0].json() == answers[1].json()
    assert judge(current, volunteer, assignment, rationale="other").status_code == 409
    in_time = judge(current, other, taken | {"order": [one["id"] for one in taken["completions"]]})
    assert (in_time.status_code, in_time.json()["late"]) == (201, False)


def test_nobody_judges_from_another_persons_assignment(current, assignment):
    assert judge(current, make_member(current.project), assignment).status_code == 403
    assert not Judgment.objects.exists()


def test_a_closed_round_takes_no_judgment(current, volunteer, assignment):
    close_round(project=current.project)
    assert judge(current, volunteer, assignment).status_code == 409


BAD_JUDGMENTS = {
    "no key": {"key": None},
    "a key that is none": {"key": "1"},
    "a huge key": {"key": 2**62},
    "no ranks": {"ranks": []},
    "ranks of another shape": {"ranks": {"1": 2}},
    "a rank of 0": {"ranks": [{"completion": 1, "rank": 0}]},
    "a completion of another comparison": {"ranks": [{"completion": 10**15, "rank": 1}]},
    "a completion twice": {"ranks": [{"completion": 1, "rank": 1}] * 2},
    "an unknown flag": {"flags": [{"completion": 1, "kind": "boring"}]},
    "a flag on another completion": {"flags": [{"completion": 10**15, "kind": "spam"}]},
    "a rationale without end": {"rationale": "a" * 5001},
    "seconds before the start": {"seconds": -1},
    "seconds that are no number": {"seconds": "NaN"},
    "seconds without end": {"seconds": "Infinity"},
    "a verdict of another type": {"verdict": []},
    "an unknown verdict": {"verdict": "great"},
    "a reason without its verdict": {"reason": "unclear"},
    "cannot_rank with ranks": {"verdict": "cannot_rank", "reason": "unclear"},
    "cannot_rank without a reason": {"verdict": "cannot_rank", "ranks": []},
    "an unknown reason": {"verdict": "cannot_rank", "ranks": [], "reason": "no fun"},
    "a reason of another type": {"verdict": "cannot_rank", "ranks": [], "reason": {"a": 1}},
}


@pytest.mark.parametrize("name", BAD_JUDGMENTS)
def test_a_judgment_that_does_not_fit_is_refused(current, volunteer, assignment, name):
    answer = judge(current, volunteer, assignment, **BAD_JUDGMENTS[name])
    if name == "a huge key":
        assert answer.status_code == 409
    else:
        assert answer.status_code == 400
    assert answer.json()
    assert not Judgment.objects.exists()


def test_a_skipped_comparison_does_not_come_back(current, volunteer, assignment):
    skip = reverse("api-skip", args=[current.project.slug, assignment["id"]])
    assert client_of(volunteer).post(skip).status_code == 204
    assert take_assignment(current, volunteer).json()["id"] != assignment["id"]


def test_an_assignment_of_another_project_is_not_found(current, volunteer, assignment):
    other = make_round()
    client = client_of(make_member(other.project))
    for name in ("api-judgment", "api-skip"):
        body = {"key": str(uuid.uuid4()), "ranks": []}
        assert (
            client.post(reverse(name, args=[other.project.slug, assignment["id"]]), body).status_code == 404
        )


def test_preferences_name_their_judgment_and_never_the_volunteer(current, volunteer):
    judgment = make_judgment(make_assignment(current, volunteer), 1, 2, 2)
    client = client_of(coordinator_of(current.project))
    answer = client.get(reverse("api-preferences", args=[current.project.slug]))
    rows = answer.json()["results"]
    assert len(rows) == 2
    assert {row["judgment"] for row in rows} == {judgment.pk}
    assert rows[0]["chosen"]["author"] == current.author.name
    assert (rows[0]["round"], rows[0]["simulated"]) == (1, False)
    assert volunteer.email not in answer.content.decode()


def test_a_page_of_preferences_costs_the_same_whatever_its_size(
    current, volunteer, django_assert_max_num_queries
):
    for _ in range(2):
        make_judgment(make_assignment(current, volunteer), 1, 2, 3)
    client = client_of(coordinator_of(current.project))
    with django_assert_max_num_queries(5):
        answer = client.get(reverse("api-preferences", args=[current.project.slug]))
    assert len(answer.json()["results"]) == 6


def test_a_dataset_is_taken_shown_listed_and_downloaded(current, volunteer):
    make_judgment(make_assignment(current, volunteer), 1, 2, 3)
    client = client_of(coordinator_of(current.project))
    answer = client.post(reverse("api-datasets", args=[current.project.slug]))
    assert answer.status_code == 201
    taken = answer.json()
    assert (taken["number"], taken["pairs"], taken["judgments"]) == (1, 3, 1)
    shown = client.get(reverse("api-dataset", args=[current.project.slug, 1])).json()
    assert shown == taken
    listed = client.get(reverse("api-datasets", args=[current.project.slug])).json()["results"]
    assert [one["number"] for one in listed] == [1]
    for file in taken["files"]:
        content = b"".join(client.get(file["url"]).streaming_content)
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert len(content) == file["bytes"]
    manifest = b"".join(client.get(taken["manifest_url"]).streaming_content)
    assert hashlib.sha256(manifest).hexdigest() == taken["sha256"]
    assert json.loads(manifest)["counts"]["pairs"] == 3


def test_without_preferences_there_is_no_dataset(current):
    client = client_of(coordinator_of(current.project))
    answer = client.post(reverse("api-datasets", args=[current.project.slug]))
    assert answer.status_code == 409
    assert "no preferences" in answer.json()["detail"]
    assert client.get(reverse("api-dataset", args=[current.project.slug, 1])).status_code == 404


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e", "train.jsonl%00", "..%2f1%2ftrain.jsonl"])
def test_only_a_datasets_own_files_are_served(current, volunteer, name):
    make_judgment(make_assignment(current, volunteer), 1, 2, 3)
    client = client_of(coordinator_of(current.project))
    client.post(reverse("api-datasets", args=[current.project.slug]))
    answer = client.get(f"/api/v1/projects/{current.project.slug}/datasets/1/files/{name}/")
    assert answer.status_code == 404


def test_a_file_that_is_gone_from_the_disk_is_not_found(current, volunteer):
    make_judgment(make_assignment(current, volunteer), 1, 2, 3)
    client = client_of(coordinator_of(current.project))
    client.post(reverse("api-datasets", args=[current.project.slug]))
    (current.project.datasets.get().folder / "train.jsonl").unlink()
    address = reverse("api-dataset-file", args=[current.project.slug, 1, "train.jsonl"])
    assert client.get(address).status_code == 404


def test_reviewers_read_prompts_but_no_preferences(current):
    client = client_of(make_member(current.project, Role.REVIEWER))
    assert client.get(reverse("api-prompts", args=[current.project.slug])).status_code == 200
    assert client.get(reverse("api-preferences", args=[current.project.slug])).status_code == 403
