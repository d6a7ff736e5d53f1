"""Which assignment a volunteer gets next, and claiming it so that nobody else can.

Of the comparisons that are new to a volunteer and in a language that they read, those with the fewest
assignments taken come first, so that judgments spread evenly over the round. What holds an answer that was
withheld or withdrawn (`AnswerReview.is_off_the_desk`) is given to nobody. Gold questions have turns of their
own: see `gold.turns`.
"""

import random
import uuid
from collections.abc import Collection
from copy import copy
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Prefetch, Q, prefetch_related_objects
from django.utils import timezone

from annotator.models import Completion, Project, User
from ranking.models import GOLD, PLACES, Assignment, Comparison, LapsedAssignment, Round
from ranking.models.round_states import RoundState

from .blind_tests import MOST_TEST_VOTES_EACH, test_votes_of
from .gold.turns import with_gold

CANDIDATES = 4
"""How many assignments a claim looks at: enough that volunteers who come at once rarely want the same one."""

ANY, TEST, ORDINARY = (-(2**15), GOLD - 1), (-(2**15), -1), (0, GOLD - 1)
"""Numbers of assignments: all but gold questions', those of a blind test, those of the round itself."""

ATTEMPTS = 100
"""How often a claim looks again when others were quicker, of whom each look lets one go on."""

# The one query of a judgment in SQL of its own: no queryset has a LIMIT within a UNION on SQLite. Each part
# walks the index `next_assignments` and stops early, however large the round is.
_CLAIMABLE = {"lapsed": "a.state = 'held' AND a.held_until <= %(now)s", "free": "a.state = 'free'"}
_FIRST = f"""SELECT id FROM (
  SELECT a.id FROM ranking_assignment a
  WHERE a.round_id = %(round)s AND a.language = %(language_{{n}})s AND {{claimable}}
  AND a.number BETWEEN %(least)s AND %(most)s
  AND NOT EXISTS (SELECT 1 FROM ranking_assignment o
    WHERE o.comparison_id = a.comparison_id AND o.volunteer_id = %(volunteer)s)
  AND NOT EXISTS (SELECT 1 FROM ranking_skip s
    WHERE s.comparison_id = a.comparison_id AND s.volunteer_id = %(volunteer)s)
  AND NOT EXISTS (SELECT 1 FROM ranking_judgment j
    WHERE j.comparison_id = a.comparison_id AND j.volunteer_id = %(volunteer)s AND j.is_current)
  AND NOT EXISTS (SELECT 1 FROM ranking_comparisonitem i
    JOIN ranking_answerreview r ON r.completion_id = i.completion_id
    WHERE i.comparison_id = a.comparison_id
    AND (r.decision = 'withdrawn' OR r.decision = '' AND r.withheld_at IS NOT NULL))
  ORDER BY a.number, a.id LIMIT {CANDIDATES}
) {{name}}_{{n}}"""  # noqa: S608  (our own words)


def claim_next(
    *,
    project: Project,
    volunteer: User,
    now: datetime | None = None,
    chance: random.Random | None = None,
) -> Assignment | None:
    """The assignment that the volunteer has held longest, or a new one; None when nothing is left for them.

    `chance` makes a simulation repeatable.
    """
    current = project.rounds.open().first()
    if current is None:
        return None
    assignments = claim_ahead(current=current, volunteer=volunteer, wanted=1, now=now, chance=chance)
    return assignments[0] if assignments else None


def claim_ahead(
    *,
    current: Round,
    volunteer: User,
    have: Collection[uuid.UUID] = (),
    wanted: int = PLACES,
    now: datetime | None = None,
    chance: random.Random | None = None,
) -> list[Assignment]:
    """Up to `wanted` assignments of an open round: the volunteer's own, the longest held first, and then new
    ones.

    Assignments whose keys are in `have` count among them, but are not returned: the volunteer has them before
    them.

    First assignments go before second ones and so on, so that judgments spread evenly over the round. The
    order of the completions is shuffled for each assignment and stored in it, together with a fresh
    idempotency key.
    """
    now, chance = now or timezone.now(), chance or random.Random()
    for _attempt in range(ATTEMPTS):
        own, candidates = _own_and_candidates(current, volunteer, now, chance)
        given = [assignment for assignment in own[:wanted] if assignment.key not in have]
        free_places = [place for place in range(PLACES) if place not in {one.place for one in own}]
        missing = free_places[: max(wanted - len(own), 0)]
        candidates = with_gold(candidates, current, volunteer, len(missing), now)
        try:
            if all(_renew_if_over(assignment, volunteer, now) for assignment in given):
                claimed = _claim_some(candidates, missing, volunteer, now, chance)
                if len(claimed) == len(missing) or not candidates:
                    return _with_prompts(given + claimed)
        except IntegrityError:
            pass  # The same person asked twice at once, and the other request already has that place.
        # Others were quicker, so look again.
    raise RuntimeError(f"Of {ATTEMPTS} looks for a free assignment none found one that could be taken.")


