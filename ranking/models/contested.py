"""Which comparisons of a round are settled, which ones people contest, and which are worth more votes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from django.db.models import Exists, OuterRef, Q, QuerySet

from annotator.models import Project, User
from ranking.statistics.consensus import Fit, find_consensus
from ranking.statistics.overlap import is_enough, settled_shares

from .answer_reviews import AnswerReview
from .assignments import Assignment, LapsedAssignment
from .collected import ballots_in
from .judgments import Judgment
from .rounds import Comparison, ComparisonItem, Round

SEVERAL = 2
"""As many votes as it takes to disagree."""


class Said(NamedTuple):
    """What volunteers' votes say about a comparison that somebody has ranked.

    `settled` is the share of its pairs on which one verdict leads, `preferred` that on which the consensus
    prefers an answer, `clear` how sure the consensus is, from 0 to 1.
    """

    votes: int
    settled: float
    preferred: float
    clear: float
    divides: bool

    @property
    def is_settled(self) -> bool:
        return is_enough(self.settled)

    @property
    def is_divided(self) -> bool:
        """People differ in taste about it: more votes would not settle it, nor would a reviewer."""
        return self.votes >= SEVERAL and not self.is_settled and self.divides

    @property
    def is_leaning(self) -> bool:
        """The votes prefer an answer, though by too little to settle it."""
        return self._is_open and is_enough(self.preferred)

    @property
    def is_contested(self) -> bool:
        """Several votes prefer nothing: as it is, no dataset learns from it."""
        return self._is_open and not is_enough(self.preferred)

    @property
    def contest(self) -> float:
        """The more votes there are and the more even they are, the more a reviewer's decision changes."""
        return self.votes * (1 - self.clear)

    @property
    def _is_open(self) -> bool:
        return self.votes >= SEVERAL and not self.is_settled and not self.divides


@dataclass(frozen=True)
class Unsettled:
    """A comparison worth more votes; `is_asked` where somebody may still judge it, `is_decided` where a
    reviewer decided about it.
    """

    comparison: Comparison
    votes: int
    settled_share: float
    is_asked: bool
    is_decided: bool


@dataclass(frozen=True)
class Standing:
    """How many comparisons of a round are settled, leaning, contested, divide people, or have few votes.

    `worth_more` are the leaning and the contested ones, those of which least is settled first.
    """

    settled: int
    leaning: int
    contested: int
    divided: int
    few_votes: int
    worth_more: list[Unsettled]


def standing_of(current: Round, fit: Fit, most: int) -> Standing:
    """Counted anew from volunteers' votes, with `most` that are worth more; blind tests are left out."""
    said = said_in(current, fit)
    each = said.values()
    unsettled = [pk for pk, one in said.items() if one.is_leaning or one.is_contested]
    wanted = sorted(unsettled, key=lambda pk: (said[pk].settled, said[pk].votes, pk))[:most]
    settled, leaning, contested, divided = (
        sum(getattr(one, name) for one in each)
        for name in ("is_settled", "is_leaning", "is_contested", "is_divided")
    )
    few_votes = ordinary_in(current).count() - settled - leaning - contested - divided
    worth_more = [
        Unsettled(one, said[one.pk].votes, said[one.pk].settled, one.is_asked, one.is_decided)  # type: ignore[attr-defined]
        for one in _in_order(wanted)
    ]
    return Standing(settled, leaning, contested, divided, few_votes, worth_more)


def said_in(current: Round, fit: Fit) -> dict[int, Said]:
    """By the ids of comparisons that volunteers ranked; blind tests are left out.

    What reviewers decide is, too, so that a comparison is as contested as before once they take it back.
    """
    judgments = Judgment.objects.in_round(current).of_volunteers().without_excluded()
    ballots = ballots_in(judgments.filter(comparison__in=ordinary_in(current)))
    people = np.unique(ballots.person)
    told = ~np.isin(ballots.person, people[fit.people(people).doubted])
    shares = settled_shares(*(column[told] for column in ballots.ranks))
    found = find_consensus(ballots, fit)
    comparisons, place = np.unique(found.votes.comparison, return_inverse=True)
    votes = found.votes.for_first + found.votes.for_second + found.votes.ties
    columns = (votes, found.decided, np.abs(2 * found.first - 1), found.divided)
    means = [np.bincount(place, column) / np.bincount(place) for column in columns]
    return {
        pk: Said(round(count), shares.get(pk, 0.0), preferred, clear, divides > 0)
        for pk, count, preferred, clear, divides in zip(
            comparisons.tolist(), *(mean.tolist() for mean in means), strict=True
        )
    }


def ordinary_in(current: Round) -> QuerySet[Comparison]:
    """Those that volunteers are given, but for blind tests, of which nobody learns others' votes."""
    return _ordinary(current.comparisons.order_by())


def waiting_for_decision(project: Project) -> QuerySet[Comparison]:
    """Contested comparisons that a reviewer has to decide, those first where that changes most.

    While somebody else may still judge one, votes may settle it. What no dataset will hold needs nobody.
    """
    return free_for_decision(project).filter(contest__isnull=False).order_by("-contest", "pk")


def free_for_decision(project: Project) -> QuerySet[Comparison]:
    """Those that a reviewer may decide: contested ones, and those of which a decision was taken back."""
    given = Judgment.objects.filter(comparison=OuterRef("pk"), by_reviewer=True)
    taken_out = ComparisonItem.objects.filter(
        comparison=OuterRef("pk"), completion__review__decision=AnswerReview.Decision.WITHDRAWN
    )
    asked = Q(Exists(_unfinished()), round__closed_at=None)
    found = _ordinary(Comparison.objects.filter(round__project=project, prompt__withdrawn_at=None))
    return found.filter(Q(contest__isnull=False) | Exists(given)).exclude(
        asked | Exists(given.decisions()) | Exists(taken_out)
    )


def judged_by(reviewer: User) -> Q:
    """Comparisons that somebody was given as a volunteer, who has no other say about them as a reviewer."""
    own = Assignment.objects.of_volunteers().filter(comparison=OuterRef("pk"), volunteer=reviewer)
    lapsed = LapsedAssignment.objects.filter(comparison=OuterRef("pk"), volunteer=reviewer)
    return Q(Exists(own)) | Q(Exists(lapsed))


def _ordinary(comparisons: QuerySet[Comparison]) -> QuerySet[Comparison]:
    tested = Assignment.objects.filter(comparison=OuterRef("pk"), number__lt=0)
    return comparisons.filter(source=Comparison.Source.DESK).exclude(Exists(tested))


def _unfinished() -> QuerySet[Assignment]:
    return Assignment.objects.filter(comparison=OuterRef("pk")).exclude(state=Assignment.State.DONE)


def _in_order(wanted: list[int]) -> list[Comparison]:
    decisions = Judgment.objects.filter(comparison=OuterRef("pk")).decisions()
    marks = {"is_asked": Exists(_unfinished()), "is_decided": Exists(decisions)}
    found = Comparison.objects.select_related("prompt").annotate(**marks).in_bulk(wanted)
    return [found[pk] for pk in wanted]
