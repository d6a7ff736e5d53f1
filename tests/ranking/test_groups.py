"""Two groups of people with tastes of their own, told from noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import expit

from benchmarks.quality.people import simulate
from ranking.statistics.groups import FEWEST_PEOPLE, find_groups, try_groups
from ranking.statistics.reliability import Groups, fit_people, vote_weights
from tests.ranking.voting import VOTES, draw_votes, make_votes


@pytest.fixture(scope="module")
def minority():
    """Thirty per cent of 120 people prefer by another taste."""
    return simulate(1, people=120, pairs=1200, overlap=8, bad=0.0, minority=0.3)


def test_a_minority_with_a_taste_of_its_own_is_found_and_no_less_reliable(minority):
    votes, members = minority.votes, minority.people.minority
    groups = find_groups(votes)
    found = groups.second > 1 / 2
    assert max(np.mean(found == members), np.mean(found != members)) > 0.95
    assert min(groups.share, 1 - groups.share) == pytest.approx(members.mean(), abs=0.06)
    assert groups.contested == pytest.approx(minority.contested.mean(), abs=0.15)
    alone, within = fit_people(votes), fit_people(votes, groups=groups)
    assert alone.reliability[members].mean() < 0.65
    assert within.reliability[members].mean() == pytest.approx(within.reliability[~members].mean(), abs=0.05)


def test_each_group_has_its_own_better_answers_and_contested_pairs_stand_out(minority):
    votes, groups = minority.votes, find_groups(minority.votes)
    odds = groups.odds(votes, vote_weights(votes, fit_people(votes, groups=groups).right))
    sides = groups.heard(odds) > 0
    if groups.second[minority.people.minority].mean() < 1 / 2:
        sides = sides[::-1]
    assert np.mean(sides[0] == (minority.difference > 0)) > 0.85
    assert np.mean(sides[1] == (minority.others > 0)) > 0.75
    differ = groups.differ(odds)
    assert differ[minority.contested].mean() > differ[~minority.contested].mean() + 0.15


@pytest.mark.parametrize("bad", [0.0, 0.2])
def test_people_of_one_taste_and_bad_people_are_no_groups(bad):
    for seed in range(3):
        votes = simulate(seed, people=120, pairs=1200, overlap=8, bad=bad).votes
        assert find_groups(votes) is None
        assert try_groups(votes)[0].sure < 1


def test_few_people_are_no_groups():
    rng = np.random.default_rng(0)
    assert find_groups(draw_votes(rng, [(0.9, 0.9)] * (FEWEST_PEOPLE - 1), 50)) is None


@pytest.fixture(scope="module", params=range(3))
def few_votes(request):
    """Thirty per cent of 120 people prefer by another taste, and nobody has voted more than seven times."""
    return simulate(request.param, people=120, pairs=200, overlap=4, bad=0.0, minority=0.3)


def test_a_minority_that_states_it_is_found_by_fewer_votes(few_votes):
    members = few_votes.people.minority
    assert find_groups(few_votes.votes) is None
    groups = find_groups(few_votes.votes, stated=[members])
    assert np.mean((groups.second > 1 / 2) == members) > 0.95
    assert groups.contested == pytest.approx(few_votes.contested.mean(), abs=0.15)


def test_who_states_nothing_is_sorted_by_their_votes(minority):
    members = minority.people.minority
    stated = members & (np.random.default_rng(0).random(len(members)) < 0.7)
    second = find_groups(minority.votes, stated=[stated]).second > 1 / 2
    assert max(np.mean(second == members), np.mean(second != members)) > 0.95


def test_a_stated_group_that_has_nothing_to_do_with_taste_is_not_believed(few_votes):
    any_people = np.random.default_rng(0).permutation(few_votes.people.minority)
    assert find_groups(few_votes.votes, stated=[any_people]) is None
    for seed in range(3):
        drawn = simulate(seed, people=120, pairs=1200, overlap=3, bad=0.2)
        careless, any_people = drawn.people.bad, np.random.default_rng(seed).random(120) < 0.3
        assert find_groups(drawn.votes, stated=[careless, any_people]) is None


def test_a_stated_group_of_fewer_than_ten_voters_is_not_tried(few_votes):
    nine = np.zeros(few_votes.votes.people, dtype=bool)
    nine[np.flatnonzero(few_votes.people.minority)[: FEWEST_PEOPLE - 1]] = True
    assert find_groups(few_votes.votes, stated=[nine]) is find_groups(few_votes.votes, stated=[~nine]) is None


@settings(max_examples=25)
@given(VOTES)
def test_wild_votes_have_groups_or_none(given_votes):
    copies = [(pair, person + 4 * copy, *rest) for copy in range(3) for pair, person, *rest in given_votes]
    votes = make_votes(*copies)
    stated = [np.arange(votes.people) % kinds == 0 for kinds in (1, 2, 3)]
    for evidence in try_groups(votes, None, stated) if len(votes) else ():
        assert np.isfinite([evidence.other, evidence.sure, *evidence.of_each]).all()
    groups = find_groups(votes, None, stated)
    assert groups is None or (np.isfinite(groups.second).all() and 0 < groups.contested <= 1 / 2)


def test_what_groups_hear_of_each_other_is_what_counting_all_cases_gives():
    rng, contested = np.random.default_rng(0), 0.3
    groups, odds = Groups(np.zeros(1), contested, share=0.5), rng.normal(0, 3, (2, 50))
    first, second = np.exp(odds)
    cases = {(1, 1): (1 - contested) * first * second, (0, 0): 1 - contested + 0 * first}
    cases |= {(1, 0): contested * first, (0, 1): contested * second}
    whole = sum(cases.values())
    of_first, of_second = (
        sum(each for case, each in cases.items() if case[group]) / whole for group in (0, 1)
    )
    assert expit(groups.heard(odds)) == pytest.approx(np.stack([of_first, of_second]))
    assert groups.differ(odds) == pytest.approx((cases[1, 0] + cases[0, 1]) / whole)