def _own_and_candidates(
    current: Round, volunteer: User, now: datetime, chance: random.Random
) -> tuple[list[Assignment], list[Assignment]]:
    """The volunteer's own assignments, the longest held first, and the next ones worth trying, best first.

    Assignments are numbered within their comparison, so the lowest number comes where the fewest are taken,
    but for assignments that were given back. Comparisons were stored in random order, so the first free ones
    are as good as a draw.
    """
    is_own = Q(volunteer=volunteer, state=Assignment.State.HELD)
    own: list[Assignment] = []
    candidates: list[Assignment] = []
    wanted = _first_ids(current, volunteer, now, chance)
    for assignment in current.assignments.filter(is_own | Q(pk__in=wanted)):
        (own if assignment.volunteer_id == volunteer.pk else candidates).append(assignment)
    own.sort(key=lambda assignment: (assignment.claimed_at or now, assignment.place))
    candidates.sort(key=lambda assignment: (assignment.number, chance.random()))
    return own, candidates


def _first_ids(current: Round, volunteer: User, now: datetime, chance: random.Random) -> list[int]:
    """Assignments to try first: while a candidate is tested, by chance those of its test or the others.

    So nobody can tell the two apart by when they come. What there is none of is left to the other kind, but
    one person gives a test no more than so many votes.
    """
    if current.state != RoundState.GATING:
        return _candidate_ids(current, volunteer, now, ANY)
    for kind in chance.sample([TEST, ORDINARY], 2):
        ids = _candidate_ids(current, volunteer, now, kind)
        if ids and (kind == ORDINARY or test_votes_of(current, volunteer) < MOST_TEST_VOTES_EACH):
            return ids
    return []


def _candidate_ids(current: Round, volunteer: User, now: datetime, numbers: tuple[int, int]) -> list[int]:
    """The first lapsed and the first free assignments of these numbers in each language they read.

    None while the round is paused.
    """
    languages = [] if current.is_paused else current.languages_for(volunteer)
    if not languages:
        return []
    values = {
        "round": current.pk,
        "volunteer": volunteer.pk,
        "now": connection.ops.adapt_datetimefield_value(now),
        "least": numbers[0],
        "most": numbers[1],
        **{f"language_{n}": language for n, language in enumerate(languages)},
    }
    parts = [
        _FIRST.format(n=n, name=name, claimable=claimable)
        for n in range(len(languages))
        for name, claimable in _CLAIMABLE.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return [pk for (pk,) in cursor.fetchall()]


def _with_prompts(assignments: list[Assignment]) -> list[Assignment]:
    comparisons = Comparison.objects.select_related("prompt")
    prefetch_related_objects(assignments, Prefetch("comparison", comparisons))
    return assignments


def _lapsed(now: datetime) -> Q:
    """Filter for held assignments that have expired."""
    return Q(state=Assignment.State.HELD, held_until__lte=now)


def _renew_if_over(assignment: Assignment, volunteer: User, now: datetime) -> bool:
    """Renew an own assignment that has expired; False when somebody else took it."""
    if assignment.held_until is None or assignment.held_until > now:
        return True
    # The time away is not time spent on judging.
    assignment.held_until, assignment.claimed_at = _end_of_term(assignment, now), now
    own = Assignment.objects.filter(pk=assignment.pk).held_by(volunteer)
    return bool(own.update(held_until=assignment.held_until, claimed_at=now))


def _claim_some(
    candidates: list[Assignment], places: list[int], volunteer: User, now: datetime, chance: random.Random
) -> list[Assignment]:
    """Claim an assignment for each place, as far as candidates at different comparisons last."""
    claimed: list[Assignment] = []
    for assignment in candidates:
        if len(claimed) == len(places):
            break
        if assignment.comparison_id not in {one.comparison_id for one in claimed}:
            assignment.place = places[len(claimed)]
            if _claim(assignment, volunteer, now, chance):
                claimed.append(assignment)
    return claimed


def _claim(assignment: Assignment, volunteer: User, now: datetime, chance: random.Random) -> bool:
    """Give the assignment to the volunteer; False when somebody else was quicker."""
    before = copy(assignment)
    completions = list(Completion.objects.filter(comparisons=assignment.comparison_id).select_related("mask"))
    chance.shuffle(completions)
    assignment.shown, assignment.order = completions, [completion.pk for completion in completions]
    assignment.state, assignment.volunteer, assignment.key = Assignment.State.HELD, volunteer, uuid.uuid4()
    assignment.held_until, assignment.claimed_at = _end_of_term(assignment, now), now
    if before.volunteer_id is None:
        return _store_claim(assignment, before.key, now)
    return _claim_from(before.volunteer_id, before, assignment, now)


@transaction.atomic
def _claim_from(holder: int, before: Assignment, assignment: Assignment, now: datetime) -> bool:
    """Claim an expired assignment, and keep what its holder was shown: they may still judge it."""
    claimed = _store_claim(assignment, before.key, now)
    if claimed:
        LapsedAssignment.objects.create(
            assignment_id=assignment.pk,
            comparison_id=assignment.comparison_id,
            volunteer_id=holder,
            key=before.key,
            order=before.order,
            claimed_at=before.claimed_at,
        )
    return claimed


def _store_claim(assignment: Assignment, read_key: uuid.UUID, now: datetime) -> bool:
    """Store the claim if the row still has the key that was read, so that nobody claimed it since."""
    claimable = Assignment.objects.filter(Q(state=Assignment.State.FREE) | _lapsed(now))
    fields = ("state", "volunteer", "place", "held_until", "key", "order", "claimed_at")
    values = {name: getattr(assignment, name) for name in fields}
    return bool(claimable.filter(pk=assignment.pk, key=read_key).update(**values))


def _end_of_term(assignment: Assignment, now: datetime) -> datetime:
    return now + timedelta(minutes=assignment.round.project.assignment_minutes)
