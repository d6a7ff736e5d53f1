"""Twelve weeks that run by themselves: simulated people, the real worker and engines, and time that is moved.

    make quarter

Wants an empty scratch database with its data folder (`make quarter` gives it one) and makes the rest: the
starter model, a project with a schedule whose gate decides by rule, and weekly rounds from September to
November, over the end of summer time. In two weeks too few people rank. In one a coordinator tries settings
that follow the reward model without a price; one released version is taken back; one worker is killed in PPO
and another goes on. The rest is the site's: the clock starts what is due, the worker's engines learn, people
test candidates blindly, the gate releases or rejects, the next round opens.

At the end each number of the timeline is counted again from raw rows; the command fails if one differs. What
the corpus's labels say of the live version on the held-out questions of the first day is drawn, and so is the
estimated electricity. Writes build/bench/quarter.json, and docs/quarter.md with its pictures.
"""

import argparse
import sys
from pathlib import Path

import django


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weeks", type=int, default=12)
    parser.add_argument("--starters", type=Path, required=True, help="where starter models are kept")
    options = parser.parse_args()
    django.setup()
    from benchmarks.quarter.quarter import run_quarter

    if differences := run_quarter(options.seed, options.weeks, options.starters):
        sys.exit("\n".join(differences))


if __name__ == "__main__":
    main()
