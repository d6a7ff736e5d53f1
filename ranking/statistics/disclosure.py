"""Of which groups figures can be told without telling about few people."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet


def tellable(groups: Mapping[str, AbstractSet[int]], people: AbstractSet[int], fewest: int) -> list[str]:
    """The names of groups of which figures about `people` can be told, earlier ones before later ones.

    Figures of groups, and of all, are sums over people, so whoever sees several can add and subtract them.
    By which of the told groups they are in, people fall into sets, and what comes of any adding and
    subtracting is about whole sets. So a group is told only if each set then has `fewest` people or more. One
    that everybody is in is never told: that alone would say it of each of them.
    """
    told, sets = [], [set(people)]
    for name, members in groups.items():
        split = [part for each in sets for part in (each & members, each - members) if part]
        if people & members and people - members and min(map(len, split)) >= fewest:
            told.append(name)
            sets = split
    return told
