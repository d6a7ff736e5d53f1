"""A worker that the quarter kills: `python -m benchmarks.quarter.worker TIME`, which it takes for now."""

import sys
from datetime import datetime

import django
import time_machine


def main() -> None:
    django.setup()
    from django.core.management import call_command

    with time_machine.travel(datetime.fromisoformat(sys.argv[1]), tick=True):
        call_command("db_worker", batch=True, interval=0.05, startup_delay=False, reload=False, verbosity=0)


if __name__ == "__main__":
    main()
