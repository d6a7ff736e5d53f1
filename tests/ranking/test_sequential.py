"""The stopping rule of the blind test: its interval, when it decides, and what it cannot know."""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.sequential import LOOKS, PRIOR_SD, Look, Verdict, decide, look

RHO2 = (-2 * log(0.05) + log(1 - 2 * log(0.05))) / 300


@st.composite
def votes(draw, least=1, most=640):
    """Outcomes, people and prompts; often of few people, of few prompts, or nearly all alike."""
    number = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    wins, ties = draw(
        st.sampled_from([(0.5, 0.25), (0.8, 0.1), (1.0, 0.0), (0.0, 1.0), (0.02, 0.97), (0.3, 0)])
    )
    outcome = rng.choice([1.0, 0.5, 0.0], number, p=[wins, ties, 1 - wins - ties if wins + ties < 1 else 0])
    people, prompts = (draw(st.integers(1, 200)) for _ in range(2))
    return outcome, rng.integers(0, people, number), rng.integers(0, prompts, number)


def make_votes(wins, ties=0, losses=0, people=10, prompts=50, seed=0):
    """So many votes, by people and about prompts in turn, in an order of chance."""
    outcome = np.repeat([1.0, 0.5, 0.0], [wins, ties, losses])
    order = np.random.default_rng(seed).permutation(len(outcome))
    place = np.arange(len(outcome))
    return outcome[order], place % people, place % prompts


def assert_alike(first: Look, second: Look) -> None:
    assert first.verdict is second.verdict
    for field in ("votes", "mean", "variance", "low", "high", "shrunken"):
        assert getattr(first, field) == pytest.approx(getattr(second, field), abs=1e-9)


def test_variance_and_interval_are_those_computed_by_hand():
    # The mean is 1/2; e is 1/2, 1/2, 0, -1/2, -1/2, 0, and s² = (4/4)/6 = 1/6.
    outcome = np.array([1, 1, 0.5, 0, 0, 0.5])
    person = np.array([7, 7, 7, 9, 9, 9])  # sums of e: 1 and -1, so 2 · 2/1 = 4
    prompt = np.array([1, 2, 3, 1, 2, 3])  # sums of e: 0, 0, 0
    found = look(outcome, person, prompt)
    assert found.mean == 0.5
    assert found.variance == pytest.approx((4 + 0 - 1) / 36)
    effective = (1 / 6) / (3 / 36)
    half = sqrt(3 / 36 * (1 + 1 / (effective * RHO2)) * log((effective * RHO2 + 1) / 0.05**2))
    assert half > 0.5 and (found.low, found.high) == (0, 1)


def test_a_long_interval_is_that_computed_by_hand():
    # 400 votes, each by a person and about a prompt of its own: V = s² (2 · 400/399 - 1) / 400.
    found = look(np.repeat([1.0, 0.0], 200), np.arange(400), np.arange(400))
    variance = 0.25 * (800 / 399 - 1) / 400
    effective = 0.25 / variance
    half = sqrt(variance * (1 + 1 / (effective * RHO2)) * log((effective * RHO2 + 1) / 0.05**2))
    assert found.variance == pytest.approx(variance)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half))


@given(votes())
def test_variance_is_that_of_the_formula(given_votes):
    outcome, person, prompt = given_votes
    if min(len(set(person)), len(set(prompt)), len(set(outcome))) < 2:
        return
    error, n = outcome - outcome.mean(), len(outcome)

    def spread(ids):
        groups = [ids == group for group in set(ids)]
        effective = n**2 / sum(group.sum() ** 2 for group in groups)
        return sum(error[group].sum() ** 2 for group in groups) * effective / (effective - 1)

    clustered = (spread(person) + spread(prompt) - (error**2).sum()) / n**2
    assert look(*given_votes).variance == pytest.approx(max(clustered, (error**2).mean() / n))


def test_votes_that_contradict_each_other_within_people_are_no_surer_than_independent_ones():
    outcome = np.tile([1.0, 0.0], 100)
    person = prompt = np.arange(200) // 2
    assert look(outcome, person, prompt).variance == pytest.approx(0.25 / 200)


@given(votes())
def test_swapping_sides_swaps_the_verdict(given_votes):
    outcome, person, prompt = given_votes
    one, other = look(outcome, person, prompt), look(1 - outcome, person, prompt)
    swapped = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert other.verdict is swapped.get(one.verdict, one.verdict)
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low))
    assert other.shrunken == pytest.approx(1 - one.shrunken)


@given(votes(), st.integers(0, 1000))
def test_order_of_votes_does_not_matter_to_a_look(given_votes, seed):
    order = np.random.default_rng(seed).permutation(len(given_votes[0]))
    assert_alike(look(*given_votes), look(*(column[order] for column in given_votes)))


@given(votes(), st.integers(0, 1000))
def test_names_of_people_and_prompts_do_not_matter(given_votes, seed):
    outcome, person, prompt = given_votes
    names = np.random.default_rng(seed).permutation(10**4) - 5000
    assert_alike(look(outcome, person, prompt), look(outcome, names[person], names[prompt + 300]))


