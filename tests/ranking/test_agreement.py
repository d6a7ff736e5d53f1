"""How often a volunteer sees a pair as most of the others do, and what of that they are shown."""

import random
from itertools import combinations

import pytest
from django.urls import reverse

from ranking.models import Judgment
from ranking.models.agreement import Agreement, agreement_of
from ranking.services import claim_next, close_round, open_round
from tests.factories import make_member

from .making import make_answers, make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db


def judge(volunteer, project, *ranks):
    """The volunteer gives the same ranks to every comparison that is left for them."""
    while assignment := claim_next(project=project, volunteer=volunteer):
        make_judgment(assignment, *ranks)


def by_hand(user, project):
    """The same figure from the ranks of all judgments, one comparison after another."""
    agreed = pairs = 0
    judgments = Judgment.objects.filter(comparison__round__project=project, is_current=True)
    judgments = [one for one in judgments if one.comparison.round.closed_at and one.verdict == "ranked"]
    for own in (one for one in judgments if one.volunteer == user):
        others = [
            dict(one.ranks.values_list("completion", "rank"))
            for one in judgments
            if one.comparison == own.comparison and one.volunteer != user and not one.volunteer.is_simulated
        ]
        ranks = dict(own.ranks.values_list("completion", "rank"))
        for left, right in combinations(ranks, 2):
            votes = [(one[left] < one[right]) - (one[left] > one[right]) for one in others]
            mine, lead = (ranks[left] < ranks[right]) - (ranks[left] > ranks[right]), sum(votes)
            if mine and lead:
                pairs += 1
                agreed += (mine > 0) == (lead > 0)
    return Agreement(agreed, pairs)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_counting_by_hand_gives(seed):
    chance = random.Random(seed)
    answers = chance.choice((2, 3, 4))
    current = make_round(prompts=6, answers=answers, judgments_per_comparison=4)
    project = current.project
    people = [make_member(project) for _ in range(4)]
    people[-1].is_simulated = True
    people[-1].save()
    for person in people:
        for _ in range(chance.randint(3, 6)):
            assignment = claim_next(project=project, volunteer=person, chance=chance)
            verdict = chance.choice(("ranked", "ranked", "ranked", "all_bad"))
            judgment = make_judgment(
                assignment, *(chance.randint(1, answers) for _ in range(answers)), verdict=verdict
            )
            if chance.random() < 0.3:
                make_correction(judgment, *(chance.randint(1, answers) for _ in range(answers)))
    close_round(project=project)
    found = [agreement_of(person, project) for person in people]
    assert found == [by_hand(person, project) for person in people]
    assert any(one.pairs for one in found)


def test_nothing_is_shown_of_a_round_that_is_open():
    """What one has just ranked could still be corrected towards the others."""
    current = make_round(prompts=3, answers=2, judgments_per_comparison=2)
    one, other = make_member(current.project), make_member(current.project)
    for person in (one, other):
        judge(person, current.project, 1, 2)
    assert agreement_of(one, current.project) == Agreement(0, 0)
    close_round(project=current.project)
    assert agreement_of(one, current.project) == Agreement(3, 3)


def test_comparisons_that_one_has_not_judged_are_not_in_it():
    current = make_round(prompts=3, answers=2, judgments_per_comparison=3)
    one, other, third = (make_member(current.project) for _ in range(3))
    make_judgment(make_assignment(current, one), 1, 2)
    for person in (other, third):
        judge(person, current.project, 1, 2)
    close_round(project=current.project)
    assert agreement_of(one, current.project) == Agreement(1, 1)
    assert agreement_of(make_member(current.project), current.project) == Agreement(0, 0)


def test_ones_own_vote_does_not_make_the_majority():
    """Against two who disagree with each other there is no majority; with the own vote there would be."""
    current = make_round(answers=2, judgments_per_comparison=3)
    one, other, third = (make_member(current.project) for _ in range(3))
    judge(one, current.project, 1, 2)
    judge(other, current.project, 1, 2)
    judge(third, current.project, 2, 1)
    close_round(project=current.project)
    assert agreement_of(one, current.project) == Agreement(0, 0)
    assert agreement_of(third, current.project) == Agreement(0, 1)


def test_what_one_judged_long_ago_does_not_count(monkeypatch):
    monkeypatch.setattr("ranking.models.agreement.LAST_JUDGMENTS", 2)
    current = make_round(prompts=3, answers=2, judgments_per_comparison=2)
    one, other = make_member(current.project), make_member(current.project)
    for person in (one, other):
        judge(person, current.project, 1, 2)
    close_round(project=current.project)
    assert agreement_of(one, current.project) == Agreement(2, 2)


def test_another_project_does_not_count():
    current = make_round(answers=2, judgments_per_comparison=2)
    one, other = make_member(current.project), make_member(current.project)
    for person in (one, other):
        judge(person, current.project, 1, 2)
    close_round(project=current.project)
    assert agreement_of(one, make_round().project) == Agreement(0, 0)


@pytest.mark.parametrize(("prompts", "is_shown"), [(3, True), (1, False)])
def test_the_home_page_shows_it_once_there_are_enough_pairs(client, prompts, is_shown):
    current = make_round(prompts=prompts, answers=4, judgments_per_comparison=2)
    one, other = make_member(current.project), make_member(current.project)
    judge(one, current.project, 1, 2, 3, 4)
    judge(other, current.project, 2, 1, 3, 4)
    close_round(project=current.project)
    client.force_login(one)
    html = client.get(reverse("project", args=[current.project.slug])).text
    assert ("You and other volunteers" in html) == is_shown
    assert ("15 of 18 pairs" in html) == is_shown


def test_it_costs_one_query(django_assert_num_queries):
    current = make_round(prompts=3, answers=4, judgments_per_comparison=2)
    one, other = make_member(current.project), make_member(current.project)
    for person in (one, other):
        judge(person, current.project, 1, 2, 3, 4)
    open_round(project=current.project, author=make_answers(current.project, name="Version 2"))
    with django_assert_num_queries(1):
        assert agreement_of(one, current.project) == Agreement(18, 18)
