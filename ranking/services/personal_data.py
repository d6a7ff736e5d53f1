"""A person's own data as one archive: what annotator and ranking store about them.

Nothing in it tells who wrote an answer: while its round is open that must stay hidden, and it is nobody's own
data afterwards. Other people's answers are not in it either.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from annotator.models import User
from annotator.services import personal_data as annotator_data
from annotator.services.personal_data import CHUNK, Row
from ranking.models import (
    Assignment,
    Comparison,
    Exclusion,
    Finding,
    Judgment,
    LapsedAssignment,
    PracticeAdvice,
    PracticeAssignment,
    Reliability,
    SavedFilter,
    Skip,
    Tally,
    UnpairedPreference,
)
from ranking.models.masks import shown_text
from ranking.questions import QUESTIONS, Answer, read_answer, with_answers

WHERE = ("comparison__prompt", "comparison__round__project")


def judgments(user: User) -> Iterator[Row]:
    """Every revision, with the answers in the order shown."""
    own = Judgment.objects.filter(volunteer=user)
    own = own.select_related(*WHERE, "assignment", "lapsed_assignment")
    for judgment in with_answers(own).prefetch_related("comparison__completions__mask").iterator(CHUNK):
        answer = read_answer(judgment)
        yield {
            "id": judgment.pk,
            "corrects": judgment.corrects_id,
            "counts": judgment.is_current,
            "by_reviewer": judgment.by_reviewer,
            "weight": judgment.weight,
            "taken_back_at": judgment.taken_back_at,
            **_where(judgment.comparison),
            "prompt": judgment.comparison.prompt.messages,
            "answers": _answers(judgment, answer),
            **_merged(question.export(answer[question.name]) for question in QUESTIONS),
            "review": _review(judgment),
            "preferences": [
                {"chosen": pair.chosen, "rejected": pair.rejected} for pair in judgment.preferences()
            ],
            "seconds": judgment.seconds,
            "late": judgment.late,
            "given_at": judgment.created_at,
        }


def _review(judgment: Judgment) -> Row | None:
    """What became of the answer that they wrote."""
    written = getattr(judgment, "demonstration", None)
    if written is None:
        return None
    edited = written.edited.text if written.edited else None
    return {"state": written.state, "edited": edited, "word": written.word, "at": written.decided_at}


def _answers(judgment: Judgment, answer: Answer) -> list[Row]:
    texts = {one.pk: shown_text(one) for one in judgment.comparison.completions.all()}
    return [
        {
            "id": pk,
            "text": texts[pk],
            **_merged(question.export_of_answer(answer[question.name], pk) for question in QUESTIONS),
        }
        for pk in judgment.shown_assignment.order
        if pk in texts
    ]


def _merged(rows: Iterable[Row]) -> Row:
    return {name: value for row in rows for name, value in row.items()}


def skipped(user: User) -> Iterator[Row]:
    own = Skip.objects.filter(volunteer=user).select_related(*WHERE).order_by("pk")
    for skip in own.iterator(CHUNK):
        prompt = skip.comparison.prompt.messages
        yield {**_where(skip.comparison), "prompt": prompt, "at": skip.created_at}


def assignments(user: User) -> Iterator[Row]:
    """Assignments that they held or hold, and lapsed ones."""
    own = Assignment.objects.filter(volunteer=user).select_related(*WHERE).order_by("pk")
    for assignment in own.iterator(CHUNK):
        yield {**_where(assignment.comparison), "state": assignment.state, **_shown(assignment)}
    lapsed = LapsedAssignment.objects.filter(volunteer=user).select_related(*WHERE).order_by("pk")
    for lost in lapsed.iterator(CHUNK):
        yield {**_where(lost.comparison), "state": "lapsed", **_shown(lost)}


def _shown(assignment: Assignment | LapsedAssignment) -> Row:
    return {"taken_at": assignment.claimed_at, "order": assignment.order}


def practice(user: User) -> Iterator[Row]:
    """The practice comparisons that they tried, and their answers."""
    assignments = PracticeAssignment.objects.filter(attempt__membership__user=user)
    for assignment in assignments.select_related("attempt__membership__project", "comparison").order_by("pk"):
        yield {
            "project": assignment.attempt.membership.project.slug,
            "attempt": assignment.attempt.number,
            "begun_at": assignment.attempt.begun_at,
            "passed": assignment.attempt.passed,
            "prompt": assignment.comparison.messages,
            "answers": assignment.comparison.answers,
            "order": assignment.order,
            "ranks": assignment.ranks,
            "right": assignment.is_right,
        }


def gold_questions(user: User) -> Iterator[Row]:
    """What they answered where the right answer was known; of closed rounds, or they would tell which are."""
    own = Judgment.objects.filter(volunteer=user, is_current=True, comparison__gold__isnull=False)
    settled = own.exclude(comparison__round__closed_at=None).select_related(*WHERE, "comparison__gold")
    for judgment in settled.order_by("pk").prefetch_related("ranks", "comparison__gold__answers"):
        question = judgment.comparison.gold
        known = question.answers.all() if question else ()
        yield {
            **_where(judgment.comparison),
            "judgment": judgment.pk,
            "known_ranks": {str(one.completion_id): one.rank for one in known},
            "ranks": {str(one.completion_id): one.rank for one in judgment.ranks.all()},
        }


def practice_advice(user: User) -> Iterator[Row]:
    """That they were told that their answers to gold questions differ."""
    told = PracticeAdvice.objects.filter(membership__user=user).select_related("membership__project")
    for one in told.order_by("pk"):
        yield {"project": one.membership.project.slug, "told_at": one.created_at, "closed_at": one.closed_at}


def thumbs(user: User) -> Iterator[Row]:
    """Thumbs from the chat that were taken for learning."""
    own = UnpairedPreference.objects.filter(volunteer=user).select_related("completion__prompt__project")
    for thumb in own.order_by("pk").iterator(CHUNK):
        yield {
            "project": thumb.completion.prompt.project.slug,
            "prompt": thumb.completion.prompt.messages,
            "answer": thumb.completion.text,
            "up": thumb.label,
            "flags": thumb.flags,
            "at": thumb.created_at,
        }


def saved_filters(user: User) -> Iterator[Row]:
    """What they look for again in the judgments browser."""
    own = SavedFilter.objects.filter(membership__user=user).select_related("membership__project")
    for one in own.order_by("pk").iterator(CHUNK):
        yield {"project": one.membership.project.slug, "name": one.name, "filter": one.query}


def days(user: User) -> Iterator[Row]:
    """Their number of judgments by day."""
    tallies = Tally.objects.filter(volunteer=user).select_related("round__project")
    for tally in tallies.order_by("day", "pk").iterator(CHUNK):
        yield {
            "project": tally.round.project.slug,
            "round": tally.round.number,
            "day": tally.day,
            "judgments": tally.judgments,
        }


def reliability(user: User) -> Iterator[Row]:
    """What their votes are worth by the last fit of each project."""
    own = Reliability.objects.filter(volunteer=user).select_related("project__vote_fit")
    for one in own.order_by("pk"):
        yield {
            "project": one.project.slug,
            "reliability": one.value,
            "deviation": one.deviation,
            "where_the_better_answer_was_first": one.if_first,
            "where_it_was_second": one.if_second,
            "in_second_group": one.in_second if one.project.vote_fit.contested is not None else None,
            "found_at": one.project.vote_fit.fitted_at,
        }


def exclusions(user: User) -> Iterator[Row]:
    """Where a reviewer left out their judgments, and why."""
    for one in Exclusion.objects.filter(volunteer=user).select_related("project").order_by("pk"):
        yield {
            "project": one.project.slug,
            "reason": one.reason,
            "note": one.note,
            "since": one.created_at,
            "until": one.undone_at,
        }


def findings(user: User) -> Iterator[Row]:
    """In what their judgments are unlike others', as the last fit found it."""
    for one in Finding.objects.filter(volunteer=user).select_related("project").order_by("pk"):
        facts = {"project": one.project.slug, "finding": one.kind, "figures": one.figures}
        yield facts | {"found_at": one.found_at, "found_harmless_at": one.put_away_at}


