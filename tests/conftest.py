"""What holds for every test."""

from collections.abc import Iterator

import pytest
from django.utils import translation
from hypothesis import HealthCheck, settings

# How quick the machine is just now decides no test.
settings.register_profile("chorus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("chorus")


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A page leaves its language to the thread that rendered it, and so to the test after."""
    yield
    translation.deactivate()
