"""The leaderboard of versions: how good each one is, as far as votes tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, log

import numpy as np

from annotator.models import Author
from ranking.statistics.bradley_terry import Counts
from ranking.statistics.consensus import Fit
from ranking.statistics.first_place import leverage_of_first
from ranking.statistics.leverage import Leverage
from ranking.statistics.ratings import Ratings, rate

from .judgments import JudgmentQuerySet
from .version_votes import VersionVotes, version_votes_in

AVERAGE = 1000
"""The mean rating of the versions that are compared with each other."""
SCALE = 400 / log(10)
"""Points of a rating: 400 more are odds of 10 to 1, as in chess (Elo 1978)."""


@dataclass(frozen=True)
class Standing:
    """One version on the board; without `low` and `high` where too few people, or prompts, tell of it."""

    author: Author
    rating: float
    low: float | None
    high: float | None
    rank: int
    votes: int
    people: int


@dataclass(frozen=True)
class Won:
    """How many of its votes against another one a version won, ties as half."""

    points: float
    votes: int

    @property
    def percent(self) -> int:
        return round(100 * self.points / self.votes)


@dataclass(frozen=True)
class Board:
    """Versions that votes connect, the best first, and what each won against each, None where never asked."""

    standings: list[Standing]
    wins: list[list[Won | None]]
    first_place: Leverage
    people: int
    prompts: int
    simulated_votes: int

    @property
    def votes(self) -> int:
        return self.first_place.of

    @property
    def has_unknown(self) -> bool:
        """Whether an interval is unknown."""
        return any(each.low is None for each in self.standings)

    @property
    def rows(self) -> Iterator[tuple[Standing, list[tuple[Won | None, Standing]]]]:
        """Each version with what it won against each, itself among them."""
        for standing, wins in zip(self.standings, self.wins, strict=True):
            yield standing, list(zip(wins, self.standings, strict=True))


@dataclass(frozen=True)
class Leaderboard:
    """The boards, the largest first, and how many people are left out, as their reliability is doubted."""

    boards: list[Board]
    doubted: int


def leaderboard_of(judgments: JudgmentQuerySet, fit: Fit) -> Leaderboard:
    """The leaderboard by judgments of a project with this fit; without votes it has no board.

    Judgments of excluded people are left out.
    """
    found = version_votes_in(judgments.without_excluded())
    people = np.unique(found.votes.person)
    doubted = people[fit.people(people).doubted]
    authors = Author.objects.in_bulk(found.authors.tolist())
    return Leaderboard(boards_of(found.without(doubted), authors), len(doubted))


def boards_of(found: VersionVotes, authors: dict[int, Author]) -> list[Board]:
    """A board for each set of versions that votes connect; `authors` are those of the votes by their ids."""
    ratings = rate(found.votes, len(found.authors))
    boards = []
    for component in range(ratings.component.max(initial=-1) + 1):
        inside = np.flatnonzero(ratings.component == component)
        if len(inside) < 2:
            break  # from here on they are alone: nobody's votes on them are left
        order = inside[np.argsort(-ratings.rating[inside], kind="stable")]
        boards.append(_board(found.among(order), ratings.at(order), authors))
    return boards


def _board(found: VersionVotes, ratings: Ratings, authors: dict[int, Author]) -> Board:
    columns = (found.authors, ratings.rating, ratings.low, ratings.high, ratings.rank, *found.counts())
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return Board(
        [
            Standing(authors[author], _points(rating), _known(low), _known(high), *counts)
            for author, rating, low, high, *counts in rows
        ],
        _wins(Counts.of(found.votes, len(found.authors)), len(found.authors)),
        leverage_of_first(found.votes, len(found.authors)),
        people=len(np.unique(found.votes.person)),
        prompts=len(np.unique(found.votes.prompt)),
        simulated_votes=int(found.is_simulated.sum()),
    )


def _known(bound: float) -> float | None:
    return _points(bound) if isfinite(bound) else None


def _points(rating: float) -> float:
    return AVERAGE + SCALE * rating


def _wins(counts: Counts, items: int) -> list[list[Won | None]]:
    wins: list[list[Won | None]] = [[None] * items for _ in range(items)]
    columns = (column.tolist() for column in counts)
    for first, second, number, points in zip(*columns, strict=True):
        wins[first][second] = Won(points, int(number))
        wins[second][first] = Won(number - points, int(number))
    return wins
