"""Question: a better answer, written from scratch or by editing one of those shown."""

from typing import Any, TypedDict

from django import forms
from django.utils.translation import gettext as _
from rest_framework import serializers

from annotator.models import Completion
from annotator.services.completions import add_completions, get_or_create_person
from annotator.text.storable import UNSTORABLE
from ranking.errors import InvalidJudgmentError
from ranking.models import Demonstration, Judgment
from ranking.models.masks import hidden_mark, shown_text

from .base import LETTERS, Answer, Asked, Part, Question, QuestionForm, Sent, number_field
from .ranks import Ranks

LONGEST = 20_000


class Written(TypedDict):
    """A text in place of the completion `original` of the comparison."""

    original: int
    text: str


class RewriteSerializer(serializers.Serializer):
    original = serializers.IntegerField(
        source="original_id", help_text="The completion in whose place it was written."
    )
    text = serializers.CharField(source="completion.text", max_length=LONGEST, help_text="In Markdown.")


class ReviewedRewriteSerializer(RewriteSerializer):
    state = serializers.ChoiceField(
        Demonstration.State.choices, help_text="It is learned from once it was `accepted`."
    )
    word = serializers.CharField(help_text="What a reviewer says to its writer; mostly empty.")


class Rewrite(Question):
    """(original, text), None where nothing was written; kept as a demonstration preferred to its original."""

    name = "rewrite"
    default = None
    prefetch = ("demonstration__completion", "demonstration__edited")

    def fields(self, asked: Asked) -> dict[str, forms.Field]:
        letters = [(place, LETTERS[place - 1]) for place, _completion in asked.places]
        # Its length counts as it is stored, so `check` looks at it: a line's end is one character there.
        text = forms.CharField(
            required=False, max_length=2 * LONGEST, error_messages={"max_length": _too_long()}
        )
        return {"rewrite": text, "rewrite_of": number_field(letters)}

    def entered(self, form: QuestionForm) -> Written | None:
        """The text, with the answer that it rewrites: the chosen one, else the first of the best."""
        if not (text := form.cleaned_data["rewrite"]):
            return None
        order = form.asked.order
        if place := form.cleaned_data["rewrite_of"]:
            return {"original": order[place - 1], "text": text}
        if not (ranks := Ranks().entered(form)):
            raise InvalidJudgmentError(_("Choose which answer you started from."))
        best = min(order, key=lambda completion: ranks.get(completion, len(order)))
        return {"original": best, "text": text}

    def initial(self, answer: Answer, asked: Asked) -> dict[str, Any]:
        if answer["rewrite"] is None:
            return {}
        original, text = answer["rewrite"]
        return {"rewrite": text, "rewrite_of": asked.place_of[original]}

    def part(self, form: QuestionForm) -> Part | None:
        """Shown where the project asks for it, and where something was written already."""
        text = form["rewrite"].value() or ""
        if not text and not form.asked.project.offers_rewrites:
            return None
        return {
            "template": "ranking/questions/_rewrite.html",
            "text": text,
            "of": str(form["rewrite_of"].value() or ""),
            "longest": LONGEST,
        }

    def check(self, value: Written | None, asked: Asked, sent: Sent) -> tuple[int, str] | None:
        text = _tidy(value["text"]) if value else ""
        if not value or not text:
            return None
        original = value["original"]
        if original not in asked.completions:
            raise InvalidJudgmentError(
                _("What you wrote replaces an answer that is not part of this comparison.")
            )
        if UNSTORABLE.search(text):
            raise InvalidJudgmentError(_("What you wrote holds characters that cannot be stored."))
        if _is_as_shown(text, original, asked):
            return None
        if not asked.project.offers_rewrites and not asked.earlier.get("rewrite"):
            raise InvalidJudgmentError(
                _("This project does not ask for your own answers. Remove yours to submit the rest.")
            )
        if hidden_mark() in text:
            raise InvalidJudgmentError(
                _("What you wrote still contains “%s”: replace it with other words.") % hidden_mark()
            )
        if len(text) > LONGEST:
            raise InvalidJudgmentError(_too_long())
        return original, text

    def columns(self, value: Any) -> dict[str, Any]:
        return {}

    def store(self, judgment: Judgment, value: tuple[int, str] | None) -> None:
        """Keep the text as its volunteer's demonstration, which waits for a reviewer.

        It does not where the project takes it without, or where one has decided about it before.
        """
        if value is None:
            return
        original, text = value
        prompt = judgment.comparison.prompt
        author = get_or_create_person(project=prompt.project, user=judgment.volunteer)
        (completion,) = add_completions(author=author, texts=[(prompt, text)])
        stored = Demonstration.objects.create(judgment=judgment, original_id=original, completion=completion)
        same = {"judgment": judgment.corrects_id, "original": original, "completion": completion}
        if earlier := Demonstration.objects.filter(**same).first():
            stored.decide_like(earlier)
        elif prompt.project.takes_rewrites_unread:
            stored.decide(Demonstration.State.ACCEPTED, actor=None)

    def read(self, judgment: Judgment) -> tuple[int, str] | None:
        written: Demonstration | None = getattr(judgment, "demonstration", None)
        return (written.original_id, written.completion.text) if written else None

    def request_field(self) -> serializers.Field:
        return RewriteSerializer(
            default=None,
            allow_null=True,
            help_text="A better answer of your own, where the project's `offers_rewrites` is true: stored as "
            "a demonstration that is preferred to its original. One that changes nothing is none.",
        )

    def from_request(self, value: dict[str, Any] | None) -> Written | None:
        return {"original": value["original_id"], "text": value["completion"]["text"]} if value else None

    def response_field(self) -> serializers.Field:
        return ReviewedRewriteSerializer(source="demonstration", allow_null=True)

    def export(self, value: tuple[int, str] | None) -> dict[str, Any]:
        return {"rewrite": {"original": value[0], "text": value[1]} if value else None}


def _too_long() -> str:
    return _("What you wrote is longer than %d characters.") % LONGEST


def _tidy(text: str) -> str:
    """The text as it is stored and compared: browsers send other line ends, and nobody sees outer space."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _is_as_shown(text: str, original: int, asked: Asked) -> bool:
    """Whether it is the original unchanged; raises InvalidJudgmentError where it is another answer."""
    compared = Completion.objects.select_related("mask").filter(pk__in=asked.completions)
    known = {one.pk: {_tidy(one.text), _tidy(shown_text(one))} for one in compared}
    if text in known.pop(original):
        return True
    if any(text in texts for texts in known.values()):
        raise InvalidJudgmentError(
            _("What you wrote is the same as another of the answers: give that one the better rank instead.")
        )
    return False
