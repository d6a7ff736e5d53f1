"""The worker's part of planning: asking the engine."""

import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings as site

from annotator.errors import RefusedError
from annotator.models import Project
from annotator.text.storable import storable
from training.launching.engine_answers import ask_engine
from training.models import ModelVersion, UpdatePlan
from training.services.runs.recipes import Settings, settings_of

from .facts import facts_of, watts_of
from .stored import basis_and_plan, minutes_of

logger = logging.getLogger(__name__)


class NoPlanError(Exception):
    """The engine could not plan an update; the message says why."""


def plan_next_update(project_id: int) -> None:
    """Choose the settings of a project's next update, and store them with what they will take."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        return  # it was deleted meanwhile
    basis, plan = basis_and_plan(project)
    if basis is None or plan is not None:
        return
    version = ModelVersion.objects.live().select_related("project").get(project=project)
    values: dict[str, Any] = {"basis": basis, "plan": {}, "error": ""}
    try:
        values["plan"] = make_plan(version, settings_of(project))
    except NoPlanError as error:
        logger.warning("%s: the next update could not be planned: %s", project, error)
        values["error"] = str(error)
    UpdatePlan.objects.update_or_create(project=project, defaults=values)


def make_plan(
    version: ModelVersion, settings: Settings, beat: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """What the engine chooses for an update of this version; raises NoPlanError.

    `beat` is called every few seconds meanwhile.
    """
    try:
        facts = facts_of(version, settings, minutes_of(version.project))
    except RefusedError as refused:
        raise NoPlanError(str(refused)) from refused
    with tempfile.TemporaryDirectory(dir=site.DATA_DIR) as scratch:
        path = Path(scratch) / "facts.json"
        path.write_text(json.dumps(facts), encoding="utf-8")
        answer = ask_engine(["plan", "--update", str(path)], beat=beat)
    try:
        plan: dict[str, Any] = json.loads(answer.printed) if answer.status == 0 else {}
    except ValueError:
        plan = {}
    if not plan:
        raise NoPlanError(storable(answer.last_words))
    for stage, watts in watts_of(version.project).items():
        plan["stages"][stage]["watts"] = watts
    return plan
