"""The temperature of log odds: from known pairs, and from votes alone."""

import numpy as np
import pytest
from hypothesis import given
from scipy.special import expit

from benchmarks.quality.consensus import calibration_error
from benchmarks.quality.people import simulate
from ranking.statistics.reliability import USUAL, fit_people, log_odds
from ranking.statistics.temperature import fit_temperature, temperature_of
from tests.ranking.voting import VOTES, make_votes


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_known_pairs_show_how_far_log_odds_say_too_much(temperature):
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 3, 20_000)
    known = rng.random(len(odds)) < expit(odds / temperature)
    assert fit_temperature(odds, known.astype(float)) == pytest.approx(temperature, rel=0.1)


def test_without_pairs_or_evidence_it_is_the_usual_one():
    nothing = make_votes()
    assert fit_temperature(np.zeros(0), np.zeros(0)) == USUAL
    assert temperature_of(nothing, fit_people(nothing)) == USUAL


def test_votes_alone_show_that_people_err_together_on_close_pairs():
    drawn = simulate(1, pairs=3000, people=150)
    people = fit_people(drawn.votes)
    odds, truth = log_odds(drawn.votes, people.right), drawn.difference > 0
    temperature = temperature_of(drawn.votes, people)
    assert 1.2 < temperature < 2.5
    assert calibration_error(expit(odds / temperature), truth) < calibration_error(expit(odds), truth) - 0.02


@given(VOTES)
def test_wild_votes_have_a_temperature(given_votes):
    votes = make_votes(*given_votes)
    assert 0.3 < temperature_of(votes, fit_people(votes)) < 21
