"""Who votes unlike others, by votes alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from ranking.statistics.anomalies import FALSE_ALARMS, unlike_others
from ranking.statistics.reliability import Groups, fit_people
from ranking.statistics.votes import Votes
from tests.ranking.voting import VOTES, draw_votes, make_votes

GOOD, CONTRARY, RANDOM, FIRST = (0.8, 0.8), (0.2, 0.2), (0.5, 0.5), (0.02, 0.98)


def look_at(votes: Votes, groups: Groups | None = None, divided: list[int] | None = None):
    is_divided = np.zeros(votes.pairs, dtype=bool)
    is_divided[divided or []] = True
    return unlike_others(votes, fit_people(votes, groups=groups), is_divided, np.arange(votes.people))


def named(values: np.ndarray) -> list[int]:
    return np.flatnonzero(values < FALSE_ALARMS).tolist()


def test_of_two_hundred_people_of_different_skill_hardly_one_is_named():
    rng = np.random.default_rng(1)
    skills = [(one, one) for one in rng.normal(0.78, 0.06, 200)]
    votes = draw_votes(rng, skills, 300)
    some = votes.among(rng.random(len(votes)) < 1 / 6)
    found = look_at(some)
    assert len(named(found.against)) <= 2 and len(named(found.one_sided)) <= 2
    assert found.expected.sum() == pytest.approx(found.agreed.sum(), rel=0.03)


def test_a_contrary_person_and_one_who_always_takes_the_first_answer_are_named():
    votes = draw_votes(np.random.default_rng(0), [*[GOOD] * 6, CONTRARY, FIRST], 60)
    found = look_at(votes)
    assert named(found.against) == [6] and named(found.one_sided) == [7]
    assert found.agreed[6] < 20 < 35 < found.expected[6] and found.took_top[7] > 55
    assert set(found.votes.tolist()) == {60}


def test_good_votes_do_not_hide_contrary_ones_that_came_before():
    rng = np.random.default_rng(2)
    votes = draw_votes(rng, [*[GOOD] * 6, CONTRARY], 240)
    later = (votes.person == 6) & (votes.pair >= 110)
    turned = replace(votes, for_first=np.where(later, rng.random(len(votes)) < 0.85, votes.for_first))
    assert named(look_at(turned).against) == [6]


def test_votes_on_divided_pairs_say_nothing_against_anybody():
    votes = draw_votes(np.random.default_rng(0), [*[GOOD] * 6, CONTRARY], 60)
    found = look_at(votes, divided=list(range(60)))
    assert named(found.against) == [] and found.votes.sum() == 0


def test_a_group_of_people_is_compared_with_its_own_members():
    rng = np.random.default_rng(4)
    better = rng.random(80) < 1 / 2
    majority, minority = (draw_votes(rng, [GOOD] * 6, 80, each) for each in (better, ~better))
    columns = {
        name: np.concatenate([getattr(majority, name), getattr(minority, name)])
        for name in ("pair", "for_first", "first_on_top", "evidence")
    }
    votes = Votes.of(person=np.concatenate([majority.person, minority.person + 6]), **columns)
    member = np.repeat([0.001, 0.999], 6)
    found = look_at(votes, groups=Groups(member, contested=0.9, share=0.5))
    assert named(found.against) == []


def test_nobody_is_named_by_a_few_votes():
    votes = draw_votes(np.random.default_rng(0), [*[GOOD] * 20, (0.02, 0.02), FIRST], 9)
    found = look_at(votes)
    assert set(found.against.tolist()) == set(found.one_sided.tolist()) == {1.0}


def test_what_is_said_of_people_does_not_depend_on_their_order():
    votes = draw_votes(np.random.default_rng(5), [*[GOOD] * 5, RANDOM, CONTRARY], 40)
    turned = replace(votes, person=votes.people - 1 - votes.person)
    people, ids = fit_people(turned), np.arange(votes.people)[::-1]
    back = unlike_others(turned, people, np.zeros(votes.pairs, dtype=bool), ids)
    assert back.against[::-1] == pytest.approx(look_at(votes).against, abs=1e-6)


@given(VOTES)
def test_all_that_is_said_of_wild_votes_is_a_probability(given_votes):
    found = look_at(make_votes(*given_votes))
    for values in (found.against, found.one_sided):
        assert np.all((values >= 0) & (values <= 1))
