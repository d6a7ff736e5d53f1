"""How people rank: the verdicts of a round, and position bias."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import Project
from ranking.forms import RoundForm
from ranking.models import Judgment, Round
from ranking.models.position_bias import first_positions
from ranking.statistics.proportions import Share

PEOPLE = 200


@dataclass(frozen=True)
class PositionBias:
    """A volunteer's position bias: how often they rank the first answer shown as the best."""

    name: str
    is_simulated: bool
    share: Share


@require_safe
@project_view(*STAFF)
def rankings(request: ProjectRequest) -> HttpResponse:
    form = RoundForm(request.GET, rounds=request.project.rounds.begun())
    context = _verdicts(form.chosen()) | _first_positions(request.project)
    return render(request, "ranking/rankings.html", {"form": form, **context})


def _verdicts(chosen: Round | None) -> dict[str, Any]:
    if chosen is None:
        return {}
    judgments = Judgment.objects.in_round(chosen).at_desk()
    return {
        "round": chosen,
        "verdicts": judgments.by_verdict(),
        "late": judgments.filter(late=True).count(),
    }


def _first_positions(project: Project) -> dict[str, Any]:
    people = [
        PositionBias(
            name=row["name"] or row["email"],
            is_simulated=row["is_simulated"],
            share=Share(row["first"], row["rankings"], row["chance"]),
        )
        for row in first_positions(project)
    ]
    return {
        "people": people[:PEOPLE],
        "together": Share.total(one.share for one in people if not one.is_simulated),
    }
