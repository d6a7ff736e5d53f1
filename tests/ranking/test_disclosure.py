"""Of which groups figures can be told: whatever is added and subtracted is about enough people."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.disclosure import tellable

people = st.sets(st.integers(0, 24), max_size=25)
FEWEST = 4


def test_a_group_of_enough_people_is_told_and_a_smaller_one_is_not():
    everybody = set(range(30))
    groups = {"ten": set(range(10)), "nine": set(range(10, 19))}
    assert tellable(groups, everybody, 10) == ["ten"]


def test_a_group_that_leaves_few_others_is_not_told_nor_is_one_that_everybody_is_in():
    everybody = set(range(30))
    assert tellable({"most": set(range(21))}, everybody, 10) == []
    assert tellable({"all": everybody}, everybody, 10) == []
    assert tellable({"twenty": set(range(20))}, everybody, 10) == ["twenty"]


def test_of_two_groups_that_differ_by_few_people_the_earlier_one_is_told():
    everybody = set(range(40))
    students, of_biology = set(range(20)), set(range(15))
    assert tellable({"students": students, "of biology": of_biology}, everybody, 10) == ["students"]
    assert tellable({"of biology": of_biology, "students": students}, everybody, 10) == ["of biology"]


def test_groups_that_leave_few_others_together_are_not_both_told():
    everybody = set(range(30))
    town, country = set(range(15)), set(range(15, 27))
    assert tellable({"town": town, "country": country}, everybody, 10) == ["town"]
    assert tellable({"town": town, "country": everybody - town}, everybody, 10) == ["town", "country"]


def test_only_people_who_voted_count():
    members = set(range(12))
    assert tellable({"group": members}, set(range(3, 30)), 10) == []
    assert tellable({"group": members}, set(), 10) == []


@given(st.lists(people, max_size=4), people)
def test_no_sum_of_told_figures_is_about_few_people(groups, voters):
    named = {str(place): members for place, members in enumerate(groups)}
    told = [named[name] & voters for name in tellable(named, voters, FEWEST)]
    for factors in product((-2, -1, 0, 1, 2), repeat=len(told) + 1):
        about = {
            person
            for person in voters
            if factors[0]
            + sum(factor for factor, group in zip(factors[1:], told, strict=True) if person in group)
        }
        assert not 0 < len(about) < FEWEST or len(voters) < FEWEST
