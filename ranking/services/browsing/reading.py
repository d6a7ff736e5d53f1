"""Reading judgments with all that belongs to them, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django_stubs_ext import StrOrPromise

from annotator.models import FlagKind
from annotator.pseudonyms import pseudonym_of
from ranking.models import Demonstration, Judgment
from ranking.models.exclusions import is_excluded
from ranking.models.judgments import JudgmentQuerySet
from ranking.models.masks import shown_text
from ranking.questions import LETTERS, with_answers

CHUNK = 500
KINDS: dict[str, StrOrPromise] = {kind.value: kind.label for kind in FlagKind}


@dataclass(frozen=True)
class AnswerLine:
    """One answer as the volunteer saw it, and what they said of it; `rank` is None where it has none."""

    letter: str
    text: str
    rank: int | None
    flags: list[str]
    ratings: list[tuple[str, int]]

    @property
    def flag_labels(self) -> list[StrOrPromise]:
        return [KINDS[kind] for kind in self.flags]


@dataclass(frozen=True)
class JudgmentLine:
    """A judgment as people read it: the answers in the order shown, and nobody's name.

    `earlier` are the revisions that it corrects, the newest first.
    """

    judgment: Judgment
    person: str
    answers: list[AnswerLine]
    earlier: list["JudgmentLine"] = field(default_factory=list)

    @property
    def order(self) -> str:
        """The letters from best to worst, such as `B > A = C`; empty without ranks."""
        places: dict[int, list[str]] = defaultdict(list)
        for answer in self.answers:
            if answer.rank is not None:
                places[answer.rank].append(answer.letter)
        return " > ".join(" = ".join(places[rank]) for rank in sorted(places))

    @property
    def rewrite(self) -> Demonstration | None:
        written: Demonstration | None = getattr(self.judgment, "demonstration", None)
        return written

    @property
    def rewrite_of(self) -> str:
        """The letter of the answer that the volunteer replaced by one of their own."""
        order, written = self.judgment.shown_assignment.order, self.rewrite
        return LETTERS[order.index(written.original_id)] if written else ""


def read_judgments(ids: Sequence[int], order: Sequence[int] | None = None) -> list[JudgmentLine]:
    """The judgments of these ids, the newest first, with their revisions.

    Answers have the letters that each volunteer saw; with an `order` of completions, those of that order.
    """
    rows = list(_whole(Judgment.objects.filter(pk__in=ids).order_by("-pk")))
    earlier = _earlier_of(rows)
    return [_line(each, earlier[_chain(each)], order) for each in rows]


def read_in_chunks(judgments: JudgmentQuerySet) -> Iterator[list[JudgmentLine]]:
    """All judgments, the newest first, some at a time: no query is kept open while they are sent."""
    last = None
    while found := newest(judgments, CHUNK, before=last):
        yield read_judgments(found)
        last = found[-1]


def newest(judgments: JudgmentQuerySet, most: int, *, before: int | None = None) -> list[int]:
    """The ids of the newest ones, below a given id; so that a database sorts ids and not whole rows."""
    older = judgments if before is None else judgments.filter(pk__lt=before)
    return list(older.order_by("-pk").values_list("pk", flat=True)[:most])


def _whole(judgments: JudgmentQuerySet) -> QuerySet[Judgment]:
    one_each = ("comparison__prompt", "comparison__round", "assignment", "lapsed_assignment", "volunteer")
    marked = judgments.annotate(is_left_out=is_excluded("comparison__round__project"))
    whole = with_answers(marked.select_related(*one_each))
    return whole.prefetch_related("comparison__completions__mask")


def _chain(judgment: Judgment) -> tuple[int, int]:
    """What the revisions of one judgment have in common."""
    return judgment.comparison_id, judgment.volunteer_id


def _earlier_of(judgments: Sequence[Judgment]) -> dict[tuple[int, int], list[Judgment]]:
    """Revisions that no longer count, the newest first."""
    corrected = Judgment.objects.filter(
        is_current=False,
        correction__isnull=False,
        comparison__in={each.comparison_id for each in judgments},
        volunteer__in={each.volunteer_id for each in judgments},
    )
    found = defaultdict(list)
    for each in _whole(corrected.order_by("-pk")):
        found[_chain(each)].append(each)
    return found


def _line(
    judgment: Judgment, earlier: Sequence[Judgment] = (), order: Sequence[int] | None = None
) -> JudgmentLine:
    return JudgmentLine(
        judgment,
        pseudonym_of(judgment.comparison.round.project_id, judgment.volunteer_id),
        _answers(judgment, order or judgment.shown_assignment.order),
        [_line(each, order=order) for each in earlier if each.pk < judgment.pk],
    )


def _answers(judgment: Judgment, order: Sequence[int]) -> list[AnswerLine]:
    texts = {one.pk: shown_text(one) for one in judgment.comparison.completions.all()}
    ranks = {one.completion_id: one.rank for one in judgment.ranks.all()}
    return [
        AnswerLine(
            letter,
            texts.get(pk, ""),
            ranks.get(pk),
            [each.kind for each in judgment.flags.all() if each.completion_id == pk],
            [(each.criterion, each.score) for each in judgment.ratings.all() if each.completion_id == pk],
        )
        for letter, pk in zip(LETTERS, order, strict=False)
    ]
