"""Characters in texts of imports and models that cannot be stored or seen."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# White space, control and format characters, and what Unicode 15 calls default ignorable: fillers, joiners,
# variation selectors, tags. The blank of Braille is none of these, and yet nothing is seen of it.
INVISIBLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def storable(text: str) -> str:
    """The text with NULs and lone surrogates replaced by U+FFFD."""
    return UNSTORABLE.sub("\ufffd", text)


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing of the text."""
    return INVISIBLE.fullmatch(text) is not None
