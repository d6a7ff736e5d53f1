"""What holds for every test."""

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A page leaves its language to the thread that rendered it, and so to the test after."""
    yield
    translation.deactivate()
