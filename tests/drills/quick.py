"""The site's commands with leases of seconds and the engine of `tests.drills.engine`.

    python -m tests.drills.quick db_worker --no-reload

Its clock also is the coordinator who presses *Try again* whenever an update has failed.
"""

import sys
from contextlib import suppress
from datetime import timedelta

LEASE = timedelta(seconds=5)


def main() -> None:
    import django

    django.setup()
    from django.core.management import execute_from_command_line

    from training import failures
    from training.launching import engine_process, launcher
    from training.management.commands import run_clock
    from training.models import leases
    from training.services.clock import tick

    for module in (leases, failures, launcher):
        module.LEASE = LEASE  # type: ignore[attr-defined]
    launcher.POLL_SECONDS, launcher.RENEW_SECONDS = 0.2, 1.0
    engine_process.LOCK_SECONDS = 3
    run_clock.PERIOD_SECONDS = 1

    def tick_and_try_again() -> None:
        tick()
        try_again()

    run_clock.tick = tick_and_try_again
    launcher.command = lambda run: [sys.executable, "-m", "tests.drills.engine", run.stage, str(run.folder)]
    execute_from_command_line(["manage.py", *sys.argv[1:]])


def try_again() -> None:
    from annotator.errors import RefusedError
    from training.models import Update
    from training.services.updates.control import retry_update

    for update in Update.objects.filter(state=Update.State.FAILED):
        with suppress(RefusedError):
            retry_update(update=update)


if __name__ == "__main__":
    main()
