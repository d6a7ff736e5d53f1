"""What answers to gold questions say: of people, of the temperature, and who is told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.quality.people import simulate
from ranking.statistics.ballots import Ballots
from ranking.statistics.consensus import Fit, Known
from ranking.statistics.fitting import fit_votes
from ranking.statistics.gold import GoldVotes, is_told
from ranking.statistics.reliability import USUAL, fit_people
from ranking.statistics.temperature import FEWEST_KNOWN_PAIRS, temperature_of, temperature_of_known


def ballots(*judgments: tuple[int, int, dict[int, int]]) -> Ballots:
    """Of (person, question, ranks by completion), answers shown in order of their ids."""
    return Ballots.of(
        [
            (number, question, person, completion, rank, place)
            for number, (person, question, ranks) in enumerate(judgments)
            for place, (completion, rank) in enumerate(sorted(ranks.items()))
        ]
    )


def test_votes_for_the_better_answer_are_right_and_ties_say_nothing():
    known = {(1, 10): 1, (1, 11): 2, (2, 20): 2, (2, 21): 1}
    votes = GoldVotes.of(
        ballots(
            (5, 1, {10: 1, 11: 2}),
            (5, 2, {20: 1, 21: 2}),
            (6, 1, {10: 1, 11: 1}),
            (7, 2, {20: 2, 21: 1}),
        ),
        known,
    )
    assert votes.by_person() == {5: (1.0, 1.0), 7: (1.0, 0.0)}
    assert votes.by_question() == {1: (1.0, 0.0), 2: (1.0, 1.0)}


def test_answers_that_are_known_to_be_equal_may_be_ranked_in_any_order():
    known = {(1, 10): 1, (1, 11): 2, (1, 12): 2}
    votes = GoldVotes.of(ballots((5, 1, {10: 1, 11: 2, 12: 3}), (6, 1, {10: 2, 11: 1, 12: 3})), known)
    each = 9 / 11  # of a ranking of three answers
    assert votes.by_person() == {5: (2 * each, 0.0), 6: (each, each)}


def test_without_answers_nothing_is_known():
    votes = GoldVotes.of(ballots(), {})
    assert votes.by_person() == {} == votes.by_question()
    assert temperature_of_known(votes, Fit({}), 1) is None


@pytest.mark.parametrize(
    ("right", "wrong", "told"), [(0, 7, False), (3, 5, True), (4, 4, False), (9, 11, True), (15, 5, False)]
)
def test_who_is_wrong_too_often_is_told_after_eight_questions(right, wrong, told):
    assert is_told(right + wrong, right, wrong) == told


def test_few_questions_with_many_answers_each_tell_nobody():
    known = {(question, answer): answer for question in range(9) for answer in range(1, 5)}
    backwards = {answer: 5 - answer for answer in range(1, 5)}
    asked = [[(5, question, backwards) for question in range(number)] for number in (7, 8)]
    assert [GoldVotes.of(ballots(*each), known).often_wrong() for each in asked] == [[], [5]]


@given(st.integers(0, 60), st.integers(1, 60))
def test_nobody_is_told_for_one_more_right_answer(right, wrong):
    asked = right + wrong + 8
    assert is_told(asked, right, wrong + 1) or not is_told(asked, right, wrong)
    assert not is_told(asked, right + 1, wrong) or is_told(asked, right, wrong)


def known_votes(drawn, chosen):
    """The votes on some pairs of a simulation as if these were gold questions."""
    votes = drawn.votes.among(chosen[drawn.votes.pair])
    people = np.arange(votes.people)
    return GoldVotes(votes, people, np.arange(votes.pairs), drawn.difference > 0)


def fit_of(drawn):
    people = fit_people(drawn.votes)
    rows = zip(*people.right.T, people.deviation, strict=True)
    return Fit({number: Known(*row, 0.0) for number, row in enumerate(rows)})


def test_few_known_pairs_say_nothing_of_the_temperature():
    drawn = simulate(1, pairs=400, people=60)
    enough = np.arange(400) < FEWEST_KNOWN_PAIRS
    assert temperature_of_known(known_votes(drawn, enough), fit_of(drawn), 3) is not None
    assert temperature_of_known(known_votes(drawn, enough & (np.arange(400) > 0)), fit_of(drawn), 3) is None
    assert temperature_of_known(known_votes(drawn, enough), fit_of(drawn), 4) is None  # each has three


def test_many_votes_on_known_pairs_give_the_temperature_of_few_votes_on_others():
    often = simulate(2, pairs=4000, people=800, overlap=15)
    few = replace(often, votes=often.votes.among(np.arange(len(often.votes)) % 15 < 3))
    gold, others = (known_votes(each, np.ones(4000, dtype=bool)) for each in (often, few))
    fit = fit_of(few)
    of_few = temperature_of_known(others, fit, 3)
    assert temperature_of_known(gold, fit, 3) == pytest.approx(of_few, rel=0.1)
    assert temperature_of_known(gold, fit, 15) > 1.5 * of_few


def test_clear_pairs_seem_to_say_that_votes_can_be_trusted_more_than_they_can():
    """The reason why known pairs may raise the temperature and not lower it."""
    drawn = simulate(4, pairs=5000, people=300)
    clear = np.abs(drawn.difference) > np.median(np.abs(drawn.difference))
    found = temperature_of_known(known_votes(drawn, clear), fit_of(drawn), 3)
    assert found < 0.8 * temperature_of(drawn.votes, fit_people(drawn.votes))


def ballots_of(drawn):
    """Each vote as a judgment of two answers, 2 p and 2 p + 1 of pair p."""
    votes = drawn.votes
    number, first = np.arange(len(votes)), 2 * votes.pair
    columns = [
        (number, votes.pair, votes.person, first, 2 - votes.for_first, 1 - votes.first_on_top),
        (number, votes.pair, votes.person, first + 1, 1 + votes.for_first, votes.first_on_top),
    ]
    return Ballots(*(np.concatenate(each).astype(np.int64) for each in zip(*columns, strict=True)))


def test_known_pairs_raise_the_temperature_and_never_lower_it():
    drawn = simulate(5, pairs=600, people=60)
    ballots, gold = ballots_of(drawn), known_votes(drawn, np.ones(600, dtype=bool))
    without = fit_votes(ballots, {}).temperature
    wrong = np.random.default_rng(0).random(600) < 0.4  # people are wrong together about many
    harder = replace(gold, first_is_better=gold.first_is_better ^ wrong)
    majority = drawn.votes.by_pair(2.0 * drawn.votes.for_first - 1) > 0
    easier = replace(gold, first_is_better=majority)
    assert fit_votes(ballots, {}, gold=harder).temperature > 1.5 * without
    assert fit_votes(ballots, {}, gold=easier).temperature == without
    assert fit_votes(Ballots.of([]), {}, gold=gold).temperature >= USUAL
