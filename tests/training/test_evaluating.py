"""What the site hands an evaluation, and what coordinators see of it."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotator.errors import RefusedError
from annotator.models import Project
from ranking.services import claim_next, open_round, submit_judgment
from tests.factories import coordinator_of, make_member
from tests.training.making import METRICS, add_answers, make_run, make_trainable, make_update
from training.models import Evaluation, TrainingRun, Update
from training.rlhf.rundir import sha256_of
from training.services.runs.create import create_run
from training.services.runs.flagged_answers import flagged_answers
from training.services.runs.recipes import check_settings, stage_input
from training.services.simulation.round import Figures, watch_gold

pytestmark = pytest.mark.django_db
CROSSED = [{"watch": "length", "value": 2.1, "threshold": 1.5}]
UNKNOWN = {"watch": "<b>tone</b>", "value": 2.0, "threshold": 1.0}
REFUSALS = {"watch": "refusals", "value": 0.3, "threshold": 0.05}
ENDPOINT = {"judge": "endpoint", "judge_model": "a-judge"}


def make_flagged(**marks: str) -> Project:
    """A judged project in which answers of these texts have these flags."""
    project = make_trainable()
    live = project.versions.get(number=0)
    add_answers(live, tuple(marks))
    open_round(project=project, author=live.author)
    volunteer = make_member(project)
    while assignment := claim_next(project=project, volunteer=volunteer):
        texts = dict(assignment.comparison.completions.values_list("pk", "text"))
        submit_judgment(
            assignment=assignment,
            volunteer=volunteer,
            key=assignment.key,
            ranks={pk: place for place, pk in enumerate(assignment.order, start=1)},
            flags={pk: [marks[text]] for pk, text in texts.items() if marks[text]},
        )
    return project


def rows_of(project: Project) -> dict[str, bool]:
    content = flagged_answers(project)
    assert content is not None
    return {row["text"]: row["flagged"] for row in map(json.loads, content.decode().splitlines())}


def ready_to_evaluate(project: Project) -> Update:
    """An update with all stages but the evaluation behind it."""
    update = make_update(project)
    for stage in ("reward", "ppo"):
        TrainingRun.objects.filter(pk=make_run(update, stage).pk).update(state=Update.State.SUCCEEDED)
    return update


def test_answers_flagged_as_harmful_teach_the_safety_classifier():
    assert rows_of(make_flagged(nasty="harmful", nice="")) == {"nasty": True, "nice": False}


@pytest.mark.parametrize("mark", ["", "spam", "factual_error", "off_topic"])
def test_without_a_harmful_one_there_is_nothing_to_learn(mark):
    assert flagged_answers(make_flagged(one=mark, other="")) is None


def test_answers_nobody_judged_are_no_examples():
    project = make_flagged(nasty="harmful", nice="")
    add_answers(project.versions.get(number=0), ("never judged",))
    assert set(rows_of(project)) == {"nasty", "nice"}


def test_no_more_answers_are_handed_over_than_a_classifier_can_use(monkeypatch):
    monkeypatch.setattr("training.services.runs.flagged_answers.MOST", 3)
    project = make_flagged(nasty="harmful", nice="")
    assert flagged_answers(project).count(b"\n") <= 2 * 3


def test_an_evaluation_starts_with_its_flags_beside_its_prompts():
    update = ready_to_evaluate(make_flagged(nasty="harmful", nice=""))
    run_input = stage_input(update, "evaluate")
    run = create_run(TrainingRun(project=update.project, update=update, stage="evaluate"), run_input)
    assert run.recipe["flagged"]["sha256"] == sha256_of(run.folder / run.recipe["flagged"]["path"])
    assert run.recipe["dataset"]["sha256"] == sha256_of(run.folder / "prompts.jsonl")


def test_an_evaluation_without_flags_names_no_file():
    update = ready_to_evaluate(make_flagged(one="", other=""))
    run_input = stage_input(update, "evaluate")
    assert run_input.as_json()["flagged"] is None
    assert set(run_input.files) == {"prompts.jsonl"}


@pytest.mark.parametrize("name", ["judge_url", "flagged"])
def test_a_coordinator_chooses_neither_the_endpoint_nor_files(name):
    with pytest.raises(RefusedError, match=f"not by its settings: {name}"):
        check_settings({"evaluate": {name: "https://elsewhere.example/v1"}})


def test_a_judge_endpoint_has_to_be_set_up_by_the_operator(settings):
    settings.JUDGE_URL = ""
    with pytest.raises(RefusedError, match="CHORUS_JUDGE_URL"):
        check_settings({"evaluate": ENDPOINT})


def test_a_coordinator_may_ask_the_operators_judge(settings):
    settings.JUDGE_URL = "https://judge.example/v1"
    check_settings({"evaluate": ENDPOINT})
    update = ready_to_evaluate(make_flagged(one="", other=""))
    assert stage_input(update, "evaluate").as_json()["judge_url"] is None
    update.settings = {"evaluate": ENDPOINT}
    assert stage_input(update, "evaluate").as_json()["judge_url"] == "https://judge.example/v1"


# What coordinators see


def pages(client: Client, update: Update) -> list[str]:
    """The two pages on which a version is released."""
    client.force_login(coordinator_of(update.project))
    slug = update.project.slug
    addresses = [reverse("update", args=[slug, update.number]), reverse("version", args=[slug, 1])]
    return [re.sub(r"\s+", " ", client.get(each).content.decode()) for each in addresses]


def test_a_crossed_watch_is_told_before_the_release_button(client, evaluated):
    for text in pages(client, evaluated(watches=CROSSED)):
        told = text.index("Answers became 2.1 times as long as before;")
        assert told < text.index('id="release"')
        assert "noticed something" in text


def test_a_later_evaluation_without_watches_hides_none(client, evaluated):
    by_people = dict(METRICS["evaluate"])
    update = evaluated(watches=CROSSED)
    Evaluation.objects.create(
        version=update.candidate,
        baseline=update.parent,
        judge="people",
        wins=1,
        ties=0,
        losses=0,
        metrics=by_people,
    )
    for text in pages(client, update):
        assert "Answers became 2.1 times" in text


def test_several_crossed_watches_are_all_told(client, evaluated):
    for text in pages(client, evaluated(watches=[*CROSSED, REFUSALS, UNKNOWN])):
        assert "noticed 3 things" in text
        assert "The watch &lt;b&gt;tone&lt;/b&gt; was crossed" in text
        assert "<li>It refuses more often than before:" in text


def figures(low: float) -> Figures:
    """A round after which gold's win rate among the decided is at least so high."""
    values: dict[str, Any] = {each.name: 0 for each in fields(Figures)}
    return Figures(
        **values | {"win_rate_interval": (low, 0.9), "accurate_before": 0.44, "accurate_after": 0.45}
    )


