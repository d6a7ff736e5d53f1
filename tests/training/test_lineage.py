"""From a judgment forward to versions, and from a version back to judgments."""

import json
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from annotator.models import Project, Role, Split, User
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts
from ranking.models import Inclusion, Judgment
from ranking.services import close_round, correct_judgment, leave_project, open_round, snapshot_preferences
from ranking.services.review.people import exclude_person, include_person
from tests.api import client_of
from tests.factories import coordinator_of, make_member
from tests.linked_numbers import linked_numbers
from tests.ranking.making import make_assignment, make_correction, make_gold_round, make_judgment
from tests.training.making import (
    PROMPTS,
    add_answers,
    judge_all,
    make_candidate,
    make_finished,
    make_judged,
    make_update,
)
from training.models import ModelVersion
from training.services.lineage.backward import Links, trace
from training.services.lineage.forward import follow
from training.services.lineage.votes import left_out_of
from training.services.versions.releases import release_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> ModelVersion:
    return make_finished(make_update())


@pytest.fixture
def project(version: ModelVersion) -> Project:
    return version.project


def volunteer_of(project: Project) -> User:
    return project.memberships.filter(role=Role.VOLUNTEER).earliest("pk").user


def judgment_on(project: Project, split: str) -> Judgment:
    found = Judgment.objects.of_project(project).filter(comparison__prompt__split=split)
    return found.select_related("comparison__prompt", "comparison__round").earliest("pk")


def page_of(person: User, name: str, *arguments: object, **query: object) -> str:
    client = Client()
    client.force_login(person)
    page = client.get(reverse(name, args=arguments), query)
    assert page.status_code == 200
    return " ".join(page.text.split())


def lines_of(version: ModelVersion, split: str) -> list[dict]:
    assert version.dataset is not None
    with version.dataset.open_file(f"{split}.jsonl") as file:
        return [json.loads(line) for line in file]


def test_the_counts_of_a_version_are_those_of_the_raw_rows_and_of_the_datasets_file(version):
    votes = trace(version).votes
    rows = Judgment.objects.filter(comparison__round__project=version.project, is_current=True)
    manifest = version.dataset.manifest["counts"]
    assert votes.total.judgments == rows.count() == manifest["judgments"] == PROMPTS
    assert votes.total.people == len({row.volunteer_id for row in rows})
    assert [(part.round, part.judgments) for part in votes.rounds] == [(1, PROMPTS)]
    assert votes.total.held_out == sum(row.comparison.prompt.split == "held_out" for row in rows)
    assert votes.adds_up
    for split in Split.values:
        lines = lines_of(version, split)
        assert votes.pairs[split].total() == len(lines)
        assert {source for source, *_counts in votes.sources} == {line["source"] for line in lines}


def test_its_numbers_lead_to_as_many_judgments(client):
    project = make_judged()
    first, second, *_rest = Judgment.objects.of_project(project).order_by("pk")
    make_correction(first, verdict="all_bad")
    make_correction(second, verdict="cannot_rank", reason="unclear")
    make_finished(make_update(project))
    client.force_login(coordinator_of(project))
    page = client.get(reverse("version-lineage", args=[project.slug, 1]))
    found = linked_numbers(client, project, page.text)
    assert (PROMPTS, PROMPTS) in found and all(number == count for number, count in found)
    assert [(count, bool(link)) for _why, count, link in page.context["left_out"]][:3] == [
        (2, False),  # what was corrected
        (1, True),
        (1, True),
    ]


def test_the_dataset_holds_exactly_the_judgments_that_its_pairs_were_voted_by(version):
    lines = [line for split in Split.values for line in lines_of(version, split)]
    held = Judgment.objects.counted_in(version.dataset)
    assert {line["comparison_id"] for line in lines} == set(held.values_list("comparison", flat=True))
    assert sum(sum(line["votes"].values()) for line in lines) == held.count()


