"""Finds where an answer names the model that wrote it, so that the name can be hidden from volunteers.

Names of well-known products are found wherever they stand, names that mean other things too only where the
answer says who it is ("I am Gemini, trained by Google", and so in several languages): the Gemini telescope
stays. What the question names itself tells nothing, and stays but where the answer claims it.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ranking.masking.names import AFTER, EVERYWHERE, EVERYWHERE_OTHER_SCRIPTS, HINTS, WAYS, WHERE_ONE_SAYS_WHO

Span = tuple[int, int]
HIDDEN = "\0"
"""Stands for what was found already: no name has it."""

BEGINS, ENDS = r"(?<![^\W_])", r"(?:(?<=['’])|(?![^\W_]))"
# Other scripts write prefixes and words without a gap: beside them a name stands by itself.
BEGINS_LATIN, ENDS_LATIN = r"(?<![a-zß-öø-ÿ0-9])", r"(?![a-zß-öø-ÿ0-9])"
BETWEEN = r"[\s,،*_\"'“”‘’«»„`:()—–-]*"
MOST_BETWEEN = 16
"""How many words of those that may stand between somebody's "I am" and the name."""
REACH = 250
"""Characters before a name in which they begin to say who they are, or name another of theirs."""

LINKS = tuple(f"{ENDS}{BETWEEN}(?:(?:{words}){ENDS}{BETWEEN}){{0,{MOST_BETWEEN}}}" for _begin, words in WAYS)
INTRODUCED = re.compile(
    "|".join(f"{BEGINS}(?:{begin}){link}\\Z" for (begin, _), link in zip(WAYS, LINKS, strict=True))
)
LINKED = re.compile("|".join(LINKS))
CLAIMED_AFTER = re.compile(AFTER)
AS, WITH_I = re.compile(rf"{BEGINS}as\s+\Z"), re.compile(r",?\s+i\b")


class Rule(NamedTuple):
    """The names to look for in a project's answers, in lower case."""

    hints: tuple[str, ...]
    """A text without any of them has no name, which is quickly seen."""
    names: re.Pattern[str]
    sure: re.Pattern[str]
    """Names that mean nothing else."""
    words: re.Pattern[str] | None
    """What the project hides wherever it stands."""


def find_names(
    text: str, *, own: Sequence[str] = (), words: Sequence[str] = (), asked: str = ""
) -> list[Span]:
    """Spans (start, end) in characters of the names to hide, sorted and not overlapping.

    `own` are the names that this chatbot goes by, `words` what is to be hidden wherever it stands, and
    `asked` is the question.
    """
    rule = make_rule(tuple(own), tuple(words))
    rest = _lower(text)
    if not any(hint in rest for hint in rule.hints):
        return []
    asked = _lower(asked)
    found: list[Span] = []
    # One name may stand in the way of another that it is part of.
    while spans := list(_search(rule, rest, asked)):
        found += spans
        letters = list(rest)
        for start, end in spans:
            letters[start:end] = HIDDEN * (end - start)
        rest = "".join(letters)
    return _joined(found, text)


def has_word(text: str, word: str) -> bool:
    """Whether the text contains the hidden word as a whole word."""
    rule = make_rule((), (word,))
    return bool(rule.words and rule.words.search(_lower(text)))


def hide(text: str, spans: Sequence[Sequence[int]], mark: str) -> str:
    """The text with each span replaced by the mark; spans are sorted and do not overlap."""
    parts, position = [], 0
    for start, end in spans:
        parts += [text[position:start], mark]
        position = end
    return "".join([*parts, text[position:]])


@lru_cache(maxsize=64)
def make_rule(own: tuple[str, ...], words: tuple[str, ...]) -> Rule:
    """The rule of a project, built from its own names and hidden words."""
    known = [_literally(name) for name in own if name.strip()]
    telling = [_literally(name) for name in own if _is_telling(name)]
    other = "|".join(EVERYWHERE_OTHER_SCRIPTS)
    sure = rf"{BEGINS_LATIN}{_any_of([*telling, *EVERYWHERE])}{ENDS_LATIN}|{other}"
    maybe = rf"{BEGINS_LATIN}{_any_of([*known, *WHERE_ONE_SAYS_WHO])}{ENDS_LATIN}"
    hidden = [_literally(word) for word in words if word.strip()]
    return Rule(
        hints=(*HINTS, *(_lower(name.split()[0]) for name in (*own, *words) if name.strip())),
        names=re.compile(f"{sure}|{maybe}"),
        sure=re.compile(sure),
        words=re.compile(_any_of(hidden)) if hidden else None,
    )


def _search(rule: Rule, text: str, asked: str) -> Iterator[Span]:
    if rule.words:
        yield from (match.span() for match in rule.words.finditer(text))
    last = len(text)
    for match in rule.names.finditer(text):
        start, end = match.span()
        is_sure = rule.sure.fullmatch(text, start, end) and match.group() not in asked
        if (
            is_sure
            or _is_claimed(text, start, end)
            or (last <= start <= last + REACH and LINKED.fullmatch(text, last, start))
        ):
            yield start, end
            last = end


def _is_claimed(text: str, start: int, end: int) -> bool:
    """Whether the answer presents the name as its own or as its maker's ("I am …", "trained by …")."""
    before = text[max(0, start - REACH) : start]
    return bool(
        CLAIMED_AFTER.match(text, end)
        or INTRODUCED.search(before)
        or (AS.search(before) and WITH_I.match(text, end))
    )


def _joined(spans: list[Span], text: str) -> list[Span]:
    """The spans sorted, and merged where they overlap or only white space separates them."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and (start <= joined[-1][1] or not text[joined[-1][1] : start].strip()):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _is_telling(name: str) -> bool:
    """Whether a name of one's own can mean nothing else: "SmolLM2-135M", and not "starter" or "Version 7"."""
    return len(name) > 4 and len(name.split()) == 1 and bool(re.search(r"\d.*[a-z]|[a-z].*\d", _lower(name)))


def _literally(name: str) -> str:
    """A pattern of the name as whole words, with any white space between them."""
    words = [re.escape(_lower(word)) for word in name.split()]
    begins = BEGINS if _has_gaps(name.strip()[0]) else ""
    ends = r"(?![^\W_])" if _has_gaps(name.strip()[-1]) else ""
    return begins + r"\s+".join(words) + ends


def _has_gaps(letter: str) -> bool:
    """Whether the character's script separates words by spaces: it has two cases or is a digit."""
    return letter.isdecimal() or letter.lower() != letter.upper()


def _any_of(patterns: Sequence[str]) -> str:
    """A pattern of alternatives, the longest first, because the first match wins."""
    return f"(?:{'|'.join(sorted(patterns, key=len, reverse=True))})"


def _lower(text: str) -> str:
    """In lower case, one character for one, so that positions stay valid."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
