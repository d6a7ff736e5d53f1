"""What the tests of people and material share."""

import pytest

from annotator.models import Project, Role, User
from tests.factories import coordinator_of, make_member, make_project


@pytest.fixture
def project(db) -> Project:
    return make_project("climate", name="Climate tutor")


@pytest.fixture
def coordinator(project) -> User:
    return coordinator_of(project)


@pytest.fixture
def reviewer(project) -> User:
    return make_member(project, Role.REVIEWER)


@pytest.fixture
def volunteer(project) -> User:
    return make_member(project, Role.VOLUNTEER)


@pytest.fixture
def stranger(db) -> User:
    """The coordinator of another project."""
    return coordinator_of(make_project("other"))
