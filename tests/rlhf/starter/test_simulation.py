"""The simulated volunteer: what each of its parameters does to its rankings."""

import numpy as np
import pytest

from training.simulation import SimulatedVolunteer

RANKINGS = 4000


def rank_often(volunteer: SimulatedVolunteer, utilities: list[float], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([volunteer.rank(np.array(utilities), rng) for _ in range(RANKINGS)])


def test_ranks_are_a_permutation_when_nothing_is_tied() -> None:
    ranks = rank_often(SimulatedVolunteer(lapse_rate=0.3, tie_threshold=0), [0.0, 0.0, 1.0, 2.0])
    assert (np.sort(ranks, axis=1) == [1, 2, 3, 4]).all()


def test_same_seed_gives_the_same_rankings() -> None:
    volunteer = SimulatedVolunteer(tie_threshold=0.1)
    assert (rank_often(volunteer, [0, 1, 1]) == rank_often(volunteer, [0, 1, 1])).all()
    assert (rank_often(volunteer, [0, 1, 1]) != rank_often(volunteer, [0, 1, 1], seed=1)).any()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_pairs_follow_bradley_terry(temperature: float) -> None:
    volunteer = SimulatedVolunteer(temperature=temperature, lapse_rate=0, tie_threshold=0)
    ranks = rank_often(volunteer, [0.0, 1.0, 0.3])
    share = (ranks[:, 1] < ranks[:, 0]).mean()
    assert share == pytest.approx(1 / (1 + np.exp(-1 / temperature)), abs=0.03)


def test_first_place_follows_plackett_luce() -> None:
    ranks = rank_often(SimulatedVolunteer(temperature=1, lapse_rate=0, tie_threshold=0), [0.0, 1.0, 2.0])
    worths = np.exp([0.0, 1.0, 2.0])
    assert (ranks == 1).mean(axis=0) == pytest.approx(worths / worths.sum(), abs=0.03)


def test_a_volunteer_that_always_lapses_ranks_at_random() -> None:
    ranks = rank_often(SimulatedVolunteer(temperature=0.01, lapse_rate=1), [0.0, 5.0])
    assert (ranks[:, 0] == 1).mean() == pytest.approx(0.5, abs=0.03)


def test_lapses_spoil_half_their_share_of_clear_pairs() -> None:
    ranks = rank_often(SimulatedVolunteer(temperature=0.01, lapse_rate=0.2), [0.0, 5.0])
    assert (ranks[:, 0] == 1).mean() == pytest.approx(0.1, abs=0.02)


def test_position_bias_favours_what_is_shown_first() -> None:
    volunteer = SimulatedVolunteer(temperature=1, lapse_rate=0, position_bias=1, tie_threshold=0)
    mean_rank = rank_often(volunteer, [0.0, 0.0, 0.0]).mean(axis=0)
    assert mean_rank[0] < mean_rank[1] < mean_rank[2]
    pair = rank_often(volunteer, [0.0, 0.0])
    assert (pair[:, 0] == 1).mean() == pytest.approx(1 / (1 + np.exp(-1)), abs=0.03)


def test_equals_are_tied_as_often_as_rao_and_kupper_say() -> None:
    volunteer = SimulatedVolunteer(temperature=1, lapse_rate=0, tie_threshold=0.5)
    ranks = rank_often(volunteer, [0.0, 0.0])
    assert (ranks[:, 0] == ranks[:, 1]).mean() == pytest.approx(np.tanh(0.25), abs=0.03)


def test_near_equals_are_tied_and_ranks_leave_no_gap() -> None:
    volunteer = SimulatedVolunteer(temperature=0.001, lapse_rate=0, tie_threshold=0.2)
    ranks = rank_often(volunteer, [2.0, 0.0, 1.95])
    assert (ranks == [1, 2, 1]).all()


@pytest.mark.parametrize(
    "faulty", [{"temperature": 0}, {"lapse_rate": 1.5}, {"tie_threshold": -1}, {"temperature": np.nan}]
)
def test_refuses_meaningless_parameters(faulty: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(faulty))):
        SimulatedVolunteer(**faulty)


def test_refuses_utilities_that_are_no_numbers() -> None:
    with pytest.raises(ValueError, match="finite"):
        SimulatedVolunteer().rank(np.array([0.0, np.nan]), np.random.default_rng(0))
