"""The quarter from its founding to its report."""

import time
from pathlib import Path

import time_machine

from training.starter.corpus import CLIMATE

from .recount import differences_of
from .report import write_report
from .site import found_site
from .weeks import FIRST_QUESTIONS, FOUNDED, run_weeks


def run_quarter(seed: int, weeks: int, starters: Path) -> list[str]:
    """Run it and write its report; returns where the timeline is not what the rows say.

    The starter model is kept in the folder `starters` for the next time.
    """
    began, ends = time.monotonic(), []
    with time_machine.travel(FOUNDED, tick=True) as traveller:
        site = found_site(CLIMATE, traveller, seed, FIRST_QUESTIONS, starters)
        for end in run_weeks(site, seed, weeks):
            ends.append(end)
            print(
                f"week {end.week:2}: version {end.version} is live, {end.accurate:.3f} accurate, "
                f"{end.watt_hours:.1f} Wh so far, {time.monotonic() - began:.0f} s",
                flush=True,
            )
        differences = differences_of(site.project)
        print("\n" + write_report(site.project, ends, differences, time.monotonic() - began))
    return differences
