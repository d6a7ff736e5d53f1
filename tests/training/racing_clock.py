"""One of the clocks that a test lets race: `python -m tests.training.racing_clock MOMENT`.

It works on the test's own database, which the environment names. It says when it is ready, waits for a line,
and looks what is due at the moment.
"""

import os
import sys
from datetime import datetime

import django
from django.conf import settings


def race(moment: str) -> None:
    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    django.setup()
    from training.services.clock import tick

    print("ready", flush=True)
    sys.stdin.readline()
    tick(datetime.fromisoformat(moment))


if __name__ == "__main__":
    race(*sys.argv[1:])
