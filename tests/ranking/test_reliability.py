"""Reliability of people, and the log odds of pairs, from votes alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from ranking.statistics.reliability import RIGHT, TOLERANCE, WRONG, Checked, fit_people, log_odds
from ranking.statistics.votes import Votes, evidence_of_ranking
from tests.ranking.voting import VOTES, draw_votes, make_votes


def step_by_hand(votes: Votes, right):
    """A step of expectation-maximisation, vote by vote: the log odds of the pairs, then the coins."""
    columns = (votes.pair, votes.person, votes.for_first, votes.first_on_top)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    odds = [1.0] * votes.pairs
    for pair, person, for_first, on_top in rows:
        if_first = right[person][on_top]  # votes for the first answer
        if_second = 1 - right[person][not on_top]
        odds[pair] *= if_first / if_second if for_first else (1 - if_first) / (1 - if_second)
    hits = [[RIGHT - 1, RIGHT - 1] for _ in range(votes.people)]
    misses = [[WRONG - 1, WRONG - 1] for _ in range(votes.people)]
    for pair, person, for_first, on_top in rows:
        first = odds[pair] / (1 + odds[pair])
        hits[person][on_top] += first * for_first
        misses[person][on_top] += first * (not for_first)
        hits[person][not on_top] += (1 - first) * (not for_first)
        misses[person][not on_top] += (1 - first) * for_first
    coins = [[h / (h + m) for h, m in zip(*both, strict=True)] for both in zip(hits, misses, strict=True)]
    return [math.log(each) for each in odds], coins


@given(VOTES)
def test_it_ends_where_a_step_by_hand_changes_nothing(given_votes):
    votes = make_votes(*given_votes)
    right = fit_people(votes).right
    odds, again = step_by_hand(votes, right.tolist())
    assert log_odds(votes, right) == pytest.approx(odds, abs=1e-9)
    assert right == pytest.approx(np.array(again).reshape(-1, 2), abs=TOLERANCE)


@given(VOTES)
def test_all_that_is_said_of_wild_votes_is_a_number_within_its_bounds(given_votes):
    votes = make_votes(*given_votes)
    people = fit_people(votes)
    assert np.all((people.right > 0) & (people.right < 1))
    assert np.all((people.deviation > 0) & (people.deviation < 1 / 2))
    assert np.all(np.isfinite(log_odds(votes, people.right)))


@given(VOTES)
def test_answers_have_no_order_of_their_own(given_votes):
    votes = make_votes(*given_votes)
    turned = replace(votes, for_first=~votes.for_first, first_on_top=~votes.first_on_top)
    there, back = fit_people(votes), fit_people(turned)
    assert there.right == pytest.approx(back.right, abs=1e-9)
    assert log_odds(votes, there.right) == pytest.approx(-log_odds(turned, back.right), abs=1e-9)


def test_who_decides_by_the_place_is_worth_nothing_and_a_contrary_person_counts_the_other_way():
    good = [(0.8, 0.8)] * 4
    votes = draw_votes(np.random.default_rng(0), [*good, (0.02, 0.98), (0.2, 0.2), (0.5, 0.5)], 300)
    people = fit_people(votes)
    assert people.reliability == pytest.approx([0.8] * 4 + [0.5, 0.2, 0.5], abs=0.06)
    alone = [make_votes((0, person, True, True)) for person in (0, 4, 5, 6)]
    for vote, expected in zip(alone, (1.4, 0, -1.4, 0), strict=True):
        assert log_odds(vote, people.right)[0] == pytest.approx(expected, abs=0.5)


def test_one_person_is_taken_as_the_prior_has_them():
    people = fit_people(make_votes((0, 0, True, True), (1, 0, False, True)))
    assert people.reliability == pytest.approx([0.75], abs=0.05)


def test_one_account_with_very_many_votes_is_judged_by_those_that_others_share():
    rng = np.random.default_rng(3)
    shared = draw_votes(rng, [(0.8, 0.8)] * 5 + [(0.5, 0.5)], 100)
    alone = np.arange(100, 200_000)
    flood = [
        alone,
        np.full(len(alone), 5),
        rng.random(len(alone)) < 0.5,
        rng.random(len(alone)) < 0.5,
    ]
    known = (shared.pair, shared.person, shared.for_first, shared.first_on_top)
    columns = [np.concatenate(both) for both in zip(known, flood, strict=True)]
    votes = Votes.of(*columns, np.ones(len(columns[0])))
    people = fit_people(votes)
    assert people.reliability[:5] == pytest.approx([0.8] * 5, abs=0.1)
    assert people.deviation[5] < 0.1 and np.isfinite(log_odds(votes, people.right)).all()


def test_known_answers_make_a_person_more_or_less_reliable():
    votes = make_votes((0, 0, True, True), (0, 1, False, True))
    people = fit_people(votes, Checked(right=np.array([9.0, 1.0]), wrong=np.array([1.0, 9.0])))
    assert people.reliability[0] > 0.8 and people.reliability[1] < 0.45
    assert log_odds(votes, people.right)[0] > 1
    assert np.all(people.deviation < fit_people(votes).deviation)


def test_the_deviation_is_how_far_estimates_lie_apart():
    rng = np.random.default_rng(1)
    fits = [fit_people(draw_votes(rng, [(0.75, 0.75)] * 4, 60)) for _ in range(60)]
    apart = np.std([fit.reliability for fit in fits])
    assert np.mean([fit.deviation for fit in fits]) == pytest.approx(apart, rel=0.2)


def test_a_ranking_counts_for_less_than_as_many_votes():
    assert evidence_of_ranking(np.array([2, 4, 8])) == pytest.approx([1, 9 / 13, 9 / 21])
    rng = np.random.default_rng(2)
    for answers in (2, 4, 8):
        pairs = answers * (answers - 1) // 2
        right = [
            np.sum(np.triu(np.sign(np.subtract.outer(*[rng.permutation(answers)] * 2)) > 0))
            for _ in range(4000)
        ]
        assert np.var(right) * evidence_of_ranking(answers) == pytest.approx(pairs / 4, rel=0.1)
