"""What a page showed, which every act carries: who acts on something else is told what changed meanwhile.

A page's form has the facts that its act depends on in a hidden field (`{% shown facts %}`); in the API they
are an object's ETag, which comes back in If-Match. The act's service compares them with the facts as they
are, in the transaction that holds the rows' lock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from .errors import RefusedError
from .models import AuditEvent

FIELD = "shown"
LONGEST = 20_000


@dataclass(frozen=True)
class Fact:
    """Something that an act depends on.

    `value` is what it is now, as pages and ETags carry it; `words` says what a value means to people.
    `events` are the audit rows of those who change it, the newest first.
    """

    label: StrOrPromise
    value: str
    words: Callable[[str], object] = str
    events: QuerySet[AuditEvent] | None = None


Facts = Mapping[str, Fact]


@dataclass(frozen=True)
class Change:
    """What became of a fact since the page was made; `before` is empty where the page did not say."""

    label: StrOrPromise
    before: object
    now: object
    event: AuditEvent | None = None

    def __str__(self) -> str:
        return f"{self.label}: {self.before or '–'} → {self.now or '–'}"


class ChangedMeanwhileError(RefusedError):
    """The act is about something that has changed since it was shown; nothing was done."""

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes
        what = "; ".join(map(str, changes))
        super().__init__(_("This was changed since you saw it; nothing was done. %s") % what)


@dataclass(frozen=True)
class Shown:
    """What an act was shown: its facts' values by name; of a program's several ETags any may be right."""

    pages: tuple[Mapping[str, str], ...]

    @classmethod
    def on_page(cls, request: HttpRequest) -> Self:
        """What the page says that the request comes from; a page that says nothing is out of date."""
        return cls((_read(request.POST.get(FIELD, "")),))

    @classmethod
    def in_header(cls, if_match: str | None) -> Self | None:
        """What a program names in If-Match, weak or strong; None where it names nothing, or `*`."""
        if if_match is None or if_match.strip() == "*":
            return None
        tags = if_match.split(",")
        return cls(tuple(_read(tag.strip().removeprefix("W/").strip('"')) for tag in tags))

    def differences(self, facts: Facts) -> list[Change]:
        """How things are other than shown; empty if they are so."""
        current = {name: fact.value for name, fact in facts.items()}
        if current in self.pages:
            return []
        page = self.pages[0]
        differing = [
            (fact, page.get(name, "")) for name, fact in facts.items() if page.get(name) != fact.value
        ]
        return [
            Change(
                fact.label,
                fact.words(before) if before else "",
                fact.words(fact.value) if fact.value else "",
                fact.events.select_related("actor").first() if fact.events is not None else None,
            )
            for fact, before in differing
        ]


def check_shown(shown: Shown | None, facts: Facts) -> None:
    """Raise ChangedMeanwhileError unless the facts are as shown; call it while their rows are locked.

    None, for commands and the clock, passes: nobody looked at anything.
    """
    if shown is not None and (changes := shown.differences(facts)):
        raise ChangedMeanwhileError(changes)


def text_of(facts: Facts) -> str:
    """The facts as a form's field and an ETag have them."""
    return urlencode({name: fact.value for name, fact in facts.items()})


def _read(text: str) -> dict[str, str]:
    return dict(parse_qsl(text[:LONGEST], keep_blank_values=True))
