"""All rounds of a project with what became of them, and one of them."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotator.access import ProjectRequest, project_view
from annotator.models import AuditEvent, Role
from ranking.models import Judgment
from ranking.models.divided import divided_in
from ranking.models.reliability import fit_of
from ranking.models.round_states import RoundState
from training.costs import cost_of
from training.services.drift import drift_of
from training.services.timeline import RoundLine, line_of, rounds_of

ROUNDS = 13
"""A quarter of a year of weeks."""


@require_safe
@project_view(Role.COORDINATOR)
def timeline(request: ProjectRequest) -> HttpResponse:
    """The newest rounds, or those before the round that is named."""
    before = request.GET.get("before", "")
    rounds = rounds_of(request.project)
    if before.isascii() and before.isdigit() and len(before) < 10:
        rounds = rounds.filter(number__lt=int(before))
    found = list(rounds[: ROUNDS + 1])
    fit = fit_of(request.project)
    lines = [line_of(one, fit) for one in found[:ROUNDS]]
    costs = [_cost(line) for line in lines]
    context = {
        "lines": list(zip(lines, costs, strict=True)),
        "has_costs": any(costs),
        "older": found[ROUNDS - 1].number if len(found) > ROUNDS else None,
        "drift": drift_of(request.project),
        "tests": sum(line.candidate is not None for line in lines),
    }
    return render(request, "training/timeline.html", context)


@require_safe
@project_view(Role.COORDINATOR)
def round_detail(request: ProjectRequest, number: int) -> HttpResponse:
    one = get_object_or_404(rounds_of(request.project), number=number)
    fit = fit_of(request.project)
    line = line_of(one, fit)
    judgments = Judgment.objects.in_round(one)
    context = {
        "line": line,
        "cost": _cost(line),
        "moves": list(_moves(one)),
        "divided": divided_in(judgments, fit),
    }
    return render(request, "training/round.html", context)


def _cost(line: RoundLine) -> str:
    return cost_of(line.round.project, seconds=line.expense.seconds, kwh=line.expense.kwh)


def _moves(one: Any) -> Any:
    """When the round came to which state, and by whom."""
    verbs = ("round.preparing", "round.opened", "round.closed", "round.moved")
    events = AuditEvent.objects.about(one.project, *verbs, target=one).select_related("actor")
    labels = dict(RoundState.choices)
    for event in events.order_by("pk"):
        yield event, labels.get(event.data.get("after", ""), "")
