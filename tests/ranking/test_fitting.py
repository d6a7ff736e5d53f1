"""What is found out about people from all ballots of a project."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quality.people import simulate
from ranking.statistics.ballots import Ballots
from ranking.statistics.consensus import Fit, find_consensus
from ranking.statistics.fitting import fit_votes

RANKINGS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.lists(st.integers(1, 3), min_size=2, max_size=4)),
    max_size=40,
    unique_by=lambda one: one[:2],
)


def ballots_of(drawn) -> Ballots:
    """Each vote of a simulation as a judgment of two answers; the pair's number is the comparison's."""
    votes = drawn.votes
    number = np.arange(len(votes))
    sides = [
        (0, 2 - votes.for_first, 1 - votes.first_on_top),
        (1, 1 + votes.for_first, 0 + votes.first_on_top),
    ]
    columns = [
        (number, votes.pair, votes.person, 2 * votes.pair + answer, rank, place)
        for answer, rank, place in sides
    ]
    return Ballots(*(np.concatenate(each) for each in zip(*columns, strict=True)))


def test_people_are_found_and_weighed_by_how_often_they_are_right():
    drawn = simulate(0, people=100, pairs=2000)
    ballots = ballots_of(drawn)
    fit = fit_votes(ballots, {})
    bad = drawn.people.bad
    reliability = np.array([(fit.known[one].if_first + fit.known[one].if_second) / 2 for one in range(100)])
    assert reliability[bad].mean() < 0.55 < 0.75 < reliability[~bad].mean()
    assert fit.contested is None and 1 < fit.temperature < 3
    right = [
        np.mean((find_consensus(ballots, each).first > 1 / 2) == (drawn.difference > 0))
        for each in (fit, Fit({}))
    ]
    assert right[0] > right[1] + 0.02


def test_groups_of_people_are_kept_with_their_members():
    drawn = simulate(1, people=120, pairs=1200, overlap=8, bad=0.0, minority=0.3)
    fit = fit_votes(ballots_of(drawn), {})
    assert fit.contested == pytest.approx(drawn.contested.mean(), abs=0.15)
    second = np.array([fit.known[one].in_second for one in range(120)]) > 1 / 2
    assert max(np.mean(second == drawn.people.minority), np.mean(second != drawn.people.minority)) > 0.95
    found = find_consensus(ballots_of(drawn), fit)
    assert drawn.contested[found.divided].mean() > 0.8


def test_people_who_state_a_group_are_one_where_their_votes_say_so():
    drawn = simulate(0, people=120, pairs=200, overlap=4, bad=0.0, minority=0.3)
    ballots, stated = ballots_of(drawn), set(np.flatnonzero(drawn.people.minority).tolist())
    fit = fit_votes(ballots, {}, [stated])
    assert fit_votes(ballots, {}).contested is None and fit.contested > 0.3
    found = {one for one, known in fit.known.items() if known.in_second > 1 / 2}
    assert len(found ^ stated) < 6


def test_practice_tells_of_those_who_have_judged_little():
    ballots = Ballots.of([(0, 1, 5, 11, 1, 0), (0, 1, 5, 12, 2, 1)])
    better, worse = (fit_votes(ballots, {5: counts}).known[5].if_first for counts in ((8, 0), (0, 8)))
    assert worse < 0.5 < 0.75 < better


@settings(max_examples=40, deadline=None)
@given(RANKINGS)
def test_of_wild_ballots_all_that_is_said_is_a_number_within_its_bounds(rankings):
    rows = [
        (judgment, comparison, person, 10 * comparison + answer, rank, answer)
        for judgment, (comparison, person, ranks) in enumerate(rankings)
        for answer, rank in enumerate(ranks)
    ]
    fit = fit_votes(Ballots.of(rows), {})
    values = np.array(list(fit.known.values())).reshape(-1, 4)
    assert np.all((values[:, :2] > 0) & (values[:, :2] < 1)) and np.all((values >= 0) & (values <= 1))
    assert np.isfinite(fit.temperature) and 0 <= fit.share <= 1
    first = find_consensus(Ballots.of(rows), fit).first
    assert np.all((first >= 0) & (first <= 1))
