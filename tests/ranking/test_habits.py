"""Habits of a person: times, words, and their part of all votes."""

import numpy as np
import pytest

from ranking.statistics.habits import Part, Shared, large_parts, repeated_text, shared_texts, times_of


def test_who_is_quicker_than_anybody_reads_is_hasty_from_twenty_rankings_on():
    letters = np.full(20, 1000)
    quick, slow = np.full(20, 9.0), np.full(20, 11.0)
    assert times_of(quick, letters).are_hasty and not times_of(slow, letters).are_hasty
    assert not times_of(quick[:19], letters[:19]).are_hasty
    half = np.r_[quick[:10], slow[:10]]
    assert times_of(half, letters).hasty == 10 and not times_of(half, letters).are_hasty


def test_times_that_hardly_differ_are_even():
    rng = np.random.default_rng(0)
    letters = np.full(40, 100)
    assert times_of(rng.normal(30, 0.5, 40), letters).are_even
    assert not times_of(rng.lognormal(3.4, 0.5, 40), letters).are_even
    assert not times_of(np.array([]), np.array([], dtype=np.int64)).are_even


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["It says why, and where from."] * 4, None),
        (["It says why, and where from."] * 5, ("It says why, and where from.", 5)),
        (
            ["IT SAYS why and where from"] + ["It says why, and where from."] * 4,
            ("IT SAYS why and where from", 5),
        ),
        (["Clearer."] * 50, None),
        ([f"Answer number {n} says it best." for n in range(50)], None),
        ([], None),
    ],
)
def test_the_same_words_five_times_are_found_unless_everybody_would_write_them(texts, found):
    assert repeated_text(texts) == found


def test_who_writes_the_same_long_texts_as_others_is_found():
    own = [f"Number {n} names its sources, and the other one does not." for n in range(5)]
    written = {1: own, 2: [each.upper() for each in own], 3: own[:4], 4: ["Clearer than the other."] * 9}
    written[5] = written[4]
    found = shared_texts(written)
    assert set(found) == {1, 2} and found[1] == Shared(own[0], 5, 2)


def test_more_than_a_third_of_a_versions_votes_is_one_persons_where_five_people_vote():
    person = np.repeat([1, 2, 3, 4, 5], [30, 10, 10, 10, 10])
    seven = np.full(70, 7)
    assert large_parts(seven, person) == [Part(7, 1, 30, 70)]
    assert large_parts(np.r_[seven, seven + 1], np.r_[person, np.arange(70) % 10]) == [Part(7, 1, 30, 70)]
    assert large_parts(seven, np.minimum(person, 4)) == []
    assert large_parts(seven[:50], person[:50]) == []
