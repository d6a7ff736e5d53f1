"""Pairs about which people divide, told from those on which some err."""

import random

import numpy as np
import pytest
from django.urls import reverse

from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.models import Judgment, Round
from ranking.models.divided import divided_in
from ranking.services import claim_next, open_round, submit_judgment
from ranking.statistics.consensus import Fit
from ranking.statistics.divided import DIFFER, ERROR, are_divided, find_divided
from tests.factories import coordinator_of, make_completion, make_member, make_project, make_prompt
from training.views import report, timeline


@pytest.mark.parametrize(
    ("first", "second", "divided"),
    [
        (5, 5, True),
        (6, 4, False),
        (4, 5, False),
        (12, 8, True),
        (13, 7, False),
        (7, 100, False),
        (0, 0, False),
    ],
)
def test_both_sides_need_more_votes_than_mistakes_explain(first, second, divided):
    assert are_divided(first, second) == are_divided(second, first) == divided


def test_where_all_prefer_one_answer_and_err_now_and_then_hardly_any_pair_is_divided():
    chance = random.Random(2)
    found = 0
    for _ in range(2000):
        wrong = sum(chance.random() < ERROR for _ in range(20))
        found += are_divided(20 - wrong, wrong)
    assert found / 2000 < 0.01


def test_few_votes_divide_where_two_groups_of_people_prefer_different_answers():
    two, none = np.array([2, 2, 5]), np.array([1, 1, 5])
    assert find_divided(two, none, np.array([DIFFER, DIFFER - 0.01, 0.0])).tolist() == [True, False, True]


@pytest.fixture
def divided(db) -> Round:
    """Ten people divide on one prompt and agree on another."""
    project = make_project(judgments_per_comparison=10, completions_per_comparison=2)
    prompts = [make_prompt(project, question) for question in ("Meat?", "Why is it warm?")]
    for prompt in prompts:
        for text in ("**Less.**", "As you like."):
            author = make_completion(prompt, text).author
    current = open_round(project=project, author=author)
    for number in range(10):
        volunteer = make_member(project)
        while assignment := claim_next(project=project, volunteer=volunteer):
            order = sorted(
                assignment.order, reverse=number % 2 == 1 and "Meat" in str(assignment.comparison.prompt)
            )
            ranks = {pk: place for place, pk in enumerate(order, start=1)}
            submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)
    return current


def test_the_pairs_are_those_of_people_and_of_prompts_in_use(divided):
    (pair,) = divided_in(Judgment.objects.in_round(divided), Fit({}))
    assert (str(pair.first.prompt), pair.for_first, pair.for_second) == ("Meat?", 5, 5)
    withdraw_prompts(project=divided.project, prompt_ids=[pair.first.prompt_id], actor=None)
    assert divided_in(Judgment.objects.in_round(divided), Fit({})) == []


def test_the_rounds_page_and_its_report_show_them_as_divided(client, divided):
    project = divided.project
    client.force_login(coordinator_of(project))
    for name in ("round", "report"):
        text = client.get(reverse(name, args=[project.slug, divided.number])).text
        assert "1 pair of answers is divided" in text and text.count("Preferred by 5 people") == 2
        assert "<strong>Less.</strong>" in text and "with the most votes" not in text


def test_of_many_pairs_a_report_shows_three_and_the_rounds_page_more_behind_a_fold(
    client, divided, monkeypatch
):
    pairs = divided_in(Judgment.objects.in_round(divided), Fit({})) * 12
    client.force_login(coordinator_of(divided.project))
    for module, name, shown in ((report, "report", 3), (timeline, "round", 10)):
        monkeypatch.setattr(module, "divided_in", lambda _judgments, _fit: pairs)
        text = client.get(reverse(name, args=[divided.project.slug, divided.number])).text
        assert text.count("Preferred by 5 people") == 2 * shown
        assert f"Shown are the {shown} with the most votes." in text
        assert ("7 more pairs" in text) == (shown == 10)


def test_simulated_volunteers_divide_nobody(divided):
    for judgment in Judgment.objects.in_round(divided)[:2]:
        type(judgment.volunteer).objects.filter(pk=judgment.volunteer_id).update(is_simulated=True)
    assert divided_in(Judgment.objects.in_round(divided), Fit({})) == []
