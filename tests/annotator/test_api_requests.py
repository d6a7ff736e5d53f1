"""What every request to the API meets: sign-in, the parser, roles, pages, and plain JSON answers."""

import base64
import json

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.models import Role
from annotator.services.tokens import create_api_token
from tests.api import API_OPERATIONS, address_of, client_of
from tests.factories import coordinator_of, make_member, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db
V, R, C = Role.VOLUNTEER, Role.REVIEWER, Role.COORDINATOR


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def coordinator(project):
    return client_of(coordinator_of(project))


@pytest.mark.parametrize(("name", "method", "roles"), API_OPERATIONS)
def test_an_operation_lets_in_its_roles_only(project, name, method, roles):
    address = address_of(name, project)
    for role in (V, R, C):
        answer = getattr(client_of(make_member(project, role)), method)(address)
        assert (answer.status_code == 403) == (role not in roles), (role, answer.content)
        assert answer.status_code < 500


@pytest.mark.parametrize(("name", "method", "roles"), API_OPERATIONS)
def test_strangers_cannot_tell_that_a_project_exists(project, name, method, roles):
    address = address_of(name, project)
    answer = getattr(client_of(coordinator_of(make_project())), method)(address)
    assert (answer.status_code, answer.json()) == (404, {"detail": "No such project."})
    assert getattr(APIClient(), method)(address).status_code == 401


@pytest.mark.parametrize(("name", "method", "roles"), API_OPERATIONS)
def test_other_methods_are_not_allowed(project, coordinator, name, method, roles):
    allowed = {each for other, each, _roles in API_OPERATIONS if other == name}
    for other in {"get", "post", "put", "patch", "delete"} - allowed:
        answer = getattr(coordinator, other)(address_of(name, project))
        assert answer.status_code == 405, other
    options = coordinator.options(address_of(name, project))
    assert options.status_code == 200
    assert set(options["Allow"].split(", ")) == {*map(str.upper, allowed), "OPTIONS"} | (
        {"HEAD"} if "get" in allowed else set()
    )


@pytest.mark.parametrize(("name", "allowed"), [("api-token", "post"), ("api-projects", "get")])
def test_operations_outside_projects_refuse_other_methods(coordinator, name, allowed):
    assert allowed.upper() in coordinator.options(reverse(name))["Allow"]
    for method in {"get", "post", "put", "patch", "delete"} - {allowed}:
        assert getattr(coordinator, method)(reverse(name)).status_code == 405, method


def test_every_operation_of_a_project_is_in_the_list():
    from config.api import api_patterns

    included = [pattern for entry in api_patterns for pattern in getattr(entry, "url_patterns", [])]
    nested = [pattern for entry in included for pattern in getattr(entry, "url_patterns", [entry])]
    names = {pattern.name for pattern in nested} - {"api-token", "api-projects"}
    assert names == {name for name, _method, _roles in API_OPERATIONS}


def test_a_token_or_nothing(project):
    client = APIClient(headers={"authorization": "Token 0123456789"})
    answer = client.get(reverse("api-projects"))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    browser = APIClient()
    browser.force_login(coordinator_of(project))
    assert browser.get(reverse("api-projects")).status_code == 401


def test_a_person_who_left_or_was_shut_out_is_let_in_no_more(project):
    person = make_member(project)
    client = client_of(person)
    person.memberships.get().delete()
    assert client.get(reverse("api-project", args=[project.slug])).status_code == 404
    person.is_active = False
    person.save()
    assert client.get(reverse("api-projects")).status_code == 401


