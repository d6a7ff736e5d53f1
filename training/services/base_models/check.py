"""Checking a base model before a project is founded on it, by the engine's own command."""

import json
from collections.abc import Callable
from typing import Any

from annotator.errors import RefusedError
from training.launching.engine_answers import ask_engine
from training.models.bases import folder_or_name


def check_base_model(
    location: str, *, system_prompt: str = "", beat: Callable[[], object] = lambda: None
) -> None:
    """Raise RefusedError with what is wrong unless the engine can train and sample this base model.

    `location` is a folder, given as it is or below the data folder, or a hub name. Its template must write
    system messages if there is a system prompt. `beat` is called every few seconds meanwhile.
    """
    report = _run_check(folder_or_name(location), beat)
    problems = list(report["problems"])
    if not problems and system_prompt and not report["system_message"]:
        problems.append(f"The chat template of {location} leaves out system messages: give no system prompt.")
    if problems:
        raise RefusedError("\n".join(problems))


def _run_check(location: str, beat: Callable[[], object]) -> dict[str, Any]:
    """The report of `python -m training.rlhf check`; the site itself never loads torch."""
    answer = ask_engine(["check", "--json", "--", location], reach_hub=True, beat=beat)
    try:
        report: dict[str, Any] = json.loads(answer.printed)
    except ValueError as error:
        reason = answer.last_words.splitlines()[-1]
        raise RefusedError(f"The base model {location} could not be checked: {reason}") from error
    return report