def _where(comparison: Comparison) -> Row:
    return {
        "project": comparison.round.project.slug,
        "round": comparison.round.number,
        "comparison": comparison.pk,
    }


PARTS = {
    **annotator_data.PARTS,
    "judgments": judgments,
    "skipped": skipped,
    "assignments": assignments,
    "practice": practice,
    "gold_questions": gold_questions,
    "practice_advice": practice_advice,
    "thumbs": thumbs,
    "days": days,
    "reliability": reliability,
    "exclusions": exclusions,
    "findings": findings,
    "saved_filters": saved_filters,
}


ABOUT = {
    "account": gettext_lazy("you, your settings and where you are signed in"),
    "memberships": gettext_lazy(
        "the projects that you are a member of, and the groups that you stated there"
    ),
    "consents": gettext_lazy("what you agreed to, in the words that you read"),
    "invitations": gettext_lazy("invitations that you used or made"),
    "written_answers": gettext_lazy("answers that you wrote yourself"),
    "told_by_mail": gettext_lazy("what you were told by mail"),
    "log": gettext_lazy("what you did for projects, and what was done about you"),
    "judgments": gettext_lazy(
        "what you judged, with every correction: the answers in the order that you saw"
    ),
    "skipped": gettext_lazy("comparisons that you passed over"),
    "assignments": gettext_lazy("comparisons that you were given"),
    "practice": gettext_lazy("your answers in practice"),
    "gold_questions": gettext_lazy(
        "your answers to questions whose right answer was known, in closed rounds"
    ),
    "practice_advice": gettext_lazy("whether you were told that these answers differ from the right ones"),
    "thumbs": gettext_lazy("thumbs up and down that were taken from your conversations"),
    "days": gettext_lazy("how many judgments you gave on which day"),
    "reliability": gettext_lazy("how often your votes are right, as far as others' votes tell"),
    "exclusions": gettext_lazy("where a reviewer left out your judgments, and why"),
    "findings": gettext_lazy("in what your judgments are unlike others'"),
    "saved_filters": gettext_lazy("filters of the judgments browser that you saved"),
}


