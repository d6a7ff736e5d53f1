"""A comparison as HTML, with nothing entered yet.

But for its texts, one comparison looks like every other of its shape. So the template is rendered once for a
shape, with marks in the place of texts, and each comparison is written into what lies between the marks. The
template would take half of the time that a judgment takes the server; this takes next to none.
"""

import re
import uuid
from functools import lru_cache
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from annotator.markdown import render_without_links
from annotator.models import Completion, FlagKind, Project, Prompt
from ranking.forms import LONG, JudgmentForm, is_long
from ranking.models import Assignment, Comparison, Round
from ranking.models.masks import shown_text

# Characters that nothing in the template has, nor a project's own words, which are printable.
OPEN, CLOSE = "\ue000", "\ue001"
KEY = uuid.UUID(int=2**127 + 1)
ADDRESS = 2**53 - 1
# A text that Markdown was made of is a paragraph.
MARKS = re.compile(
    f"<p>{OPEN}(?P<html>\\w+)-*{CLOSE}</p>\n?|{OPEN}(?P<text>\\w+)-*{CLOSE}|(?P<key>{KEY})|(?P<address>{ADDRESS})"
)


WRITTEN = ("html", "text")


class Shape(NamedTuple):
    """All that the HTML of a fresh comparison depends on, but for texts, key and address."""

    interface: str | None
    project: str
    criteria: tuple[str, ...]
    flag_kinds: tuple[str, ...]
    offers_rewrites: bool
    language: str
    roles: tuple[str, ...]
    conversation_is_long: bool
    are_long: tuple[bool, ...]


def render_fresh(assignment: Assignment, csrf_token: str) -> SafeString:
    """The comparison of an assignment; its `shown`, `comparison.prompt` and `round.project` are loaded."""
    project, prompt = assignment.round.project, assignment.comparison.prompt
    answers = [shown_text(completion) for completion in assignment.shown]
    messages = [message["content"] for message in prompt.messages]
    shape = Shape(
        interface=get_language(),
        project=project.slug,
        criteria=tuple(project.criteria),
        flag_kinds=tuple(project.flag_kinds),
        offers_rewrites=project.offers_rewrites,
        language=prompt.language,
        roles=tuple(message["role"] for message in prompt.messages),
        conversation_is_long=is_long("\n".join(messages)),
        are_long=tuple(map(is_long, answers)),
    )
    texts = {f"message{n}": text for n, text in enumerate(messages)}
    texts |= {f"answer{n}": text for n, text in enumerate(answers)}
    fixed = {"csrf": csrf_token, "key": str(assignment.key), "address": str(assignment.pk)}
    filled = (
        part if how is None else fixed.get(part) or _written(texts[part], how) for how, part in _parts(shape)
    )
    return mark_safe("".join(filled))  # noqa: S308  (the template's own, and texts that were escaped)


def _written(text: str, how: str) -> str:
    return render_without_links(text) if how == "html" else escape(text)


@lru_cache(maxsize=512)
def _parts(shape: Shape) -> list[tuple[str | None, str]]:
    """The template rendered for this shape: (None, HTML), or how something is to be written and its name."""
    html = render_to_string("ranking/_comparison.html", _stand_in(shape))
    parts: list[tuple[str | None, str]] = []
    position = 0
    for mark in MARKS.finditer(html):
        how = str(mark.lastgroup)
        parts += [(None, html[position : mark.start()]), (how, mark[how] if how in WRITTEN else how)]
        position = mark.end()
    return [*parts, (None, html[position:])]


def _stand_in(shape: Shape) -> dict[str, object]:
    """The template's context for a comparison of this shape whose texts are marks."""
    project = Project(
        slug=shape.project,
        criteria=list(shape.criteria),
        flags_off=[kind for kind in FlagKind.values if kind not in shape.flag_kinds],
        offers_rewrites=shape.offers_rewrites,
    )
    prompt = Prompt(
        language=shape.language,
        messages=[
            {"role": role, "content": _mark(f"message{n}", is_long=shape.conversation_is_long)}
            for n, role in enumerate(shape.roles)
        ],
    )
    assignment = Assignment(
        pk=ADDRESS,
        key=KEY,
        order=list(range(len(shape.are_long))),
        round=Round(project=project),
        comparison=Comparison(prompt=prompt),
    )
    assignment.shown = [
        Completion(text=_mark(f"answer{n}", is_long=is_long)) for n, is_long in enumerate(shape.are_long)
    ]
    return {
        "form": JudgmentForm(assignment=assignment),
        "assignment": assignment,
        "prompt": prompt,
        "project": project,
        "csrf_token": _mark("csrf"),
    }


def _mark(name: str, *, is_long: bool = False) -> str:
    return f"{OPEN}{name}{'-' * LONG if is_long else ''}{CLOSE}"
