"""The pairs of a dataset: what people prefer by all their judgments, and the answers that they wrote."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from annotator.models import Project
from ranking.models import AnswerReview, Comparison, Judgment
from ranking.models.collected import places_in
from ranking.statistics.ballots import Ballots
from ranking.statistics.consensus import Fit, find_consensus

CHAT_SOURCES = {"ranking": "chat", "rewrite": "chat_rewrite"}
"""What the sources of pairs are called that come from the chat."""

Votes = list[tuple[Any, ...]]
"""Rows (judgment, comparison, the accepted completion that its volunteer wrote, its original, verdict, is
simulated, is late, the comparison's source, weight, volunteer, completion, rank), one for each rank."""


class Pair(NamedTuple):
    """A row to be: ids of a comparison and two completions, and what the votes on them say.

    `reviewer_votes` are how many of the votes are reviewers'.
    """

    comparison: int
    chosen: int
    rejected: int
    probability: float
    votes: Sequence[int]
    divided: bool
    source: str
    reviewer_votes: int = 0


def pairs_of(project: Project, votes: Votes, fit: Fit) -> list[Pair]:
    """The pairs that are decided or divided, then those of volunteers' own answers and their originals.

    None prefers an answer that a reviewer took out; where it is the worse one the pair still teaches.
    """
    withdrawn = set(AnswerReview.objects.withdrawn_in(project).values_list("completion", flat=True))
    from_chat = {comparison for _judgment, comparison, *rest in votes if rest[5] == Comparison.Source.CHAT}
    return [
        pair._replace(source=CHAT_SOURCES[pair.source]) if pair.comparison in from_chat else pair
        for pair in (*_preferred(project, votes, fit), *_rewrites(votes))
        if pair.chosen not in withdrawn
    ]


def _preferred(project: Project, votes: Votes, fit: Fit) -> Iterator[Pair]:
    # A query of their own, so that they do not come with every rank; the order of a judgment never changes.
    places = places_in(Judgment.objects.for_dataset(project))
    ballots: list[tuple[int, ...]] = [
        (judgment, comparison, person, completion, rank, places.get((judgment, completion), 0))
        for judgment, comparison, _new, _old, verdict, *_facts, person, completion, rank in votes
        if verdict == Judgment.Verdict.RANKED
    ]
    weights = {judgment: weight for judgment, *_facts, weight, _person, _one, _rank in votes if weight != 1}
    of_reviewers = {each[:2] for each in ballots if each[0] in weights}
    decided = Counter(comparison for _judgment, comparison in of_reviewers)
    found = find_consensus(Ballots.of(ballots, weights), fit)
    chosen, probability = found.preferred()
    columns = (*vars(chosen).values(), probability, found.divided, found.divided | found.decided)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        comparison, one, other, *counts, probable, is_divided, is_listed = row
        if is_listed:
            values = (comparison, one, other, probable, counts, is_divided, "ranking", decided[comparison])
            yield Pair(*values)


def _rewrites(votes: Votes) -> list[Pair]:
    written = {(judgment, comparison, new, old) for judgment, comparison, new, old, *_rest in votes if new}
    return [
        Pair(comparison, new, old, probability=1.0, votes=(1, 0, 0), divided=False, source="rewrite")
        for _judgment, comparison, new, old in sorted(written)
    ]
