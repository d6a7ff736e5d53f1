"""What no database can hold, and what every import and every model may bring."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with NULs and lone surrogates replaced by U+FFFD."""
    return UNSTORABLE.sub("\ufffd", text)
