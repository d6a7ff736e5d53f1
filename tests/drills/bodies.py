"""Bodies made to cost much, and the largest honest ones, for `test_bodies`."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from .site import MIB

BODY = 5 * MIB - 1000
FORM_BODY = 2 * MIB - 1000
LINES = 9990
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"

Make = Callable[[], bytes]


@dataclass(frozen=True)
class Body:
    """What is sent, and to which of the project's pages or operations."""

    name: str
    to: str
    make: Make
    kind: str = "application/json"


def full(unit: str, before: str = "", after: str = "", size: int = BODY) -> Make:
    """The unit as often as it goes into the size."""
    return lambda: (before + unit * ((size - len(before) - len(after)) // len(unit)) + after).encode()


def as_json(make: Callable[[], object]) -> Make:
    return lambda: json.dumps(make()).encode()


def lines(make: Callable[[int], object], number: int = LINES) -> Make:
    return lambda: b"".join(json.dumps(make(n)).encode() + b"\n" for n in range(number))


def keys(number: int) -> dict[str, int]:
    return dict.fromkeys(map(str, range(number)), 1)


def prompts(make: Callable[[int], object]) -> Make:
    return as_json(lambda: {"prompts": [make(n) for n in range(1000)]})


def talk(number: int, content: str) -> dict[str, object]:
    roles = ["assistant" if place % 2 else "user" for place in range(number)]
    return {"messages": [{"role": role, "content": content} for role in roles]}


WIDE = {"ones": "1,", "lists": "[],", "objects": "{},", "texts": '"",', "floats": "9.75,", "brackets": "["}

PROGRAMS = [
    *(Body(f"prompts: {name}", "prompts", full(unit, '{"prompts": [', "0]}")) for name, unit in WIDE.items()),
    *(Body(f"ids: {name}", "withdraw", full(unit, '{"ids": [', "0]}")) for name, unit in WIDE.items()),
    Body("keys", "prompts", as_json(partial(keys, 380_000))),
    Body("nested objects", "prompts", full('{"":')),
    Body("one text", "prompts", full("a", '{"prompts": ["', '"]}')),
    Body("escapes", "prompts", full("\\u0041", '{"prompts": ["', '"]}')),
    Body("90,000 wrong ids", "withdraw", as_json(lambda: {"ids": ["x"] * 90_000})),
    Body("90,000 wrong ranks", "judge", as_json(lambda: {"ranks": [1] * 90_000})),
    Body("9,000 settings", "updates", as_json(lambda: {"settings": {"ppo": keys(9000)}})),
    Body("1,000 wrong prompts", "prompts", prompts(lambda n: {"prompt": n})),
    Body("1,000 long prompts", "prompts", prompts(lambda n: {"prompt": f"{n}" + " why" * 1200})),
    Body("1,000 conversations", "prompts", prompts(lambda n: talk(23, f"{n} so"))),
    Body("gzip", "prompts", full("\0", "\x1f\x08")),
]


def csv() -> bytes:
    rows = (f'"Why is {n} the number, of the sea?{" Really." * 50}",en,school\n' for n in range(LINES))
    return ("prompt,language,source\n" + "".join(rows)).encode()


def printed(number: int) -> dict[str, str]:
    """A conversation as Python prints it."""
    return {"prompt": str(talk(3, f"Why is {number} so?")["messages"])}


FILES: Iterable[tuple[str, str, Make]] = [
    ("honest CSV", "a.csv", csv),
    ("honest JSONL", "a.jsonl", lines(lambda n: {"prompt": f"How is {n}?" + " Yes." * 80})),
    ("honest conversations", "a.json", as_json(lambda: [talk(5, f"{n} is so") for n in range(LINES)])),
    ("printed by Python", "a.jsonl", lines(printed)),
    ("columns", "a.csv", full(",", "prompt", "\nx\n")),
    ("columns of 2 letters", "a.csv", full("ab,", "prompt,", "c\nx\n")),
    ("fields of a row", "a.csv", full("ab,", "prompt\n")),
    ("quotes", "a.csv", full('""', 'prompt\n"', '"\n')),
    ("keys", "a.jsonl", as_json(partial(keys, 380_000))),
    ("keys of 40 lines", "a.jsonl", lines(lambda n: keys(9000), 40)),
    ("lists in a list", "a.json", full("[],", "[", "[]]")),
    ("ones in a list", "a.json", full("1,", "[", "0]")),
    ("wrong lines", "a.jsonl", full("x" * 550 + "\n")),
    ("transcripts", "a.jsonl", lines(lambda n: {"prompt": "Human: a\n" * 40})),
    ("a long transcript", "a.jsonl", full("Human: a\\n", '{"prompt": "', '"}')),
    ("Python lists", "a.jsonl", lines(lambda n: {"prompt": "[{'role': 'user'}, " + "[]," * 150 + "]"})),
    ("zip", "a.zip", full("\0", "PK\x03\x04")),
    ("Parquet", "a.parquet", full("\0", "PAR1")),
]


def part(name: str, content: str = "", head: str = "") -> str:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{head}\r\n\r\n{content}\r\n'


def upload(filename: str, make: Make) -> bytes:
    begin = part("file", head=f'; filename="{filename}"').removesuffix("\r\n")
    return begin.encode() + make() + b"\r\n--x--\r\n"


UPLOADS = [
    *(Body(name, "import", partial(upload, filename, make), MULTIPART) for name, filename, make in FILES),
    Body("practice: {}", "practice", partial(upload, "a.jsonl", full("{}\n", size=25_000)), MULTIPART),
    Body("practice: lists", "practice", partial(upload, "a.jsonl", full("[],", "[", "]", MIB)), MULTIPART),
]
QUOTES = "=" + "'" * 49_000 + "&"
BASE64 = "\r\nContent-Transfer-Encoding: base64"
TEXTS = {
    "settings": ("name", "description", "system_prompt"),
    "guidelines": ("guidelines",),
    "publishing": ("consent_text",),
    "ranking": ("criteria",),
    "advanced": ("hidden_words",),
}


def _quotes(names: tuple[str, ...]) -> bytes:
    return "".join(name + QUOTES for name in names).encode()


FORMS = [
    Body("fields: &", "settings", full("a&", size=FORM_BODY), FORM),
    Body("500 fields", "settings", full("a=" + "b" * 4200 + "&", size=FORM_BODY), FORM),
    Body("one text", "settings", full("'", "name=", size=FORM_BODY), FORM),
    Body("one text of %", "settings", full("%25", "name=", size=FORM_BODY), FORM),
    Body("wrong choices", "ranking", full("flags_off=" + "'" * 45_000 + "&", size=FORM_BODY), FORM),
    *(Body(f"long texts: {page}", page, partial(_quotes, names), FORM) for page, names in TEXTS.items()),
    Body("too large", "settings", full("a", "name="), FORM),
    Body("parts", "settings", full(part("a"), after="--x--\r\n"), MULTIPART),
    Body("parts without a name", "settings", full("--x\r\n\r\n\r\n", after="--x--\r\n"), MULTIPART),
    Body("a part's head", "settings", full("a: b\r\n", "--x\r\n", "\r\n\r\n--x--\r\n"), MULTIPART),
    Body("files", "settings", full(part("a", head='; filename="a"'), after="--x--\r\n"), MULTIPART),
    Body("base64 of nothing", "settings", full(" ", part("a", head=BASE64), "\r\n--x--\r\n"), MULTIPART),
]
