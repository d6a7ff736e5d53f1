"""What drills share; they do harm to a real site and count what comes of it. `make drill` runs them."""

import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .site import Site, make_site


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=float, default=1.0, help="how long a drill goes on that can be long")
    parser.addoption("--web", help="another command for the web process than the Procfile's")


def pytest_configure(config: pytest.Config) -> None:
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells of each request
    config.addinivalue_line("markers", "both_databases: `make drill` runs it on PostgreSQL, too")


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--minutes"))


@pytest.fixture
def new_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes a site of which nothing runs yet; takes variables of its environment."""
    made: list[Site] = []
    numbers = itertools.count(1)

    def make(**settings: str) -> Site:
        folder = tmp_path / f"site-{next(numbers)}"
        folder.mkdir()
        made.append(make_site(folder, request.config.getoption("--web"), **settings))
        return made[-1]

    yield make
    for site in made:
        site.stop()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    """A site whose web process answers."""
    site = new_site()
    site.start("web")
    return site
