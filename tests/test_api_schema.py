"""The API against its own schema: whatever fits it, or just does not, never breaks the site."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from annotator.services.tokens import create_api_token
from config.wsgi import application
from ranking.services import claim_next, open_round, snapshot_preferences, submit_judgment
from tests.factories import coordinator_of
from tests.training.making import make_candidate, make_judged, make_run, make_update

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def with_address(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
    """The site, told where the request comes from, as every server tells it; schemathesis unpacks nothing."""
    told = {"REMOTE_ADDR": "127.0.0.1", "HTTP_ACCEPT_ENCODING": "identity"}
    return application({**environ, **told}, start_response)


schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
schema.app = with_address


@pytest.fixture
def one_transaction(db: None) -> Iterator[None]:
    """Requests through WSGI leave the test's connection open."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture
def known(one_transaction: None) -> dict[str, Any]:
    """A coordinator's token and the objects of a project for addresses to name."""
    project = make_judged()
    coordinator = coordinator_of(project)
    snapshot_preferences(project=project, actor=coordinator)
    candidate = make_candidate(project)
    run = make_run(make_update(project))
    open_round(project=project, author=candidate.author)
    assignment = claim_next(project=project, volunteer=coordinator)
    assert assignment is not None
    said = {"ranks": {}, "verdict": "all_bad"}
    own = submit_judgment(assignment=assignment, volunteer=coordinator, key=assignment.key, **said)
    assignment = claim_next(project=project, volunteer=coordinator)
    assert assignment is not None
    return {
        "token": create_api_token(user=coordinator),
        "slug": project.slug,
        "ids": {"assignments": assignment.pk, "judgments": own.pk, "updates": run.update_id, "runs": run.pk},
    }


@schema.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_the_schema_says(case: schemathesis.Case, known: dict[str, Any]) -> None:
    cache.clear()  # no request is refused for coming too soon after another
    kind = case.path.split("/")[5] if "{slug}" in case.path else ""
    objects = {"slug": known["slug"], "id": known["ids"].get(kind), "number": 1, "name": "train.jsonl"}
    case.path_parameters = {name: objects[name] for name in case.path_parameters or {}}
    case.call_and_validate(headers={"Authorization": f"Token {known['token']}"}, checks=CHECKS)


def test_the_schema_is_valid_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")
    assert "openapi: 3" in capsys.readouterr().out
