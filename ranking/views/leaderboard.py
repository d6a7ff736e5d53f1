"""The leaderboard of versions, for reviewers and coordinators."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from ranking.leaderboard_forms import SliceForm
from ranking.models import Judgment
from ranking.models.leaderboard import Board, Standing, leaderboard_of
from ranking.models.reliability import fit_of

FEW = 0.01
"""A first place that so small a share of the votes would change rests on few."""


@dataclass(frozen=True)
class Line:
    """Where a standing is drawn: shares of the chart's width, as SVG has them."""

    standing: Standing
    at: str
    start: str
    end: str


@dataclass(frozen=True)
class Chart:
    """The intervals of a board on one scale, from `low` to `high` points."""

    board: Board

    @property
    def low(self) -> float:
        return min(each.rating if each.low is None else each.low for each in self.board.standings)

    @property
    def high(self) -> float:
        return max(each.rating if each.high is None else each.high for each in self.board.standings)

    @property
    def lines(self) -> Iterator[Line]:
        for each in self.board.standings:
            low = each.rating if each.low is None else each.low
            high = each.rating if each.high is None else each.high
            yield Line(each, *(self._place(points) for points in (each.rating, low, high)))

    def _place(self, points: float) -> str:
        """2 to 98 %, so that all of a dot is seen; the middle where there is one point alone."""
        share = (points - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return f"{2 + 96 * share:.1f}%"


@require_safe
@project_view(*STAFF)
def leaderboard(request: ProjectRequest) -> HttpResponse:
    form = SliceForm(request.GET, project=request.project)
    judgments = form.narrow(Judgment.objects.of_project(request.project))
    found = leaderboard_of(judgments, fit_of(request.project))
    boards = [(board, Chart(board), about_first(board)) for board in found.boards]
    return render(
        request, "ranking/leaderboard.html", {"form": form, "boards": boards, "doubted": found.doubted}
    )


def about_first(board: Board) -> list[str]:
    """On how few votes the first place rests."""
    found, words = board.first_place, {"version": board.standings[0].author, "of": board.votes}
    if found.votes == 0:
        return [_("The first place is shared.")]
    said = []
    if found.votes is not None and found.share is not None:
        without = ngettext(
            "Without %(count)d of the %(of)d votes %(version)s would not be first alone.",
            "Without %(count)d of the %(of)d votes %(version)s would not be first alone.",
            found.votes,
        )
        said.append(without % {**words, "count": found.votes})
        if found.share < FEW:
            said.append(_("This rests on few votes."))
    if found.one_person:
        said.append(_("Without the votes of one person %(version)s would not be first alone.") % words)
    return said
