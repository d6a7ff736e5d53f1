"""Checking a base model before a project is founded on it, by the engine's own command."""

import json
import subprocess
import sys
from typing import Any

from django.conf import settings

from annotator.errors import RefusedError
from training.engine_environment import engine_environment
from training.models.bases import folder_or_name

LONGEST_SECONDS = 15 * 60
"""A model of the hub is fetched first."""


def check_base_model(location: str, *, system_prompt: str = "") -> None:
    """Raise RefusedError with what is wrong unless the engine can train and sample this base model.

    `location` is a folder, given as it is or below the data folder, or a hub name. Its template must write
    system messages if there is a system prompt.
    """
    report = _run_check(folder_or_name(location))
    problems = list(report["problems"])
    if not problems and system_prompt and not report["system_message"]:
        problems.append(f"The chat template of {location} leaves out system messages: give no system prompt.")
    if problems:
        raise RefusedError("\n".join(problems))


def _run_check(location: str) -> dict[str, Any]:
    """The report of `python -m training.rlhf check`; the site itself never loads torch."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "training.rlhf", "check", "--json", "--", location],
            cwd=settings.BASE_DIR,
            env=engine_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        report = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise RefusedError(
            f"Checking the base model {location} took longer than {LONGEST_SECONDS // 60} minutes."
        ) from error
    except ValueError as error:
        last = done.stderr.strip().splitlines()[-1:] or [f"code {done.returncode}"]
        raise RefusedError(f"The base model {location} could not be checked: {last[0]}") from error
    return report
