"""The report of a round, to read and to print."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.models import Role
from ranking.models import Judgment
from ranking.models.agreement import FEWEST_PAIRS
from ranking.models.divided import divided_in
from ranking.models.reliability import fit_of
from ranking.statistics.agreement import PairwiseAgreement
from training.costs import cost_of
from training.models import ModelVersion, Update
from training.services.reports.asked import asked_in
from training.services.reports.every_weight import every_weight_of
from training.services.timeline import RoundLine, line_of, rounds_of
from training.views.results.answers import extremes_of
from training.views.results.gate import gate_of
from training.views.results.measured import worse_of
from training.views.results.verdicts import verdict_of
from training.views.results.warnings import warnings_of


@require_safe
@project_view(*MEMBERS)
def report(request: ProjectRequest, number: int) -> HttpResponse:
    """For coordinators at any time; for other members once nothing about the round is open."""
    one = get_object_or_404(rounds_of(request.project), number=number)
    is_coordinator = request.role == Role.COORDINATOR
    if not (is_coordinator or one.is_settled):
        raise PermissionDenied("The round is not decided yet.")
    fit = fit_of(request.project)
    line = line_of(one, fit)
    context = {
        "line": line,
        "asked": asked_in(one),
        "agreement": _agreement(line, is_coordinator=is_coordinator),
        "divided": divided_in(Judgment.objects.in_round(one), fit),
        "is_coordinator": is_coordinator,
        **_taken(line),
        **_result(line),
    }
    return render(request, "training/report.html", context)


def _agreement(line: RoundLine, *, is_coordinator: bool) -> PairwiseAgreement | None:
    """How far people agree; of few pairs only coordinators are told, as others could tell whose they are."""
    found = line.collected.agreement
    return found if found.compared >= (1 if is_coordinator else FEWEST_PAIRS) else None


def _result(line: RoundLine) -> dict[str, Any]:
    """What came of the round's newest candidate."""
    found = next(((each, each.candidate) for each in line.updates if each.candidate), None)
    if found is None:
        return {}
    update, version = found
    return {"update": update, "version": version, **_of_candidate(update, version)}


def _of_candidate(update: Update, version: ModelVersion) -> dict[str, Any]:
    gate = gate_of(version)
    return {
        "verdict": verdict_of(version),
        "evaluation": version.evaluations.first(),
        "warnings": warnings_of(version),
        "people": gate.sentences if gate else [],
        "worse": worse_of(version),
        "slices": [each for each in gate.slices if each.is_worse] if gate else [],
        "answers": extremes_of(update),
    }


def _taken(line: RoundLine) -> dict[str, Any]:
    """What the round took and, where it is known, about what training every weight would have."""
    whole = every_weight_of(line)
    expense, project = line.expense, line.round.project
    return {
        "cost": cost_of(project, seconds=expense.seconds, kwh=expense.kwh),
        "whole": whole,
        "whole_cost": whole and cost_of(project, seconds=whole.expense.seconds, kwh=whole.expense.kwh),
    }
