"""Everything that a request may hold is bounded: each list and text, whoever adds the next one."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given
from hypothesis import strategies as st

from annotator.models import Project
from annotator.text.strict_json import BadJSONError, load_any_json
from config.form_bounds import MAX_CHARACTERS
from ranking.models import Judgment
from ranking.onboarding_forms import PracticeComparisonForm
from ranking.questions import QUESTIONS, Asked
from tests.api import client_of
from tests.factories import coordinator_of
from tests.training.making import make_judged

Schema = dict[str, Any]
BOUNDED_FORMATS = {"uuid", "date-time"}


def unbounded(schema: Schema, components: dict[str, Schema], place: str) -> Iterator[str]:
    """Where a part of a schema lets in a list of any length or a text of any length."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        if "maxItems" not in schema:
            yield f"{place}: the list"
        yield from unbounded(schema["items"], components, f"{place}[]")
    is_bounded = schema.keys() & {"maxLength", "enum"} or schema.get("format") in BOUNDED_FORMATS
    if schema.get("type") == "string" and not is_bounded:
        yield f"{place}: the text"
    for part in (each for name in ("allOf", "anyOf", "oneOf") for each in schema.get(name, ())):
        yield from unbounded(part, components, place)
    for name, part in schema.get("properties", {}).items():
        yield from unbounded(part, components, f"{place}.{name}")


def test_every_list_and_text_of_a_request_is_bounded():
    """Give each `max_length`. What is in an object of any keys, the parser bounds."""
    schema = SchemaGenerator().get_schema(public=True)
    components = schema["components"]["schemas"]
    found = [
        where
        for address, operations in schema["paths"].items()
        for method, operation in operations.items()
        for body in operation.get("requestBody", {}).get("content", {}).values()
        for where in unbounded(body["schema"], components, f"{method} {address}")
    ]
    assert found == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("prompts/", {"prompts": [1] * 90_000}),
        ("prompts/withdraw/", {"ids": ["x"] * 90_000}),
        ("prompts/withdraw/", {"ids": ["x" * 10_000] * 400}),
        ("judgments/{}/correction/", {"ranks": [1] * 90_000}),
        ("judgments/{}/correction/", {"flags": [{"completion": 1, "kind": "x" * 90_000}] * 50}),
        ("judgments/{}/correction/", {"verdict": "x" * 90_000}),
        ("updates/", {"settings": dict.fromkeys(map(str, range(9000)), 1)}),
        ("updates/", {"settings": {"ppo": dict.fromkeys(map(str, range(9000)), "x" * 90)}}),
    ],
)
def test_the_answer_to_a_wrong_request_is_short(operation: str, body: Schema):
    project = make_judged()
    judgment = Judgment.objects.of_project(project)[0]
    address = f"/api/v1/projects/{project.slug}/{operation.format(judgment.pk)}"
    person = judgment.volunteer if "judgments" in operation else coordinator_of(project)
    answer = client_of(person).post(address, body)
    assert answer.status_code == 400
    assert len(answer.content) < 50_000


def counted_in(value: object) -> int:
    """How many values there are in a JSON value; an empty list or object counts like one with a value."""
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else max(1, len(parts)) + sum(map(counted_in, parts))


JSON = st.recursive(
    st.integers(-(10**18), 10**18) | st.booleans() | st.text(alphabet='"\\[]{},:a\n', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text('"\\[,a', max_size=4), inner, max_size=5)
    ),
)


@given(JSON, st.booleans())
def test_values_are_counted_before_they_are_read(value: Any, is_spaced: bool):
    text = json.dumps(value, indent=1 if is_spaced else None, ensure_ascii=False)
    count = counted_in(value)
    assert load_any_json(text, most_values=count) == value
    if count:
        with pytest.raises(BadJSONError, match="values"):
            load_any_json(text, most_values=count - 1)


OURS = {"annotator", "ranking", "training"}


def forms_of_the_site() -> Iterator[type[forms.BaseForm]]:
    """Every form class of our own."""
    import_module("config.urls")
    waiting = [forms.BaseForm]
    while waiting:
        waiting += (found := waiting.pop().__subclasses__())
        yield from (
            each for each in found if each.__module__.split(".")[0] in {"annotator", "ranking", "training"}
        )


def fields_of_the_site() -> Iterator[tuple[str, forms.Field]]:
    for form in forms_of_the_site():
        own = getattr(form, "base_fields", {})  # a mixin has none
        yield from ((f"{form.__qualname__}.{name}", field) for name, field in own.items())
    asked = Asked([1, 2, 3], Project(criteria=["Tone"]))
    for name, field in (pair for question in QUESTIONS for pair in question.fields(asked).items()):
        yield f"a question's {name}", field
    yield from PracticeComparisonForm().fields.items()


def test_every_text_of_a_form_is_bounded():
    found = dict(fields_of_the_site())
    assert len(found) > 40
    texts = {name: each for name, each in found.items() if isinstance(each, forms.CharField)}
    unbounded = [
        name
        for name, field in texts.items()
        if not isinstance(field, forms.UUIDField) and not field.max_length
    ]
    assert unbounded == []
    longest = max(field.max_length or 0 for field in texts.values())
    assert longest <= MAX_CHARACTERS


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"login": "a" * 50_001}, 413),
        ({"a" * 201: "a"}, 413),
        ({"login": ["a", "b" * 50_001]}, 413),
        ({"login": "a" * 50_000}, 200),
        ({f"field {n}": "a" for n in range(501)}, 400),
        ({"login": ["a"] * 501}, 400),
        ({f"field {n}": "a" * 40_000 for n in range(60)}, 400),
    ],
)
@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
def test_a_form_beyond_its_bounds_is_refused(client: Client, form: dict[str, Any], status: int, kind: str):
    if kind == "multipart":
        answer = client.post("/account/login/", form)
    else:
        kind = "application/x-www-form-urlencoded"
        answer = client.post("/account/login/", urlencode(form, doseq=True), content_type=kind)
    assert answer.status_code == status
    assert len(answer.content) < 400_000


@pytest.mark.django_db
def test_a_form_has_two_files_at_most(client: Client):
    files = {name: SimpleUploadedFile("a.csv", b"prompt") for name in "abc"}
    assert client.post("/account/login/", files).status_code == 400
