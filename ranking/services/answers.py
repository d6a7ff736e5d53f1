"""What a volunteer said about a comparison, checked before anything is stored."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Required, TypedDict

from django.utils.translation import gettext as _

from annotator.text import UNSTORABLE, storable
from ranking.errors import InvalidJudgmentError
from ranking.models import Flag, Judgment
from ranking.statistics.pairs import dense_ranks

from .rewrites import Rewrite, check_rewrite

RATIONALE_LIMIT = 5000
SCORES = range(1, 6)


class Said(TypedDict, total=False):
    """An answer as it comes in.

    `ranks` gives each completion of the comparison a rank from 1 (best) to k, ties allowed. Two other
    verdicts are answers as well and prefer nothing: all bad, whose ranks may be empty, and cannot rank, which
    has none but a `reason`. `strength` says of two completions how much better the one is, 1 or 2
    (much). `flags` are kinds by completion. `ratings` gives completions scores from 1 to 5 by criteria of the
    project, as many or as few as people like. `rewrite` is a better answer of their own, with any verdict.
    """

    ranks: Required[Mapping[int, int]]
    verdict: str
    strength: int | None
    reason: str
    flags: Mapping[int, Iterable[str]]
    ratings: Mapping[int, Mapping[str, int]]
    rationale: str
    rewrite: Rewrite | None


@dataclass(frozen=True)
class Answer:
    """What a volunteer said, in the one form in which equal answers are equal."""

    ranks: list[tuple[int, int]]
    strength: int | None
    verdict: str
    reason: str
    flags: list[tuple[int, str]]
    ratings: list[tuple[int, str, int]]
    rationale: str
    rewrite: tuple[int, str] | None

    def hash(self) -> str:
        """SHA-256 in hex, by which an answer sent twice is known."""
        said = asdict(self)
        if self.rewrite is None:
            del said["rewrite"]  # as it was before there were any: an answer may have been stored then
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def check_answer(
    said: Said, *, completions: set[int], criteria: Iterable[str], offers_rewrites: bool
) -> Answer:
    """The answer about these completions; raises InvalidJudgmentError with words for who sent it."""
    verdict = _verdict(said.get("verdict", Judgment.Verdict.RANKED))
    ranks = _ranks(said["ranks"], completions, verdict)
    return Answer(
        ranks=ranks,
        strength=_strength(said.get("strength"), ranks, verdict),
        verdict=verdict,
        reason=_reason(said.get("reason", ""), verdict),
        flags=_flags(said.get("flags", {}), completions),
        ratings=_ratings(said.get("ratings", {}), completions, criteria),
        rationale=_rationale(said.get("rationale", "")),
        rewrite=check_rewrite(said.get("rewrite"), completions=completions, offered=offers_rewrites),
    )


def _verdict(verdict: str) -> str:
    if verdict not in Judgment.Verdict.values:
        raise InvalidJudgmentError(_("There is no such verdict."))
    return str(verdict)


def _reason(reason: str, verdict: str) -> str:
    if verdict != Judgment.Verdict.CANNOT_RANK:
        if reason:
            raise InvalidJudgmentError(_("A reason belongs to a comparison that cannot be ranked."))
        return ""
    if reason not in Judgment.Reason.values:
        raise InvalidJudgmentError(_("Choose a reason why it cannot be ranked."))
    return str(reason)


def _ranks(ranks: Mapping[int, int], completions: set[int], verdict: str) -> list[tuple[int, int]]:
    """(completion, dense rank), sorted."""
    if verdict == Judgment.Verdict.CANNOT_RANK and ranks:
        raise InvalidJudgmentError(_("What cannot be ranked has no ranks."))
    if verdict != Judgment.Verdict.RANKED and not ranks:
        return []
    if missing := len(completions - set(ranks)):
        raise InvalidJudgmentError(_("Give every answer a rank; still without one: %d.") % missing)
    if set(ranks) != completions:
        raise InvalidJudgmentError(_("A rank was given to an answer that is not part of this comparison."))
    for rank in ranks.values():
        if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= len(completions):
            raise InvalidJudgmentError(
                _("Ranks are whole numbers from 1 to %(last)d.") % {"last": len(completions)}
            )
    return sorted(dense_ranks(ranks).items())


def _strength(strength: int | None, ranks: list[tuple[int, int]], verdict: str) -> int | None:
    if strength is None:
        return None
    if strength not in Judgment.Strength.values or isinstance(strength, bool):
        raise InvalidJudgmentError(_("An answer is better by 1 or much better by 2."))
    if verdict != Judgment.Verdict.RANKED or sorted(rank for _completion, rank in ranks) != [1, 2]:
        raise InvalidJudgmentError(
            _("How much better an answer is can be said only of two answers that do not tie.")
        )
    return int(strength)


def _flags(flags: Mapping[int, Iterable[str]], completions: set[int]) -> list[tuple[int, str]]:
    """(completion, kind), sorted, each once."""
    marks = {(completion, kind) for completion, kinds in flags.items() for kind in kinds}
    if not {completion for completion, _kind in marks} <= completions:
        raise InvalidJudgmentError(_("A flag was put on an answer that is not part of this comparison."))
    if not {kind for _completion, kind in marks} <= set(Flag.Kind.values):
        raise InvalidJudgmentError(_("There is no such flag."))
    return sorted(marks)


def _ratings(
    ratings: Mapping[int, Mapping[str, int]], completions: set[int], criteria: Iterable[str]
) -> list[tuple[int, str, int]]:
    """(completion, criterion, score), sorted."""
    given = [(pk, name, score) for pk, scores in ratings.items() for name, score in scores.items()]
    if not {completion for completion, _name, _score in given} <= completions:
        raise InvalidJudgmentError(_("A rating was given to an answer that is not part of this comparison."))
    if unknown := {name for _completion, name, _score in given}.difference(criteria):
        raise InvalidJudgmentError(
            _("The project does not ask, or no longer asks, for a rating by “%s”.") % storable(min(unknown))
        )
    for _completion, _name, score in given:
        if not isinstance(score, int) or isinstance(score, bool) or score not in SCORES:
            raise InvalidJudgmentError(_("Ratings are whole numbers from 1 to 5."))
    return sorted(given)


def _rationale(text: str) -> str:
    if len(text) > RATIONALE_LIMIT:
        raise InvalidJudgmentError(_("The reason is longer than %d characters.") % RATIONALE_LIMIT)
    if UNSTORABLE.search(text):
        raise InvalidJudgmentError(_("The reason holds characters that cannot be stored."))
    return text.strip()
