"""A better answer that a volunteer wrote with a judgment: what it may be, and storing it."""

from collections.abc import Set
from typing import TypedDict

from django.utils.translation import gettext as _

from annotator.models import Completion
from annotator.services.completions import add_completions, get_or_create_person
from annotator.text import UNSTORABLE
from ranking.errors import InvalidJudgmentError
from ranking.models import Demonstration, Judgment
from ranking.models.masks import hidden_mark, shown_text

REWRITE_LIMIT = 20_000


class Rewrite(TypedDict):
    """A text in the place of the completion `original` of the comparison."""

    original: int
    text: str


def tidy(text: str) -> str:
    """The text as it is stored and compared: browsers send other line ends, and nobody sees outer space."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def check_rewrite(rewrite: Rewrite | None, *, completions: Set[int], offered: bool) -> tuple[int, str] | None:
    """(original, text), or None where nothing was written; raises InvalidJudgmentError."""
    text = tidy(rewrite["text"]) if rewrite else ""
    if not rewrite or not text:
        return None
    original = rewrite["original"]
    if original not in completions:
        raise InvalidJudgmentError(_("What you wrote mends an answer that is not part of this comparison."))
    if UNSTORABLE.search(text):
        raise InvalidJudgmentError(_("What you wrote holds characters that cannot be stored."))
    compared = Completion.objects.select_related("mask").filter(pk__in=completions)
    known = {one.pk: {tidy(one.text), tidy(shown_text(one))} for one in compared}
    if text in known.pop(original):
        return None
    if any(text in texts for texts in known.values()):
        raise InvalidJudgmentError(
            _("What you wrote is the same as another of the answers: give that one the better rank instead.")
        )
    if not offered:
        raise InvalidJudgmentError(
            _("This project does not ask for answers of your own. Take yours out to send the rest.")
        )
    if hidden_mark() in text:
        raise InvalidJudgmentError(
            _("In what you wrote there still is “%s”: put other words in its place.") % hidden_mark()
        )
    if len(text) > REWRITE_LIMIT:
        raise InvalidJudgmentError(_("What you wrote is longer than %d characters.") % REWRITE_LIMIT)
    return original, text


def store_rewrite(judgment: Judgment, original: int, text: str) -> None:
    """Keep the text as its volunteer's demonstration, which is preferred to the original."""
    prompt = judgment.comparison.prompt
    author = get_or_create_person(project=prompt.project, user=judgment.volunteer)
    (completion,) = add_completions(author=author, texts=[(prompt, text)])
    Demonstration.objects.create(judgment=judgment, original_id=original, completion=completion)
