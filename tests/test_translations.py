"""Every text of the pages is there in every language, whole and current."""

import ast
import gettext
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings as site_settings
from django.core.management import call_command

ROOT = Path(site_settings.BASE_DIR)
SOURCES = ("annotator", "ranking", "training", "config", "templates")
LANGUAGES = [code for code, _name in site_settings.LANGUAGES if code != "en"]
FILLED = re.compile(r"%\((\w+)\)[sd]|%[sd]")  # by Python
PLACEHOLDER = re.compile(rf"{FILLED.pattern}|\{{\w+\}}")  # or by a script
TAG = re.compile(r"</?\w+[^>]*>")
# Names that are the same everywhere.
UNMARKED = {"Chorus", "SHA-256", "manifest.json", "withdrawals.json", ".zip", "/adapter_model.safetensors"}

Key = tuple[str, str, str]


def key_of(message: Message) -> Key:
    """(context, text, plural): what a translation is found by."""
    one, *many = [message.id] if isinstance(message.id, str) else message.id
    context: str | bytes | None = message.context
    # Of a compiled file Babel reads it as bytes.
    return context.decode() if isinstance(context, bytes) else context or "", one, "".join(many)


def catalog(folder: Path, code: str) -> Catalog:
    with (folder / code / "LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file, locale=code)


def messages_of(catalog: Catalog) -> dict[Key, Message]:
    return {key_of(message): message for message in catalog if message.id}


@pytest.fixture(scope="module", params=LANGUAGES)
def translated(request: pytest.FixtureRequest) -> Catalog:
    return catalog(ROOT / "locale", request.param)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> set[Key]:
    """What `make messages` would collect from a copy of the sources."""
    if shutil.which("xgettext") is None:
        pytest.skip("xgettext, which collects the texts, is not here: install Debian's gettext")
    copy = tmp_path_factory.mktemp("sources")
    for folder in SOURCES:
        names = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".html", ".txt"}]
        for path in names:
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy)
        patch.setattr(site_settings, "LOCALE_PATHS", [str(copy / "locale")])
        call_command("makemessages", locale=["es"], no_location=True, verbosity=0)
    return set(messages_of(catalog(copy / "locale", "es")))


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def placeholders(text: str) -> Counter[str]:
    return Counter(match.group() for match in PLACEHOLDER.finditer(text))


def numbers_of(catalog: Catalog) -> list[int]:
    """For how many of the numbers up to 200 each plural form stands."""
    form_of = gettext.c2py(catalog.plural_expr)
    counts = Counter(form_of(number) for number in range(200))
    return [counts[form] for form in range(catalog.num_plurals)]


def test_every_language_of_the_settings_has_its_texts_and_no_other_has():
    assert sorted(path.name for path in (ROOT / "locale").iterdir()) == sorted(LANGUAGES)


def test_every_text_is_translated(translated, collected):
    there = messages_of(translated)
    assert [key for key in collected if key not in there] == [], "not collected yet: make messages"
    assert [key for key, message in there.items() if not all(forms(message))] == []


def test_no_translation_is_a_guess(translated):
    assert [key for key, message in messages_of(translated).items() if message.fuzzy] == []


def test_no_text_is_left_over(translated, collected):
    assert [key for key in messages_of(translated) if key not in collected] == []
    assert list(translated.obsolete.values()) == []


def test_a_translation_has_the_placeholders_of_its_text(translated):
    numbers = numbers_of(translated)
    for (_context, one, many), message in messages_of(translated).items():
        wanted = placeholders(many or one)
        for form, text in enumerate(forms(message)):
            missing, more = wanted - placeholders(text), placeholders(text) - wanted
            # "One ranking" and "two rankings" need no numeral where the form stands for no other number.
            may_miss = 1 if many and numbers[form] == 1 else 0
            assert not more and missing.total() <= may_miss, text


def test_a_translation_with_placeholders_can_be_filled_in(translated):
    for (_context, one, _many), message in messages_of(translated).items():
        for text in forms(message) if FILLED.search(one) else ():
            names = [match[1] for match in FILLED.finditer(text)]
            assert text % (dict.fromkeys(names, 1) if all(names) else (1,) * len(names))


def test_a_translation_has_the_tags_of_its_text(translated):
    for (_context, one, _many), message in messages_of(translated).items():
        for text in forms(message):
            assert Counter(TAG.findall(text)) == Counter(TAG.findall(one)), text


def test_a_translation_begins_and_ends_as_its_text_does(translated):
    for (_context, one, _many), message in messages_of(translated).items():
        for text in forms(message):
            assert (text[:1].isspace(), text[-1:].isspace()) == (one[:1].isspace(), one[-1:].isspace()), text


def test_what_is_compiled_is_what_is_written(translated):
    compiled = ROOT / "locale" / str(translated.locale) / "LC_MESSAGES/django.mo"
    content = BytesIO(compiled.read_bytes())
    there = {key_of(message): forms(message) for message in read_mo(content) if message.id}
    assert there == {key: forms(message) for key, message in messages_of(translated).items()}, "make messages"


def marked_calls(path: Path) -> Iterator[ast.Call]:
    """Calls inside an f-string of a function that marks a text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            for inner in ast.walk(node):
                name = getattr(inner, "func", None)
                if isinstance(name, ast.Name) and (name.id == "_" or "gettext" in name.id):
                    yield inner


def test_no_text_is_marked_where_it_would_not_be_collected():
    modules = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    assert [f"{path}:{call.lineno}" for path in modules for call in marked_calls(path)] == []


def unmarked(template: str) -> list[str]:
    """The words of a template that no tag translates."""
    text = re.sub(r"{% (blocktranslate|comment)\b.*?{% end\1 %}", "", template, flags=re.DOTALL)
    text = re.sub(r"{% block main_class %}.*?{% endblock[^%]*%}", "", text)
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", text, flags=re.DOTALL)
    text = re.sub(r"<(pre|kbd)\b.*?</\1>", "", text, flags=re.DOTALL)
    said = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', text)
    words = re.split(r"<[^>]*>|\n|·", text)
    return [word.strip() for word in [*said, *words] if re.search(r"[A-Za-z]{2}", word)]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "templates").rglob("*.html")) if "api" not in path.parts],
    ids=lambda path: path.name,
)
def test_every_word_of_a_template_is_marked(path):
    assert [words for words in unmarked(path.read_text(encoding="utf-8")) if words not in UNMARKED] == []


def test_a_word_that_is_not_marked_would_be_found():
    assert unmarked('<p title="Hello">There {{ name }}</p>') == ["Hello", "There"]
