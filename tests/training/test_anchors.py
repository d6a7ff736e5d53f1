"""Anchors: chosen once, asked of every version, and shown over the months."""

import json

import pytest
from django.urls import reverse

from annotator.models import Project, Split
from annotator.services.prompts.withdrawing import withdraw_prompts
from tests.factories import coordinator_of, make_prompt
from tests.training import making
from tests.training.making import make_finished, make_judged, make_run, make_update
from training.models import Anchor, TrainingRun, Update
from training.services.drift import MEASURES, drift_of
from training.services.plans.facts import facts_of
from training.services.runs.anchors import FEWEST, MOST, choose_anchors
from training.services.runs.recipes import stage_input

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_judged()


def add_held_out(project: Project, count: int, **labels: str) -> None:
    made = 0
    while made < count:
        made += make_prompt(project, **labels).split == Split.HELD_OUT


def test_anchors_are_chosen_once_when_there_are_enough_held_out_prompts_and_none_joins(project):
    assert not choose_anchors(project=project).exists()
    add_held_out(project, FEWEST)
    first = set(choose_anchors(project=project))
    assert FEWEST <= len(first) <= MOST and {each.split for each in first} == {Split.HELD_OUT}
    add_held_out(project, 3)
    assert set(choose_anchors(project=project)) == first


def test_they_are_spread_over_tags_and_languages(project):
    add_held_out(project, MOST, tags="ice")
    add_held_out(project, 2, tags="air")
    add_held_out(project, 2, language="fr")
    chosen = list(choose_anchors(project=project))
    assert len(chosen) == MOST
    assert sum(each.tags == ["air"] for each in chosen) == 2
    assert sum(each.language == "fr" for each in chosen) == 2


def test_a_withdrawn_prompt_is_asked_no_more_and_no_other_takes_its_place(project):
    add_held_out(project, FEWEST)
    first = list(choose_anchors(project=project))
    withdraw_prompts(project=project, prompt_ids=[first[0].pk], actor=None)
    assert list(choose_anchors(project=project)) == first[1:]


def test_a_plan_counts_those_in_use_or_as_many_as_the_evaluation_will_choose(project):
    version = project.versions.get()

    def planned() -> int:
        return facts_of(version, {}, 20)["anchors"]

    assert planned() == 0
    add_held_out(project, FEWEST)
    foreseen = planned()
    chosen = list(choose_anchors(project=project))
    assert foreseen == planned() == len(chosen)
    add_held_out(project, 3)
    withdraw_prompts(project=project, prompt_ids=[chosen[0].pk], actor=None)
    assert planned() == len(chosen) - 1


def test_an_evaluation_is_given_the_anchors_among_its_prompts(project):
    add_held_out(project, FEWEST)
    update = make_update(project)
    for stage in ("reward", "ppo"):
        TrainingRun.objects.filter(pk=make_run(update, stage).pk).update(state=Update.State.SUCCEEDED)
    given = stage_input(update, "evaluate")
    assert given.recipe.anchors.path == "anchors.jsonl"
    names = {
        name: {json.loads(line)["prompt_id"] for line in given.files[name].splitlines()}
        for name in ("anchors.jsonl", "prompts.jsonl")
    }
    assert names["anchors.jsonl"] == {str(pk) for pk in Anchor.objects.values_list("prompt", flat=True)}
    assert names["anchors.jsonl"] <= names["prompts.jsonl"]


def test_the_timeline_shows_each_version_beside_the_base(client, project, monkeypatch):
    client.force_login(coordinator_of(project))
    page = reverse("timeline", args=[project.slug])
    assert "Over the months" not in client.get(page).text
    measures = {f"anchor_{side}_{name}": 0.25 for side in ("base", "candidate") for name in MEASURES}
    anchors = {"anchor_prompts": 20.0, "anchor_win_rate": 0.66, "anchor_candidate_refusals": 0.11}
    ends = {"anchor_win_rate_low": 0.55, "anchor_win_rate_high": 0.77}
    monkeypatch.setitem(making.METRICS, "evaluate", making.METRICS["evaluate"] | measures | anchors | ends)
    version = make_finished(make_update(project))
    (point,) = drift_of(project)
    assert (point.version, point.prompts, point.win_rate, point.unsafe) == (version, 20, 0.66, None)
    text = client.get(page).text
    assert 'data-rate="0.66"' in text and "66\xa0%" in text and "11\xa0%" in text and "js/drift" in text
