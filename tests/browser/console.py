"""The site's commands in one process, as each of its own would load Django for seconds.

Reads a JSON list of arguments a line, as manage.py takes them, and prints {"output": …, "error": …} for each.
"""

import io
import json
import sys
import traceback
from contextlib import redirect_stdout

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    for line in sys.stdin:
        printed, error = io.StringIO(), ""
        try:
            with redirect_stdout(printed):
                call_command(*json.loads(line), stdout=printed)
        except Exception:  # noqa: BLE001  # the test that asked reports it
            error = traceback.format_exc()
        print(json.dumps({"output": printed.getvalue(), "error": error}), flush=True)


if __name__ == "__main__":
    main()
