"""Clocks that change at night, and one that is set back: every slot is started once."""

import json
from collections.abc import Callable

from .site import Site
from .tables import show


def test_every_slot_is_started_once(new_site: Callable[..., Site]):
    rows = json.loads(new_site().python("from tests.drills.nights import walk; walk()").splitlines()[-1])
    show("Two clocks through the nights of clock changes, set back by two hours now and then", rows)
    assert not any(row["twice"] or row["lost"] or row["others"] for row in rows)
