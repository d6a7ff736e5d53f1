"""What the site answers when its database is away, or something else broke."""

import errno
import os
from collections.abc import Iterator

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.urls import reverse

from tests.factories import coordinator_of, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[OperationalError, InterfaceError])
def database_away(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every statement fails as it does when the server has gone."""

    def fail(*_args: object) -> None:
        raise request.param("the connection is closed")

    with connection.execute_wrapper(fail):
        yield


@pytest.fixture
def signed_in() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(coordinator_of(make_project("climate")))
    return client


@pytest.mark.parametrize(
    "page", ["/", "/p/climate/", "/account/", "/p/climate/prompts/import/", "/no/such/page/"]
)
def test_a_page_says_that_the_database_is_away(signed_in: Client, database_away: None, page: str):
    answer = signed_in.get(page, headers={"accept-language": "fr"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert '<html lang="fr"' in answer.text and "<h1>" in answer.text
    assert "Content-Security-Policy" in answer


def test_the_api_says_in_json_that_the_database_is_away(database_away: None):
    client = Client(raise_request_exception=False, headers={"authorization": "Token 0123"})
    for address in (reverse("api-projects"), reverse("api-prompts", args=["climate"])):
        answer = client.get(address)
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
        assert answer["Content-Type"] == "application/json" and "database" in answer.json()["detail"]


def test_any_other_fault_is_500_in_the_form_that_was_asked_for(signed_in: Client):
    def fail(*_args: object) -> None:
        raise ZeroDivisionError

    with connection.execute_wrapper(fail):
        page = signed_in.get("/p/climate/")
        program = Client(raise_request_exception=False, headers={"authorization": "Token 0123"})
        answer = program.get(reverse("api-projects"))
    assert page.status_code == 500 and "<h1>" in page.text and "Retry-After" not in page
    assert answer.status_code == 500 and answer.json()["detail"] and "Retry-After" not in answer


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_page_and_the_api_say_that_the_disk_is_full(signed_in: Client, code: int):
    def fail(*_args: object) -> None:
        raise OSError(code, os.strerror(code))

    with connection.execute_wrapper(fail):
        page = signed_in.get("/p/climate/")
        program = Client(raise_request_exception=False, headers={"authorization": "Token 0123"})
        answer = program.get(reverse("api-projects"))
    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert "disk is full" in page.text and "reach its database" not in page.text
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "disk is full" in answer.json()["detail"]