@given(votes(least=2), st.integers(2, 4))
def test_more_of_the_same_votes_by_others_about_others_narrow_the_interval(given_votes, times):
    outcome, person, prompt = given_votes
    many = (
        np.tile(outcome, times),
        np.concatenate([person + 1000 * time for time in range(times)]),
        np.concatenate([prompt + 1000 * time for time in range(times)]),
    )
    few, many = look(*given_votes), look(*many)
    assert many.high - many.low <= few.high - few.low


@given(votes(least=0))
def test_a_verdict_lies_on_its_side_of_the_interval_and_nothing_is_nan(given_votes):
    found = look(*given_votes)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.variance > 0 and min(found.mean, 0.5) <= found.shrunken <= max(found.mean, 0.5)
    if found.verdict is Verdict.BETTER:
        assert found.low > 0.5
    elif found.verdict is Verdict.WORSE:
        assert found.high < 0.5
    elif found.verdict is Verdict.NO_DIFFERENCE:
        assert found.low <= 0.5 <= found.high
    else:
        assert found.votes < 600


@given(votes(least=60))
def test_the_gate_stops_at_the_first_look_that_decides(given_votes):
    counts = [count for count in LOOKS if count <= len(given_votes[0])]
    looks = [look(*(column[:count] for column in given_votes)) for count in counts]
    decided = [one for one in looks if one.verdict is not Verdict.GO_ON]
    assert_alike(decide(*given_votes), (decided or looks[-1:])[0])


def test_votes_between_two_looks_change_nothing():
    undecided = make_votes(wins=30, losses=30)
    more = [
        np.concatenate([column, extra]) for column, extra in zip(undecided, make_votes(wins=19), strict=True)
    ]
    assert look(*more).mean > 0.6
    assert_alike(decide(*more), look(*undecided))


def test_clear_votes_decide_for_their_side_at_the_first_look():
    assert decide(*make_votes(wins=60, ties=10, losses=10)).verdict is Verdict.BETTER
    assert decide(*make_votes(wins=10, ties=10, losses=60)).verdict is Verdict.WORSE
    assert decide(*make_votes(wins=60, ties=10, losses=10)).votes == 60


def test_an_interval_near_a_half_is_no_difference_before_the_last_look():
    found = look(*make_votes(wins=10, ties=380, losses=10))
    assert found.verdict is Verdict.NO_DIFFERENCE
    assert 0.45 <= found.low < 0.5 < found.high <= 0.55


def test_the_last_look_ends_without_a_difference_where_the_interval_is_still_wide():
    assert look(*make_votes(wins=310, losses=289)).verdict is Verdict.GO_ON
    assert look(*make_votes(wins=310, losses=290)).verdict is Verdict.NO_DIFFERENCE


def test_the_looks_are_every_20_votes_from_60_to_600():
    assert list(LOOKS) == list(range(60, 601, 20))


def test_fewer_votes_than_a_look_needs_say_nothing():
    for number in (1, 2, 59):
        assert decide(*make_votes(wins=number)).verdict is Verdict.GO_ON
    assert decide(*make_votes(wins=60)).verdict is Verdict.BETTER


def test_no_votes_say_nothing():
    found = decide(*(np.array([], dtype) for dtype in (float, int, int)))
    assert (found.verdict, found.votes, found.mean, found.shrunken) == (Verdict.GO_ON, 0, 0.5, 0.5)
    assert (found.low, found.high) == (0, 1)


@pytest.mark.parametrize("kind", ["people", "prompts"])
def test_votes_of_one_person_or_about_one_prompt_release_nothing(kind):
    found = decide(*make_votes(wins=580, **{kind: 1}))
    assert (found.verdict, found.votes) == (Verdict.GO_ON, 580)
    assert (found.low, found.high, found.shrunken) == (0, 1, 0.5)
    assert decide(*make_votes(wins=600, **{kind: 1})).verdict is Verdict.NO_DIFFERENCE


@pytest.mark.parametrize(
    ("kind", "verdict"), [("wins", "better"), ("losses", "worse"), ("ties", "no difference")]
)
def test_votes_that_are_all_alike_count_as_if_two_had_differed(kind, verdict):
    found = look(*make_votes(**{"wins": 0, kind: 100}))
    two_more = np.array([found.mean] * 100 + [1.0, 0.0])
    assert found.variance == pytest.approx(two_more.var() / 100)
    assert found.high - found.low > 0.01
    assert found.verdict == verdict


def test_one_vote_that_differs_makes_the_interval_hardly_other_than_none():
    alike, nearly = look(*make_votes(wins=100)), look(*make_votes(wins=99, losses=1))
    assert nearly.low == pytest.approx(alike.low, abs=0.02)


def test_people_who_disagree_stably_widen_the_interval():
    rng = np.random.default_rng(0)
    person, prompt = np.arange(300) % 10, rng.permutation(300)
    by_taste = np.where(person < 7, 1.0, 0.0)
    by_chance = rng.permutation(by_taste)
    assert look(by_chance, person, prompt).verdict is Verdict.BETTER
    assert look(by_taste, person, prompt).verdict is Verdict.GO_ON


def test_the_shrunken_mean_is_that_of_the_posterior():
    found = look(*make_votes(wins=60, ties=20, losses=20))
    precision, prior = 1 / found.variance, 1 / PRIOR_SD**2
    expected = (precision * found.mean + prior * 0.5) / (precision + prior)
    assert found.shrunken == pytest.approx(expected)
    assert 0.5 < found.shrunken < found.mean
