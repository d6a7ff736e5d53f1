"""Reviewers' decisions about answers that volunteers wrote."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.models import Completion, User
from annotator.services.audit import record
from annotator.services.completions import add_completions
from annotator.shown import Shown, check_shown
from ranking.errors import RankingError
from ranking.facts import rewrite_facts
from ranking.models import ComparisonItem, Demonstration
from ranking.questions import Asked
from ranking.questions.rewrite import Rewrite

State = Demonstration.State


@transaction.atomic
def accept_rewrite(
    *, demonstration: Demonstration, text: str, actor: User, shown: Shown | None = None
) -> Demonstration:
    """Have a rewritten answer learned from, with the text as the reviewer left it.

    Raises RankingError for a text that nobody could have sent.
    """
    locked = _lock(demonstration, shown)
    edited = _edited(locked, text)
    locked.decide(State.ACCEPTED, actor=actor, edited=edited)
    project = locked.judgment.comparison.round.project
    verb = "rewrite.edited" if edited else "rewrite.accepted"
    record(verb, actor=actor, project=project, target=locked.judgment)
    return locked


@transaction.atomic
def refuse_rewrite(
    *, demonstration: Demonstration, word: str, actor: User, shown: Shown | None = None
) -> Demonstration:
    """Have nobody learn from a rewritten answer, with a word to its writer."""
    locked = _lock(demonstration, shown)
    locked.decide(State.REFUSED, actor=actor, word=word)
    project = locked.judgment.comparison.round.project
    record("rewrite.refused", actor=actor, project=project, target=locked.judgment, word=word)
    return locked


def _lock(demonstration: Demonstration, shown: Shown | None) -> Demonstration:
    rows = Demonstration.objects.select_for_update(of=("self",))
    locked = rows.select_related("judgment__comparison__round__project", "completion__author").get(
        pk=demonstration.pk
    )
    check_shown(shown, rewrite_facts(locked))
    return locked


def _edited(demonstration: Demonstration, text: str) -> Completion | None:
    """The text as a completion by its volunteer's own Author; None where it is as they wrote it."""
    comparison = demonstration.judgment.comparison
    items = ComparisonItem.objects.filter(comparison=comparison).values_list("completion_id", flat=True)
    written = demonstration.completion
    earlier = {"rewrite": (demonstration.original_id, written.text)}
    asked = Asked(list(items), comparison.round.project, earlier=earlier)
    checked = Rewrite().check({"original": demonstration.original_id, "text": text}, asked, {})
    if checked is None:
        raise RankingError(_("Nothing is left that is other than the answer it replaces: refuse it instead."))
    if checked[1] == written.text:
        return None
    (edited,) = add_completions(author=written.author, texts=[(written.prompt, checked[1])])
    return edited