def add_part(name: str, rows: Callable[[User], Iterator[Row]], about: StrPromise) -> None:
    """Let the archive have what another app stores about people, and its README say what that is."""
    PARTS[name], ABOUT[name] = rows, about


def write_archive(user: User) -> Iterator[bytes]:
    """A ZIP file in pieces, written while it is read: a README, and for each part a file with a JSON list."""
    sink, now = Sink(), timezone.now()
    with ZipFile(sink, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(user))
        for name, part in PARTS.items():
            entry = ZipInfo(f"{name}.json", date_time=now.timetuple()[:6])
            entry.compress_type = ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in _as_json(part(user)):
                    file.write(piece.encode())
                    yield sink.take()
    yield sink.take()


class Sink(io.RawIOBase):
    """A file that can only be written, and gives away what was written since it was asked last."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _as_json(rows: Iterable[Row]) -> Iterator[str]:
    """A JSON list, one row a line; strict, so without NaN."""
    separator = "[\n"
    for row in rows:
        yield separator + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False, allow_nan=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _readme(user: User) -> str:
    lines = [
        _("All that Chorus stores about %s.") % user.email,
        "",
        *(f"{name}.json: {ABOUT[name]}" for name in PARTS),
        "",
        _("Each file is a list in JSON, in UTF-8. Times are in UTC. Who wrote an answer is left out."),
        _("What signs you in is left out, so that this file lets nobody in: password, token, second step."),
    ]
    return "\n".join(lines) + "\n"
