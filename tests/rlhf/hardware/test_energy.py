"""The energy estimate: labelled as one, and scaled by the recipe's power of the processor."""

import time
from typing import Any

import pytest

from training.rlhf.hardware.energy import EnergyMeter


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings that codecarbon's tracker was given."""
    import codecarbon

    given: dict[str, Any] = {}
    real = codecarbon.OfflineEmissionsTracker

    def remember(**settings: Any) -> Any:
        given.update(settings)
        return real(**settings)

    monkeypatch.setattr(codecarbon, "OfflineEmissionsTracker", remember)
    return given


def measured(**settings: Any) -> dict[str, Any]:
    with EnergyMeter("FRA", **settings) as meter:
        meter._starting.join()
        time.sleep(0.2)
    return meter.result


def test_the_recipes_power_and_country_reach_the_tracker(tracker: dict[str, Any]) -> None:
    result = measured(processor_watts=6000)
    assert (tracker["force_cpu_power"], tracker["country_iso_code"]) == (6000, "FRA")
    assert result["estimate"] is True and result["processor_watts"] == 6000
    assert result["reason"] is None and result["kwh"] > 0


def test_without_power_codecarbon_looks_for_itself(tracker: dict[str, Any]) -> None:
    assert measured()["processor_watts"] is None
    assert tracker["force_cpu_power"] is None
