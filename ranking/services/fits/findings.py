"""Finding people whose judgments are unlike others', for reviewers to look at."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Length

from annotator.models import Author, Project
from ranking.models import Finding, Judgment
from ranking.models.judgments import JudgmentQuerySet
from ranking.models.version_votes import version_votes_in
from ranking.statistics.ballots import Ballots, votes_of
from ranking.statistics.consensus import Fit, find_consensus
from ranking.statistics.habits import large_parts, repeated_text, shared_texts, times_of

Kind = Finding.Kind
MOST_OF_A_TEXT = 200


class Found(NamedTuple):
    """Of which person something was found."""

    volunteer: int
    kind: Kind


Findings = dict[Found, dict[str, Any]]
"""With the evidence: numbers, and texts that the person wrote."""


def find_unlike(ballots: Ballots, fit: Fit) -> Findings:
    """Whose votes are against others', on one side, or say hardly more than a coin.

    Figures: the p-value as `chance`, and the counts of `Unlike`; of who is doubted, the `reliability`.
    """
    # Here and not above: a web process does without SciPy.
    from ranking.statistics.anomalies import FALSE_ALARMS, unlike_others

    _counts, votes, ids = votes_of(ballots)
    people = fit.people(ids)
    unlike = unlike_others(votes, people, find_consensus(ballots, fit).divided, ids)
    found: Findings = {}
    for row in np.flatnonzero(unlike.against < FALSE_ALARMS).tolist():
        figures = {"agreed": int(unlike.agreed[row]), "expected": round(float(unlike.expected[row]))}
        chance = {"votes": int(unlike.votes[row]), "chance": float(unlike.against[row])}
        found[Found(int(ids[row]), Kind.AGAINST)] = figures | chance
    for row in np.flatnonzero(unlike.one_sided < FALSE_ALARMS).tolist():
        chance = {"votes": int(unlike.votes[row]), "chance": float(unlike.one_sided[row])}
        found[Found(int(ids[row]), Kind.ONE_SIDED)] = {"first": int(unlike.took_top[row])} | chance
    for row in np.flatnonzero(people.doubted).tolist():
        found[Found(int(ids[row]), Kind.DOUBTED)] = {"reliability": float(people.reliability[row])}
    return found


def find_habits(project: Project) -> Findings:
    """Whose times, words or part of all votes are unusual, at the desk."""
    judgments = Judgment.objects.of_project(project).without_excluded().at_desk().of_people()
    return {Found(*key): figures for key, figures in (*_times(judgments), *_texts(judgments))} | _parts(
        judgments
    )


def _times(judgments: JudgmentQuerySet) -> Iterator[tuple[tuple[int, Kind], dict[str, Any]]]:
    ranked = judgments.filter(verdict=Judgment.Verdict.RANKED).order_by("volunteer")
    letters = ranked.annotate(letters=Sum(Length("comparison__completions__text")))
    given: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for volunteer, *row in letters.values_list("volunteer", "seconds", "letters").iterator():
        given[volunteer].append((row[0], row[1]))
    for volunteer, rows in given.items():
        seconds, length = np.array(rows).T
        times = times_of(seconds, length.astype(np.int64))
        figures = {"judgments": times.judgments, "seconds": round(times.median, 1)}
        if times.are_hasty:
            yield (volunteer, Kind.HASTY), figures | {"hasty": times.hasty}
        if times.are_even:
            quartiles = {"low": round(times.low, 1), "high": round(times.high, 1)}
            yield (volunteer, Kind.EVEN), figures | quartiles


def _texts(judgments: JudgmentQuerySet) -> Iterator[tuple[tuple[int, Kind], dict[str, Any]]]:
    written: dict[int, list[str]] = defaultdict(list)
    for volunteer, text in judgments.exclude(rationale="").values_list("volunteer", "rationale").iterator():
        written[volunteer].append(text)
    for volunteer, texts in written.items():
        if repeated := repeated_text(texts):
            text, count = repeated
            figures = {"text": text[:MOST_OF_A_TEXT], "times": count, "of": len(texts)}
            yield (volunteer, Kind.SAME_TEXT), figures
    for volunteer, shared in shared_texts(written).items():
        figures = {"text": shared.text[:MOST_OF_A_TEXT], "times": shared.times, "people": shared.people}
        yield (volunteer, Kind.SHARED_TEXT), figures


def _parts(judgments: JudgmentQuerySet) -> Findings:
    """Who gave more of the votes on a version than one person should; of several versions, most."""
    found = version_votes_in(judgments)
    authors = np.concatenate([found.authors[found.votes.first], found.authors[found.votes.second]])
    parts = large_parts(authors, np.tile(found.votes.person, 2))
    names = dict(Author.objects.filter(pk__in={one.item for one in parts}).values_list("pk", "name"))
    return {
        Found(one.person, Kind.LARGE_SHARE): {
            "version": names[one.item],
            "author": one.item,
            "own": one.own,
            "votes": one.votes,
        }
        for one in sorted(parts, key=lambda one: one.own / one.votes)
    }


@transaction.atomic
def store_findings(project: Project, found: Findings) -> None:
    """Let these be what was found; what reviewers decided about earlier ones stays.

    Findings about excluded people stay as they were: their judgments are not looked at any more.
    """
    # The lock of withdrawals and exclusions: of somebody whose judgments went meanwhile nothing is stored.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    given = Judgment.objects.of_project(project).without_excluded().of_people()
    counts = dict(given.order_by().values_list("volunteer").annotate(Count("pk")))
    kept = {key: figures for key, figures in found.items() if key.volunteer in counts}
    before = Finding.objects.of_project(project).without_excluded()
    gone = [pk for pk, *key in before.values_list("pk", "volunteer", "kind") if tuple(key) not in kept]
    Finding.objects.filter(pk__in=gone).delete()
    for (volunteer, kind), figures in kept.items():
        Finding.objects.update_or_create(
            project=project,
            volunteer_id=volunteer,
            kind=kind,
            defaults={"figures": figures, "judgments": counts[volunteer]},
        )
