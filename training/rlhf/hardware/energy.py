"""How much electricity a run used, estimated by codecarbon's offline tracker.

On machines without power counters the estimate comes from the processor's nominal power and its load; a
recipe's `processor_watts` takes the place of both counter and nominal power. It is always labelled an
estimate. Nothing is sent anywhere.
"""

import logging
import math
import os
import threading
import time
from types import TracebackType
from typing import Any, Self

from training.rlhf.distributed.processes import Processes
from training.rlhf.recipes import Recipe

_SAMPLE_SECONDS = 10
_SLOWEST_START_SECONDS = 20


class EnergyMeter:
    """Measure a `with` block; afterwards `result` holds the estimate, or null with the reason.

    `result`: estimate (always true), kwh, kg_co2e, country, processor_watts (as given), seconds, reason (null
    when it worked).
    """

    def __init__(self, country: str, processor_watts: float | None = None) -> None:
        self.country, self.processor_watts = country, processor_watts
        self.result: dict[str, Any] = {}
        self._tracker: Any = None
        self._reason: str | None = None

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        # Looking for power counters takes seconds of waiting, which the import of torch fills.
        self._starting = threading.Thread(target=self._start, daemon=True)
        self._starting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:  # a failed or cancelled attempt has no result to put an estimate in
            return
        self._starting.join(_SLOWEST_START_SECONDS)
        kwh = kg = None
        if self._reason is None:
            kwh, kg = self._stop()
        self.result = {
            "estimate": True,
            "kwh": kwh,
            "kg_co2e": kg,
            "country": self.country,
            "processor_watts": self.processor_watts,
            "seconds": time.monotonic() - self._started,
            "reason": self._reason,
        }

    def _start(self) -> None:
        try:
            from codecarbon import OfflineEmissionsTracker

            logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
            self._tracker = OfflineEmissionsTracker(
                country_iso_code=self.country,
                force_cpu_power=self.processor_watts,
                measure_power_secs=_SAMPLE_SECONDS,
                tracking_mode="process",
                allow_multiple_runs=True,
                output_methods=[],
                log_level="critical",
            )
            self._tracker.start()
        except Exception as error:  # noqa: BLE001 - an estimate never ends a run
            self._reason = f"{type(error).__name__}: {error}"

    def _stop(self) -> tuple[float | None, float | None]:
        if self._starting.is_alive():
            self._reason = "the tracker did not start in time"
            return None, None
        try:
            kg = self._tracker.stop()
            kwh = float(self._tracker.final_emissions_data.energy_consumed)
        except Exception as error:  # noqa: BLE001 - as above
            self._reason = f"{type(error).__name__}: {error}"
            return None, None
        if kg is None or kwh <= 0:  # codecarbon logs its own errors and goes on
            self._reason = "the tracker gave no measurement"
            return None, None
        return kwh, float(kg)


def expected_watts(recipe: Recipe) -> float | None:
    """What a run will draw, about: the processor's power by its model, for the cores that it works on.

    None where codecarbon does not know the processor, and on GPUs, whose power nobody has measured here.
    """
    if recipe.device != "cpu":
        return None
    if recipe.processor_watts is not None:
        return recipe.processor_watts
    from codecarbon.core.cpu import TDP

    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    try:
        watts = TDP().tdp
    except Exception:  # noqa: BLE001 - an estimate never ends anything
        return None
    return watts * min(1.0, recipe.threads / (os.cpu_count() or 1)) if watts else None


def of_all_processes(result: dict[str, Any], processes: Processes) -> dict[str, Any]:
    """The estimate of all processes of a run together; null when one of them has none."""
    if processes.count == 1:
        return result
    import torch

    names = ("kwh", "kg_co2e")
    sums = torch.tensor([math.nan if result[name] is None else result[name] for name in names])
    processes.add_up([sums])
    if sums.isnan().any():
        reason = result["reason"] or "another process of the run has no estimate"
        return result | dict.fromkeys(names) | {"reason": reason}
    return result | dict(zip(names, sums.tolist(), strict=True))
