"""How often the answer that was shown first is ranked best, and when that is remarkable."""

import random
import re

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from annotator.models import Role
from ranking.models import Judgment
from ranking.models.position_bias import first_positions
from ranking.services import submit_judgment
from ranking.statistics.proportions import LEVEL, Share
from tests.factories import coordinator_of, make_member, make_project, make_user

from .desk import words_of
from .making import let_lapse, make_assignment, make_correction, make_judgment, make_round

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_the_interval_is_wilsons(counted):
    hits, trials = counted
    known = binomtest(hits, trials).proportion_ci(LEVEL, method="wilson")
    assert Share(hits, trials, 0.5).interval == pytest.approx((known.low, known.high), abs=1e-9)


def test_without_trials_nothing_is_known_and_nothing_remarkable():
    share = Share(0, 0, 0.0)
    assert share.interval == (0.0, 1.0)
    assert not share.is_above_chance and not share.is_below_chance
    assert Share.total([]) == share


def test_what_is_remarkable_lies_clearly_beside_chance():
    assert Share(90, 100, 0.25).is_above_chance
    assert Share(5, 100, 0.25).is_below_chance
    middling = Share(28, 100, 0.25)
    assert not middling.is_above_chance and not middling.is_below_chance


@given(st.lists(st.tuples(counts, st.sampled_from([1 / 2, 1 / 3, 1 / 4])), min_size=1, max_size=6))
def test_together_chance_is_the_mean_over_all_trials(parts):
    total = Share.total(Share(hits, trials, chance) for (hits, trials), chance in parts)
    each = [chance for (_hits, trials), chance in parts for _ in range(trials)]
    assert total.trials == len(each)
    assert total.hits == sum(hits for (hits, _trials), _chance in parts)
    assert total.chance == pytest.approx(sum(each) / len(each))


# What the database counts


def found(project):
    rows = first_positions(project)
    return {row["volunteer"]: (row["rankings"], row["first"], pytest.approx(row["chance"])) for row in rows}


def by_hand(project):
    """The same, one judgment after another."""
    counted = {}
    for judgment in Judgment.objects.filter(comparison__round__project=project, is_current=True):
        ranks = dict(judgment.ranks.values_list("completion", "rank"))
        best = [completion for completion, rank in ranks.items() if rank == 1]
        if judgment.verdict == Judgment.Verdict.RANKED and len(best) == 1:
            rankings = counted.setdefault(judgment.volunteer_id, [])
            order = judgment.shown_assignment.order
            rankings.append((order[0] == best[0], 1 / len(order)))
    return {
        volunteer: (len(rows), sum(first for first, _ in rows), sum(chance for _, chance in rows) / len(rows))
        for volunteer, rows in counted.items()
    }


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_counting_by_hand_gives(seed):
    chance = random.Random(seed)
    current = make_round(prompts=5, answers=chance.choice((2, 3, 5)), judgments_per_comparison=3)
    # Another project, which must not be counted.
    elsewhere = make_round(answers=2)
    make_judgment(make_assignment(elsewhere, make_member(elsewhere.project)), 1, 2)
    for _ in range(3):
        person = make_member(current.project)
        for _ in range(chance.randint(3, 5)):
            assignment = make_assignment(current, person)
            verdict = chance.choice(("ranked", "ranked", "ranked", "all_bad"))
            most = len(assignment.order)
            ranks = [chance.randint(1, most) for _ in range(most)]
            judgment = make_judgment(assignment, *ranks, verdict=verdict)
            if chance.random() < 0.3:
                make_correction(judgment, *(chance.randint(1, most) for _ in range(most)))
    assert found(current.project) == by_hand(current.project) != {}


@pytest.mark.django_db
def test_ties_for_the_best_choose_nothing():
    current = make_round(prompts=2, answers=3)
    person = make_member(current.project)
    make_judgment(make_assignment(current, person), 1, 1, 2)
    assert found(current.project) == {}
    make_judgment(make_assignment(current, person), 1, 2, 2)
    assert found(current.project)[person.pk][0] == 1


@pytest.mark.django_db
def test_who_lost_the_assignment_is_measured_by_the_order_that_they_saw():
    current = make_round(answers=4)
    slow, quick = make_member(current.project), make_member(current.project)
    assignment = make_assignment(current, slow)
    let_lapse(assignment)
    other = make_assignment(current, quick)
    while other.order[0] == assignment.order[0]:
        random.shuffle(other.order)
        type(other).objects.filter(pk=other.pk).update(order=other.order)
    ranks = {completion: place for place, completion in enumerate(assignment.order, start=1)}
    submit_judgment(assignment=assignment, volunteer=slow, key=assignment.key, ranks=ranks)
    assert found(current.project) == {slow.pk: (1, 1, 0.25)}


# The page


def page(client, project, user):
    client.force_login(user)
    return client.get(reverse("rankings", args=[project.slug]))


def rows(html):
    cells = re.findall("<tr>(.*?)</tr>", html, re.DOTALL)
    return [words_of(row) for row in cells]


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.COORDINATOR])
def test_the_page_marks_whom_the_order_sways(client, role):
    current = make_round(prompts=24, answers=2)
    for name, simulated in (("Hasty", False), ("Robot", True)):
        person = make_member(current.project, name=name)
        person.is_simulated = simulated
        person.save()
        for _ in range(12):
            assignment = make_assignment(current, person)
            ranks = dict(zip(assignment.order, (1, 2), strict=True))
            submit_judgment(assignment=assignment, volunteer=person, key=assignment.key, ranks=ranks)
    shown = rows(page(client, current.project, make_member(current.project, role=role)).text)
    assert any(row.startswith("All people more than chance 100 %") for row in shown)
    assert any(row.startswith("Hasty more than chance 100 %") and row.endswith("50 % 12") for row in shown)
    assert any(row.startswith("Robot simulated more than chance 100 %") for row in shown)


@pytest.mark.django_db
def test_before_anything_was_ranked_the_page_says_so(client):
    project = make_project()
    assert "Nothing has been ranked yet" in page(client, project, coordinator_of(project)).text
    assert page(client, make_round().project, make_user()).status_code == 404


@pytest.mark.django_db
def test_the_page_is_for_those_who_look_after_ranking(client):
    project = make_round().project
    assert page(client, project, make_member(project)).status_code == 403
    client.force_login(coordinator_of(project))
    assert client.post(reverse("rankings", args=[project.slug])).status_code == 405