@pytest.mark.parametrize(
    ("measured", "gold_low", "tells"),
    [
        ({"kl": 2.3, "score_gain": 1.5}, 0.48, True),
        ({"kl": 2.3, "score_gain": 1.5}, 0.84, False),  # gold sees the gain too
        ({"kl": 0.9, "score_gain": 1.5}, 0.48, False),  # it has hardly moved
        ({"kl": 2.3, "score_gain": -0.1}, 0.48, False),  # the reward model sees none either
    ],
)
def test_gold_that_sees_no_gain_where_the_reward_model_does_is_told_before_the_release_button(
    client, evaluated, measured, gold_low, tells
):
    update = evaluated(watches=CROSSED, **measured)
    TrainingRun.objects.filter(update=update, stage="evaluate").update(recipe={"watch_gain": 1.0})
    watched = watch_gold(update, figures(gold_low))
    assert [row["watch"] for row in watched] == ["length", *["gold"] * tells]
    for text in pages(client, update):
        words = "gold labels show no clear gain: 44 % of the answers were accurate"
        assert (words in text[: text.index('id="release"')]) is tells


def test_watches_that_found_nothing_say_so(client, evaluated):
    for text in pages(client, evaluated(watches=[])):
        assert "No limit was crossed" in text


def test_an_evaluation_from_before_there_were_watches_claims_nothing(client, evaluated):
    for text in pages(client, evaluated()):
        assert 'id="warnings"' not in text


def test_the_page_names_the_judge(client, evaluated):
    (update_page, version_page) = pages(client, evaluated(judge="a-judge " + "x" * 100))
    for text in (update_page, version_page):
        assert "no person but the model a-judge xxx" in text
        assert "trained to please" not in text


def test_the_reward_model_is_named_as_what_it_is(client, evaluated):
    for text in pages(client, evaluated(judge="reward model")):
        assert "trained to please" in text
        assert "It had learned from" not in text


def test_a_judge_that_knew_the_questions_is_told(client, evaluated):
    for text in pages(client, evaluated(judge="reward model", judge_seen_prompts=7.0)):
        assert "It had learned from 7 of the questions itself" in text
