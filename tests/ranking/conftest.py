"""What the tests of the desk share."""

import pytest

from annotator.models import Project, User
from ranking.models import Assignment, Round
from tests.factories import make_member

from .making import make_assignment, make_round


@pytest.fixture
def current(db) -> Round:
    return make_round(prompts=4, answers=3)


@pytest.fixture
def volunteer(current, client) -> User:
    """Who has signed in."""
    member = make_member(current.project)
    client.force_login(member)
    return member


@pytest.fixture
def taken_unread(monkeypatch) -> None:
    """New projects take what volunteers write without review."""
    monkeypatch.setattr(Project._meta.get_field("takes_rewrites_unread"), "default", True)


@pytest.fixture
def assignment(current, volunteer) -> Assignment:
    """What the signed-in volunteer holds."""
    return make_assignment(current, volunteer)
