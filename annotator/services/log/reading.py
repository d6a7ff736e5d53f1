"""Reading the audit log of a project."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _

from annotator.log_words import NAMES, SENTENCES, VALUES
from annotator.models import AuditEvent
from annotator.models.audit import AuditEventQuerySet

CHUNK = 500
ISOLATED = "\u2068%s\u2069"
"""Marks that keep a name of the other direction of writing from moving the words around it."""


@dataclass(frozen=True)
class Line:
    """An audit row as people read it."""

    event: AuditEvent
    who: str
    sentence: str

    @property
    def details(self) -> list[tuple[str, str]]:
        """What the row holds beside, by name."""
        return [(name, _as_text(value)) for name, value in self.event.data.items()]


def read_lines(events: Sequence[AuditEvent]) -> list[Line]:
    """The rows in words, with as many queries as there are kinds of targets among them.

    The rows have their actors; what a target is called is looked up here.
    """
    names = _names_of({event.target for event in events})
    return [_line(event, names) for event in events]


def read_in_chunks(events: AuditEventQuerySet) -> Iterator[list[Line]]:
    """All rows, the newest first, some at a time: no query is kept open while they are sent."""
    last = None
    while chunk := list((events.filter(pk__lt=last) if last else events)[:CHUNK]):
        yield read_lines(chunk)
        last = chunk[-1].pk


def _names_of(targets: set[str]) -> dict[str, object]:
    """What the targets that are still there are called."""
    by_kind: dict[str, set[int]] = defaultdict(set)
    for target in targets:
        kind, _colon, pk = target.partition(":")
        if kind in NAMES and pk.isdecimal():
            by_kind[kind].add(int(pk))
    return {f"{kind}:{pk}": name for kind, ids in by_kind.items() for pk, name in NAMES[kind](ids).items()}


def _line(event: AuditEvent, names: Mapping[str, object]) -> Line:
    sentence = SENTENCES.get(event.verb)
    gone = _("(no longer there)")
    if event.actor:
        who = str(event.actor)
    elif sentence is None or sentence.by_itself:
        who = _("Chorus")
    else:
        who = _("Somebody whose account was erased")
    values = {name: str(VALUES.get(value, value)) for name, value in _said(event.data).items()}
    values |= {"who": who, "target": str(names.get(event.target, gone))}
    isolated = defaultdict(lambda: "?", {name: ISOLATED % value for name, value in values.items()})
    words = str(sentence.words) if sentence else "%(who)s: " + event.verb.replace("%", "%%")
    return Line(event, who, words % isolated)


def _said(data: Mapping[str, Any]) -> dict[str, str]:
    """What a sentence says of a row's values: of a list how many there are."""
    return {
        name: str(len(value)) if isinstance(value, list) else _as_text(value) for name, value in data.items()
    }


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
