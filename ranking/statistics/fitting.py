"""Finding out from all votes of a project what is known of its people: `Fit`."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

import numpy as np

from .ballots import Ballots, votes_of
from .consensus import Fit, Known
from .gold import GoldVotes
from .groups import find_groups
from .reliability import Checked, Groups, fit_people
from .temperature import temperature_of, temperature_of_known
from .votes import Votes


def fit_votes(
    ballots: Ballots,
    checked: Mapping[int, tuple[float, float]],
    stated: Collection[AbstractSet[int]] = (),
    gold: GoldVotes | None = None,
) -> Fit:
    """What the ballots say of people; `checked` has how many known answers each had right and wrong, by id.

    `stated` has the ids of those who state each group. Groups come first: the reliability of people in a
    minority is told by what their own group prefers. Votes on enough known pairs may raise the temperature,
    not lower it: who marks pairs as known takes clear ones, on which people are wrong together less often
    than on others.
    """
    votes, ids = votes_of(ballots)[1:]
    right, wrong = np.array([checked.get(one, (0.0, 0.0)) for one in ids.tolist()]).reshape(-1, 2).T
    known = Checked(right, wrong)
    groups = find_groups(votes, known, [np.isin(ids, list(each)) for each in stated])
    people = fit_people(votes, known, groups)
    second = groups.second if groups else np.zeros(len(ids))
    columns = np.column_stack([people.right, people.deviation, second]).tolist()
    fit = Fit(
        known={one: Known(*values) for one, values in zip(ids.tolist(), columns, strict=True)},
        temperature=temperature_of(_within(votes, groups), people),
        contested=groups.contested if groups else None,
        share=groups.share if groups else 0.0,
    )
    known_pairs = temperature_of_known(gold, fit, _votes_each(votes)) if gold else None
    return replace(fit, temperature=max(fit.temperature, known_pairs or 0.0))


def _votes_each(votes: Votes) -> int:
    """How many votes a pair has that has any."""
    return max(1, round(len(votes) / max(1, len(np.unique(votes.pair)))))


def _within(votes: Votes, groups: Groups | None) -> Votes:
    """The votes of each group as if on pairs of its own: what it prefers is no error of the other."""
    if groups is None:
        return votes
    of_second = groups.second[votes.person] > 1 / 2
    return replace(votes, pair=votes.pair + votes.pairs * of_second, pairs=2 * votes.pairs)
