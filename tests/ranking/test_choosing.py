"""Which answers a round compares when a reward model has scored them."""

import pytest

from annotator.models import Project, Split
from annotator.services.completions import add_completions
from ranking.models import Comparison
from ranking.services import add_test_comparisons, open_round
from ranking.services.choosing import Group
from ranking.statistics import sampling
from ranking.statistics.sampling import EXPLORED
from tests.factories import make_project

from .making import make_answers, make_round

pytestmark = pytest.mark.django_db


def opened(prompts=1, answers=4, seed=0, *, certain=True, **fields):
    """A round of pairs in which the n-th answer to each prompt has the score n, with or without doubt."""
    fields.setdefault("sampling", Project.Sampling.LARGE_GAP)
    project = make_project(completions_per_comparison=2, **fields)
    author = make_answers(project, prompts=prompts, answers=answers)
    spread = 0.0 if certain else 1.0
    scores = {
        one.pk: [score - spread, score + spread]
        for one in author.completions.all()
        for score in [float(one.text.split()[1])]
    }
    return open_round(project=project, author=author, seed=seed, scores=scores)


def scores_of(comparison):
    return sorted(int(one.text.split()[1]) for one in comparison.completions.all())


def test_the_rule_of_the_project_chooses_most_of_the_answers_and_chance_the_rest():
    comparisons = opened(prompts=60).comparisons.filter(prompt__split=Split.TRAIN)
    by_rule = [one for one in comparisons if scores_of(one) == [0, 3]]
    assert 0.6 < len(by_rule) / len(comparisons) < 1
    for one in comparisons:
        chosen = EXPLORED / 6 + (1 - EXPLORED) * (one in by_rule)
        assert one.selection_probability == pytest.approx(chosen)


def test_answers_to_held_out_prompts_are_always_chosen_by_chance():
    comparisons = opened(prompts=60).comparisons.filter(prompt__split=Split.HELD_OUT)
    assert {one.selection_probability for one in comparisons} == {1 / 6}


@pytest.mark.parametrize("scored", [0, 1])
def test_without_two_answers_that_have_scores_chance_chooses(scored):
    project = make_project(completions_per_comparison=2, sampling=Project.Sampling.NEAR_TIE)
    author = make_answers(project, answers=4)
    scores = {one.pk: [1.0, 2.0] for one in author.completions.all()[:scored]}
    comparison = open_round(project=project, author=author, scores=scores).comparisons.get()
    assert comparison.selection_probability == 1 / 6


def test_answers_of_an_earlier_sampling_that_have_no_scores_are_left_out():
    project = make_project(completions_per_comparison=2, sampling=Project.Sampling.NEAR_TIE)
    author = make_answers(project, prompts=20, answers=6)
    prompt = project.prompts.filter(split=Split.TRAIN).first()
    scored = list(author.completions.filter(prompt=prompt).order_by("-pk")[:2])
    scores = {one.pk: [1.0, 2.0] for one in scored}
    comparison = open_round(project=project, author=author, scores=scores).comparisons.get(prompt=prompt)
    assert set(comparison.completions.all()) == set(scored) and comparison.selection_probability == 1


def test_a_project_that_leaves_it_to_chance_asks_no_scores():
    current = opened(prompts=5, sampling=Project.Sampling.UNIFORM)
    assert set(current.comparisons.values_list("selection_probability", flat=True)) == {1 / 6}


def test_people_are_asked_first_where_it_is_worth_most(monkeypatch):
    monkeypatch.setattr(sampling, "EXPLORED", 0)
    project = make_project(completions_per_comparison=2, sampling=Project.Sampling.LARGE_GAP)
    author = make_answers(project, prompts=20, answers=4)
    scores = {one.pk: [float(one.text.split()[1]) * one.prompt_id] * 2 for one in author.completions.all()}
    current = open_round(project=project, author=author, scores=scores)
    by_rule = current.comparisons.filter(selection_probability=1).order_by("pk")
    asked = list(by_rule.values_list("prompt", flat=True))
    assert len(asked) > 8 and asked == sorted(asked, reverse=True)


def test_nearly_equal_answers_are_not_compared():
    project = make_project(completions_per_comparison=4)
    author = make_answers(project, answers=2)
    prompt, long = project.prompts.get(), "The sea rises because water that warms takes more room. " * 5
    add_completions(author=author, texts=[(prompt, long), (prompt, long.replace("room", "space", 1))])
    comparison = open_round(project=project, author=author).comparisons.get()
    assert comparison.items.count() == 3


def test_of_a_blind_test_nothing_was_chosen():
    current = make_round(prompts=1, answers=2)
    first = current.comparisons.get()
    group = Group(first.prompt_id, [one.pk for one in first.completions.all()])
    add_test_comparisons(current=current, groups=[group], votes=1)
    assert Comparison.objects.get(selection_probability=None).assignments.get().number == -1