def test_each_step_is_verified_by_its_checksum(version):
    origin = trace(version)
    assert origin.links.dataset_to_reward is True and origin.links.policy_to_version is True
    run = origin.runs["reward"]
    run.recipe = run.recipe | {"dataset": run.recipe["dataset"] | {"sha256": "0" * 64}}
    run.save(update_fields=["recipe"])
    assert trace(version).links == Links(False, None, True)
    page = page_of(coordinator_of(version.project), "version-lineage", version.project.slug, 1)
    assert "not so" in page and "verified" in page and "not known" in page


def test_a_judgment_for_training_leads_to_the_version_and_to_what_was_trained_from_it(project, version):
    release_version(version=version, actor=coordinator_of(project))
    child = make_candidate(project, number=2)
    forward = follow(judgment_on(project, Split.TRAIN), project)
    assert [step.dataset for step in forward.steps] == [version.dataset]
    assert forward.steps[0].pairs == 1 and [each.version for each in forward.steps[0].learned] == [version]
    assert forward.own == [version] and forward.later == [child] and forward.live == version


def test_a_held_out_judgment_measures_and_is_handed_on_to_no_other_version(project, version):
    make_candidate(project, number=2)
    judgment = judgment_on(project, Split.HELD_OUT)
    forward = follow(judgment, project)
    assert forward.is_held_out and forward.own == [version] and forward.later == []
    page = page_of(volunteer_of(project), "judgment-lineage", project.slug, judgment.pk)
    assert "was measured with it" in page and "learned from it." not in page


def test_a_run_that_was_given_another_file_does_not_count(project, version):
    run = version.update.runs.get(stage="reward")
    run.recipe = run.recipe | {"dataset": run.recipe["dataset"] | {"sha256": "0" * 64}}
    run.save(update_fields=["recipe"])
    forward = follow(judgment_on(project, Split.TRAIN), project)
    assert forward.own == [] and forward.steps[0].learned == []


def test_files_that_are_gone_are_said_to_be_gone(project, version):
    (version.dataset.folder / "train.parquet").unlink()
    assert follow(judgment_on(project, Split.TRAIN), project).steps[0].pairs is None
    votes = trace(version).votes
    assert votes.sources == [] and votes.undecided is None and votes.adds_up


def test_judgments_of_who_was_excluded_are_told_apart(project, version):
    odd = judgment_on(project, Split.TRAIN).volunteer
    count = Judgment.objects.of_project(project).filter(volunteer=odd).count()
    add_answers(version, ("Perhaps.", "Perhaps, and perhaps not."))
    open_round(project=project, author=version.author)
    judge_all(project)
    act = {"project": project, "volunteer": odd, "actor": coordinator_of(project)}
    exclude_person(reason="careless", note="", **act)
    left_out = left_out_of(snapshot_preferences(project=project))
    assert (left_out.excluded, left_out.moment) == (count, 0)
    include_person(**act)
    assert left_out_of(project.datasets.first()) == left_out


def test_a_judgment_that_was_corrected_leaves_the_next_dataset(project, version):
    old = judgment_on(project, Split.TRAIN)
    ranks = {one.completion_id: 3 - one.rank for one in old.ranks.all()}
    key = "0b6a7d5e-7f0e-4a53-8f7c-3a2f7e0c9d11"
    new = correct_judgment(judgment=old, volunteer=old.volunteer, key=key, ranks=ranks)
    second = snapshot_preferences(project=project)
    old.refresh_from_db()
    assert [step.dataset.number for step in follow(old, project).steps] == [1]
    assert [step.dataset.number for step in follow(new, project).steps] == [2]
    assert old in Judgment.objects.counted_in(version.dataset)
    assert new in Judgment.objects.counted_in(second)
    assert trace(version).votes.left_out.later == 1


def test_a_judgment_leaves_the_datasets_with_its_prompt_and_comes_back_with_it(project):
    judgment = judgment_on(project, Split.TRAIN)
    prompt = judgment.comparison.prompt
    withdraw_prompts(project=project, prompt_ids=[prompt.pk], actor=coordinator_of(project))
    snapshot_preferences(project=project)
    restore_prompts(project=project, prompt_ids=[prompt.pk], actor=coordinator_of(project))
    snapshot_preferences(project=project)
    assert [step.dataset.number for step in follow(judgment, project).steps] == [3, 1]


