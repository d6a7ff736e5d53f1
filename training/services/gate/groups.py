"""What the groups that volunteers state said in a blind test."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from annotator.limits import FEWEST_PEOPLE
from annotator.models import Completion, StatedGroup
from ranking.models import Judgment
from ranking.models.collected import ranks_in
from ranking.models.judgments import JudgmentQuerySet
from ranking.statistics.agreement import agreement_by_judgment
from ranking.statistics.ballots import sides_of
from ranking.statistics.by_person import mean_of_people
from ranking.statistics.disclosure import tellable
from ranking.statistics.sequential import Column, Ids
from training.models import BlindTest, GroupFigure
from training.services.evaluations import rows_of

from .slices import LEVEL
from .votes import judgments_of, votes_of

Measure = GroupFigure.Measure
Groups = Mapping[str, set[int]]


@dataclass(frozen=True)
class Said:
    """Columns of N values in [0, 1], each of one person about one prompt."""

    value: Column
    person: Ids
    prompt: Ids

    @classmethod
    def in_judgments(cls, judgments: JudgmentQuerySet, values: Mapping[int, float]) -> Self:
        """The values, by the ids of judgments, with whose they are and what about."""
        rows = judgments.order_by().values_list("pk", "volunteer", "comparison__prompt")
        found = [(values[pk], person, prompt) for pk, person, prompt in rows if pk in values]
        value, person, prompt = np.array(found, dtype=np.float64).reshape(-1, 3).T
        return cls(value, person.astype(np.int64), prompt.astype(np.int64))

    def at(self, rows: NDArray[np.bool_]) -> Self:
        return type(self)(self.value[rows], self.person[rows], self.prompt[rows])

    @property
    def people(self) -> set[int]:
        return set(self.person.tolist())

    def of_groups(self, groups: Groups, level: float) -> Iterator[dict[str, Any]]:
        """The names, people and means with intervals of those that can be told of."""
        for name in tellable(groups, self.people, FEWEST_PEOPLE):
            is_theirs = np.isin(self.person, list(groups[name]))
            theirs = self.at(is_theirs)
            found = mean_of_people(theirs.value, theirs.person, theirs.prompt, level=level)
            yield {"name": name, "people": len(self.people & groups[name]), **vars(found)}


def count_groups(test: BlindTest) -> None:
    """Store what each group said in a test that ends now, of those that can be told of.

    Votes of simulated volunteers count for no group, and hide nobody.
    """
    stated = StatedGroup.objects.people_of(test.candidate.project)
    if not stated:
        return
    won = _won(test)
    told = tellable(stated, won.people, FEWEST_PEOPLE)
    groups, level = {name: stated[name] for name in told}, 1 - (1 - LEVEL) / max(1, len(told))
    said = {Measure.WON: won, Measure.REWARDED: _rewarded(test), Measure.AGREEMENT: _agreement(test)}
    GroupFigure.objects.bulk_create(
        GroupFigure(test=test, measure=measure, **figure)
        for measure, values in said.items()
        for figure in values.of_groups(groups, level)
    )


def _won(test: BlindTest) -> Said:
    """What the candidate won in each vote."""
    votes = votes_of(test)
    return Said(votes.outcome, votes.person, votes.prompt).at(~votes.is_simulated)


def _rewarded(test: BlindTest) -> Said:
    """Of the answers of which a voter preferred one, how often the reward model gives that one more."""
    judgments = judgments_of(test).of_people()
    scores, sides = _scores(test), sides_of(*ranks_in(judgments))
    alike = defaultdict[int, list[float]](list)
    columns = (sides.judgment, sides.first, sides.second, sides.better)
    for judgment, first, second, better in zip(*(column.tolist() for column in columns), strict=True):
        if better and first in scores and second in scores:
            rise = float(np.sign(scores[first] - scores[second]))
            alike[judgment].append((1 + better * rise) / 2)
    return Said.in_judgments(judgments, {judgment: fmean(each) for judgment, each in alike.items()})


def _scores(test: BlindTest) -> dict[int, float]:
    """What the reward model gave the answers in the evaluation, by their ids; none without its file."""
    scores: dict[tuple[str, str], float] = {}
    for row in rows_of(test.candidate.update):
        scores[row.prompt_id, row.before] = row.score_before
        scores[row.prompt_id, row.after] = row.score_after
    answers = Completion.objects.filter(comparisons__in=test.comparisons.all()).values_list(
        "pk", "prompt", "text"
    )
    return {pk: scores[str(prompt), text] for pk, prompt, text in answers if (str(prompt), text) in scores}


def _agreement(test: BlindTest) -> Said:
    """In the round, how often others preferred the same one of two answers."""
    judgments = Judgment.objects.in_round(test.round).at_desk().of_people().without_excluded()
    return Said.in_judgments(judgments, agreement_by_judgment(*ranks_in(judgments)))