BAD_BODIES = {
    "nothing": b" ",
    "half an object": b'{"prompts": [',
    "not UTF-8": b'{"prompts": ["\xff"]}',
    "a NUL": b'{"prompts": [{"prompt": "a\\u0000b"}]}',
    "half of a surrogate pair": b'{"prompts": [{"prompt": "a\\ud800b"}]}',
    "the same in a key": b'{"prompts": [{"\\udc00": "a"}]}',
    "NaN": b'{"prompts": [NaN]}',
    "Infinity": b'{"prompts": [-Infinity]}',
    "a number beyond floats": b'{"prompts": [1e999]}',
    "a huge integer": b'{"prompts": [' + b"9" * 40 + b"]}",
    "an integer of 10,000 digits": b'{"prompts": [' + b"9" * 10_000 + b"]}",
    "deep nesting": b"[" * 200_000,
    "too many values": b'{"prompts": [' + b"1," * 100_000 + b"1]}",
    "too many keys": b'{"prompts": {' + b",".join(b'"%d":1' % n for n in range(10_001)) + b"}}",
    "a text that is too long": b'{"prompts": ["' + b"a" * 100_001 + b'"]}',
    "a key that is too long": b'{"' + b"a" * 100_001 + b'": 1}',
    "closed deep nesting": b'{"prompts": ' + b"[" * 500 + b"]" * 500 + b"}",
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_no_plain_json_is_refused_with_a_reason(project, coordinator, name):
    address = reverse("api-prompts", args=[project.slug])
    answer = coordinator.post(address, BAD_BODIES[name], content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not project.prompts.exists()


@pytest.mark.parametrize(
    "body", [None, [], "text", 7, True, {"prompts": None}, {"prompts": {}}, {"prompts": []}]
)
def test_a_body_of_another_shape_is_refused(project, coordinator, body):
    address = reverse("api-prompts", args=[project.slug])
    answer = coordinator.post(address, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400


def test_integers_of_64_bits_pass_the_parser(project, coordinator):
    address = reverse("api-prompts", args=[project.slug])
    answer = coordinator.post(address, b'{"prompts": [9223372036854775807]}', content_type="application/json")
    assert answer.json() == {"prompts": [{"line": 1, "reason": "expected an object, not a number"}]}


def test_a_body_that_is_too_large_or_of_another_type_is_refused(project, coordinator):
    address = reverse("api-prompts", args=[project.slug])
    answer = coordinator.post(address, "prompts=a", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
    answer = coordinator.post(address, b" " * (5 * 1024**2 + 1), content_type="application/json")
    assert answer.status_code == 413
    assert "5 MiB" in answer.json()["detail"]


def test_pages_follow_each_other_and_meet_every_row_once(project, coordinator):
    made = [make_prompt(project).pk for _ in range(5)]
    address, seen = reverse("api-prompts", args=[project.slug]) + "?page_size=2", []
    while address:
        page = coordinator.get(address).json()
        seen += [prompt["id"] for prompt in page["results"]]
        address = page["next"]
    assert seen == made
    assert coordinator.get(page["previous"]).json()["results"][-1]["id"] == made[3]


@pytest.mark.parametrize("size", ["", "0", "-1", "1001", "ten", "1.5", "²", "9" * 5000, "\0"])
def test_a_page_size_out_of_bounds_is_refused(project, coordinator, size):
    answer = coordinator.get(reverse("api-prompts", args=[project.slug]), {"page_size": size})
    assert answer.status_code == 400
    assert answer.json() == {"page_size": ["Enter a whole number from 1 to 1000."]}


@pytest.mark.parametrize("position", ["p=abc", "p=1%00", "p=" + "9" * 30, "p=-1", "p=", "o=x", "r=é"])
def test_a_cursor_that_is_not_ours_is_not_found(project, coordinator, position):
    cursor = base64.b64encode(position.encode()).decode()
    answer = coordinator.get(reverse("api-prompts", args=[project.slug]), {"cursor": cursor})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid cursor"})


@pytest.mark.parametrize("address", ["", "nothing/", "projects", "projects/a%00b/", "projects/%ED%A0%80/"])
def test_unknown_addresses_are_answered_in_json(coordinator, address):
    for method in ("get", "post"):
        answer = getattr(coordinator, method)("/api/v1/" + address)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/json"


def test_numbers_in_addresses_may_be_huge(project, coordinator):
    for number in ("9" * 25, "9" * 5000):
        answer = coordinator.get(f"/api/v1/projects/{project.slug}/versions/{number}/")
        assert answer.status_code == 404


def test_schema_and_documentation_need_no_sign_in(client):
    schema = client.get(reverse("api-schema"))
    assert schema.status_code == 200
    assert json.loads(schema.content)["info"]["title"] == "Chorus API"
    page = client.get(reverse("api-docs"))
    assert page.status_code == 200
    assert b"<style" not in page.content
    assert b"unsafe" not in page["Content-Security-Policy"].encode()


def test_every_operation_says_what_it_does(client):
    paths = json.loads(client.get(reverse("api-schema")).content)["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert len(operations) == 2 + len(API_OPERATIONS)
    assert all(each["summary"] and each["tags"] != ["api"] for each in operations)


def test_a_new_token_replaces_the_old_one():
    person = make_user()
    old, new = create_api_token(user=person), create_api_token(user=person)
    for token, status in ((old, 401), (new, 200)):
        client = APIClient(headers={"authorization": f"Token {token}"})
        assert client.get(reverse("api-projects")).status_code == status