def test_what_was_taken_back_is_counted_as_taken_back(project, version):
    leave_project(membership=project.memberships.get(user=volunteer_of(project)), withdraw=True)
    votes = trace(version).votes
    assert votes.total.judgments == 0 and votes.withdrawn.judgments == PROMPTS and votes.withdrawn.people == 1
    assert votes.adds_up
    page = page_of(coordinator_of(project), "version-lineage", project.slug, 1)
    assert "1 person has taken judgments back since: 12 of them" in page
    child = make_candidate(project, number=2)
    assert trace(child).ancestors[0].withdrawn.judgments == PROMPTS


def test_rows_that_do_not_add_up_are_told(project, version):
    Judgment.objects.filter(pk=judgment_on(project, Split.TRAIN).pk).first().inclusions.all().delete()
    page = page_of(coordinator_of(project), "version-lineage", project.slug, 1)
    assert "do not add up: 11 are here and 0 were taken back, but the manifest says 12" in page


def test_parents_are_named_up_to_the_base(project, version):
    child = make_candidate(project, number=2)
    assert [each.version.number for each in trace(child).ancestors] == [1, 0]
    assert "no judgment is behind it but those of its parents" in page_of(
        coordinator_of(project), "version-lineage", project.slug, 2
    )
    assert "This is the base model" in page_of(coordinator_of(project), "version-lineage", project.slug, 0)


def test_members_find_their_own_judgments_and_nobody_elses(project):
    own, other = volunteer_of(project), make_member(project)
    judgment = judgment_on(project, Split.TRAIN)
    page = page_of(own, "judgments", project.slug)
    assert page.count("in the data of 1 version") == PROMPTS
    assert "1 version learned from it" in page_of(own, "judgment-lineage", project.slug, judgment.pk)
    assert "You have judged nothing" in page_of(other, "judgments", project.slug)
    client = Client()
    client.force_login(other)
    assert client.get(reverse("judgment-lineage", args=[project.slug, judgment.pk])).status_code == 404
    api = client_of(other)
    for name in ("api-judgment-lineage", "api-judgment-datasets"):
        assert api.get(reverse(name, args=[project.slug, judgment.pk])).status_code == 404


def test_coordinators_follow_any_judgment_of_a_round_without_its_name(project):
    name = volunteer_of(project).name
    assert name
    judgment = judgment_on(project, Split.TRAIN)
    pages = [
        page_of(coordinator_of(project), "browse-judgment", project.slug, judgment.pk),
        page_of(coordinator_of(project), "judgment-lineage", project.slug, judgment.pk),
        page_of(coordinator_of(project), "version-lineage", project.slug, 1),
    ]
    assert all(name not in page and volunteer_of(project).email not in page for page in pages)
    assert reverse("judgment-lineage", args=[project.slug, judgment.pk]) in pages[0]


def test_volunteers_learn_nothing_of_others_votes_while_they_can_still_vote(project):
    own, judgment = volunteer_of(project), judgment_on(project, Split.TRAIN)
    address = reverse("api-judgment-datasets", args=[project.slug, judgment.pk])
    assert judgment.comparison.round.is_open
    assert "told when the round is closed" in page_of(own, "judgment-lineage", project.slug, judgment.pk)
    assert client_of(own).get(address).json()["results"][0]["pairs"] is None
    assert client_of(coordinator_of(project)).get(address).json()["results"][0]["pairs"] == 1
    project.rounds.get().close()
    assert "told when the round" not in page_of(own, "judgment-lineage", project.slug, judgment.pk)


def test_an_answer_to_a_gold_question_looks_like_any_until_its_round_is_closed():
    current = make_gold_round()
    project, member = current.project, make_member(current.project)
    gold, ordinary = (make_judgment(make_assignment(current, member), 1, 2) for _ in range(2))
    listed = page_of(member, "judgments", project.slug)
    pages = [page_of(member, "judgment-lineage", project.slug, one.pk) for one in (gold, ordinary)]
    assert all(reverse("judgment-lineage", args=[project.slug, one.pk]) in listed for one in (gold, ordinary))
    assert all("No dataset holds it yet." in page for page in pages)
    close_round(project=project)
    assert "Its right answer was known" in page_of(member, "judgment-lineage", project.slug, gold.pk)
    left_out = left_out_of(snapshot_preferences(project=project))
    assert (left_out.moment, left_out.later) == (0, 0)


