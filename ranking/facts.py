"""What the acts of ranking depend on."""

from django.utils.translation import gettext as _

from annotator.models import AuditEvent, Project, User
from annotator.pseudonyms import pseudonym_of
from annotator.shown import Fact, Facts

from .models import (
    AnswerReview,
    Dataset,
    Demonstration,
    Exclusion,
    Finding,
    Mask,
    PracticeComparison,
    Round,
)


def round_facts(project: Project) -> Facts:
    """The newest round that was opened, and whether it is open, paused or closed."""
    last = project.rounds.begun().first()
    value = f"{last.number} {_openness(last)}" if last else ""
    events = AuditEvent.objects.about(project, "round.opened", "round.closed", "round.moved")
    return {"round": Fact(_("Newest round"), value, _round_words, events)}


def _openness(last: Round) -> str:
    return ("paused" if last.is_paused else "open") if last.is_open else "closed"


def _round_words(value: str) -> str:
    number, _space, state = value.partition(" ")
    words = {"open": _("round %s, open"), "paused": _("round %s, paused")}
    return words.get(state, _("round %s, closed")) % number


def dataset_facts(project: Project) -> Facts:
    last = (
        Dataset.objects.filter(project=project).order_by("-number").values_list("number", flat=True).first()
    )
    events = AuditEvent.objects.about(project, "dataset.created")
    return {"dataset": Fact(_("Newest dataset"), str(last or ""), events=events)}


def mask_facts(mask: Mask) -> Facts:
    """What is hidden of an answer (from–to, in characters), and what was decided about it."""
    hidden = ".".join(f"{start}-{end}" for start, end in mask.spans)
    decisions = ("mask.decided", "mask.word_hidden")
    project = mask.completion.prompt.project_id
    events = AuditEvent.objects.about(project, *decisions, target=mask.completion)
    return {
        "decision": Fact(_("Decision"), mask.decision or "open", _decision_words, events),
        "hidden": Fact(_("Marked parts"), hidden, _count_of_parts, events),
    }


def _decision_words(value: str) -> object:
    return dict(Mask.Decision.choices).get("" if value == "open" else value, value)


def _count_of_parts(value: str) -> str:
    return str(len(value.split(".")))


def answer_facts(review: AnswerReview) -> Facts:
    """What was decided about a flagged answer."""
    project = review.completion.prompt.project_id
    events = AuditEvent.objects.about(project, "answer.kept", "answer.withdrawn", target=review.completion)
    words = dict(AnswerReview.Decision.choices)
    decision = review.decision or "open"
    return {
        "decision": Fact(
            _("Decision"), decision, lambda value: words.get("" if value == "open" else value, value), events
        )
    }


def rewrite_facts(demonstration: Demonstration) -> Facts:
    """What was decided about an answer that a volunteer wrote, and whether its judgment still counts."""
    judgment = demonstration.judgment
    verbs = ("rewrite.accepted", "rewrite.edited", "rewrite.refused")
    events = AuditEvent.objects.about(judgment.comparison.round.project_id, *verbs, target=judgment)
    words = dict(Demonstration.State.choices)
    return {
        "rewrite": Fact(
            _("Rewritten answer"), demonstration.state, lambda value: words.get(value, value), events
        ),
        "counts": Fact(_("Its judgment"), "yes" if judgment.is_current else "no", _counts_words),
    }


def _counts_words(value: str) -> str:
    return _("counts") if value == "yes" else _("was corrected")


def person_facts(project: Project, volunteer: User) -> Facts:
    """Whether a person's judgments are left out, and what waits for a reviewer's look at them."""
    excluded = Exclusion.objects.active().filter(project=project, volunteer=volunteer).exists()
    waiting = Finding.objects.waiting_in(project).filter(volunteer=volunteer)
    verbs = ("person.excluded", "person.included", "person.looks_fine", "person.looked_at_again")
    events = AuditEvent.objects.about(project, *verbs).filter(
        data__person=pseudonym_of(project.pk, volunteer.pk)
    )
    return {
        "judgments": Fact(_("Judgments"), "out" if excluded else "in", _inclusion_words, events),
        "found": Fact(
            _("To look at"), ".".join(sorted(waiting.values_list("kind", flat=True))), _found_words
        ),
    }


def _inclusion_words(value: str) -> str:
    return _("left out") if value == "out" else _("counted")


def _found_words(value: str) -> str:
    words = dict(Finding.Kind.choices)
    return ", ".join(str(words.get(kind, kind)) for kind in value.split("."))


def practice_facts(comparison: PracticeComparison) -> Facts:
    used = "yes" if comparison.is_in_use else "no"
    events = AuditEvent.objects.about(comparison.project, "practice.removed", target=comparison)
    return {"used": Fact(_("Practice comparison"), used, _practice_words, events)}


def _practice_words(value: str) -> str:
    return _("in use") if value == "yes" else _("replaced or removed")