def test_the_list_goes_on_on_its_next_page(project, monkeypatch):
    monkeypatch.setattr("training.views.lineage.judgments.PAGE_SIZE", 5)
    page = page_of(volunteer_of(project), "judgments", project.slug)
    before = sorted(Judgment.objects.of_project(project).values_list("pk", flat=True))[-5]
    assert f"?before={before}" in page
    assert "To the newest" not in page_of(volunteer_of(project), "judgments", project.slug, before="-1")
    last = page_of(volunteer_of(project), "judgments", project.slug, before=before)
    assert last.count("/judgments/") > 5 and "To the newest" in last


def test_the_api_tells_the_same(project, version):
    judgment = judgment_on(project, Split.TRAIN)
    api = client_of(coordinator_of(project))
    way = api.get(reverse("api-judgment-lineage", args=[project.slug, judgment.pk])).json()
    assert way["split"] == "train" and way["round"] == 1 and way["blind_test"] is None
    assert [one["number"] for one in way["versions"]] == [1] and way["later_versions"] == []
    datasets = api.get(reverse("api-judgment-datasets", args=[project.slug, judgment.pk])).json()["results"]
    assert [(one["number"], one["pairs"], one["versions"]) for one in datasets] == [(1, 1, [1])]
    origin = api.get(reverse("api-version-lineage", args=[project.slug, 1])).json()
    assert origin["votes"]["here"]["judgments"] == origin["votes"]["judgments"] == PROMPTS
    assert sum(one["train"] + one["held_out"] for one in origin["votes"]["pairs"]) == version.dataset.pairs
    assert [one["version"] for one in origin["ancestors"]] == [0] and origin["votes"]["adds_up"]
    held = api.get(reverse("api-version-judgments", args=[project.slug, 1]), {"page_size": 5}).json()
    assert len(held["results"]) == 5 and held["next"]
    assert api.get(reverse("api-version-judgments", args=[project.slug, 0])).json()["results"] == []


def test_the_way_costs_as_many_queries_however_many_judgments_and_datasets(
    project, version, django_assert_max_num_queries
):
    for _again in range(3):
        snapshot_preferences(project=project)
    judgment = judgment_on(project, Split.TRAIN)
    with django_assert_max_num_queries(11):
        follow(judgment, project)
    with django_assert_max_num_queries(14):
        trace(ModelVersion.objects.select_related("dataset__project", "project").get(pk=version.pk))
    client = Client()
    client.force_login(volunteer_of(project))
    with django_assert_max_num_queries(12):
        client.get(reverse("judgments", args=[project.slug]))


def test_datasets_of_an_older_site_are_filled_in_as_they_would_have_been_stored(project, version):
    old = judgment_on(project, Split.TRAIN)
    ranks = {one.completion_id: 3 - one.rank for one in old.ranks.all()}
    key = "0b6a7d5e-7f0e-4a53-8f7c-3a2f7e0c9d11"
    correct_judgment(judgment=old, volunteer=old.volunteer, key=key, ranks=ranks)
    snapshot_preferences(project=project)
    stored = set(Inclusion.objects.values_list("judgment", "first", "last"))
    Inclusion.objects.all().delete()
    migration = import_module("ranking.migrations.0011_inclusions")
    migration.fill(apps, SimpleNamespace(connection=connection))
    assert set(Inclusion.objects.values_list("judgment", "first", "last")) == stored
    assert len(stored) == PROMPTS + 1


def test_a_project_without_updates_has_judgments_that_wait_for_a_dataset():
    project = make_judged()
    judgment = judgment_on(project, Split.TRAIN)
    page = page_of(volunteer_of(project), "judgment-lineage", project.slug, judgment.pk)
    assert "No dataset holds it yet" in page
