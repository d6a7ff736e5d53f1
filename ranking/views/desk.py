"""The desk, where volunteers rank: one comparison at a time, blind and in random order."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from ranking.errors import InvalidJudgmentError, RankingError, SeatLostError
from ranking.forms import JudgmentForm
from ranking.models import Assignment, LapsedSeat, Tally
from ranking.services import claim_next, renew_seat, skip_comparison, submit_judgment

from .sitting import advise_rest, note_judgment


@require_safe
@never_cache
@project_view(*MEMBERS)
def desk(request: ProjectRequest) -> HttpResponse:
    if request.membership.ready_at is None:
        return redirect("coming-in", request.project.slug)
    return _show(request, _next_form(request))


@require_POST
@project_view(*MEMBERS)
def judgment(request: ProjectRequest, pk: int) -> HttpResponse:
    seat = _seat_or_404(request, pk)
    shown = _shown_seat(request, seat)
    if shown is None:
        return _refuse(request, SeatLostError())
    form = JudgmentForm(request.POST, seat=shown)
    if not form.is_valid():
        return _show(request, form, status=422)
    try:
        stored = submit_judgment(
            assignment=seat, volunteer=request.user, key=form.cleaned_data["key"], **form.answer()
        )
    except InvalidJudgmentError as error:
        form.add_error(None, str(error))
        return _show(request, form, status=422)
    except RankingError as error:
        return _refuse(request, error)
    today = Tally.objects.of(request.user, request.project).today().total()
    late = _("The time had run out: it counts as late.") if stored.late else ""
    saved = _("Saved. %(count)d today.") % {"count": today}
    words = " ".join(filter(None, (saved, late, advise_rest(request))))
    return note_judgment(request, _go_on(request, words))


@require_POST
@project_view(*MEMBERS)
def skip(request: ProjectRequest, pk: int) -> HttpResponse:
    seat = _seat_or_404(request, pk)
    try:
        skip_comparison(assignment=seat, volunteer=request.user)
    except RankingError as error:
        return _refuse(request, error)
    return _go_on(request, _("Skipped. You will not see that one again."))


@require_POST
@project_view(*MEMBERS)
def renew(request: ProjectRequest, pk: int) -> HttpResponse:
    seat = _seat_or_404(request, pk)
    try:
        renew_seat(assignment=seat, volunteer=request.user)
    except RankingError as error:
        return HttpResponse(str(error), status=409)
    return HttpResponse(status=204)


def _seat_or_404(request: ProjectRequest, pk: int) -> Assignment:
    seats = Assignment.objects.select_related("round")
    seat = get_object_or_404(seats, pk=pk, round__project=request.project)
    seat.round.project = request.project
    return seat


def _shown_seat(request: ProjectRequest, seat: Assignment) -> Assignment | LapsedSeat | None:
    """What the form was made from: the user's seat, or what they were shown there before it went on."""
    try:
        key = uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        key = seat.key
    if seat.volunteer_id == request.user.pk and seat.key == key:
        return seat
    lapsed = LapsedSeat.objects.filter(assignment=seat, volunteer=request.user, key=key)
    return lapsed.select_related("assignment__round__project", "comparison__prompt").first()


def _go_on(request: ProjectRequest, status: str) -> HttpResponse:
    """The next comparison, and in the status line what became of the last."""
    if not request.htmx:
        messages.success(request, status)
        return redirect("desk", request.project.slug)
    return _show(request, _next_form(request), words=status)


def _refuse(request: ProjectRequest, error: RankingError) -> HttpResponse:
    """The next comparison, under the reason why the last was not taken."""
    if not request.htmx:
        messages.warning(request, str(error))
        return redirect("desk", request.project.slug)
    return _show(request, _next_form(request), notice=str(error), status=409)


def _next_form(request: ProjectRequest) -> JudgmentForm | None:
    """None when nothing is left, and while there is something to read first."""
    if request.membership.ready_at is None:
        return None
    seat = claim_next(project=request.project, volunteer=request.user)
    return JudgmentForm(seat=seat) if seat else None


def _show(
    request: ProjectRequest,
    form: JudgmentForm | None,
    *,
    words: str = "",
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    current = form.seat.round if form else request.project.rounds.open().first()
    context = {
        "form": form,
        "round": current,
        "progress": current.progress(request.user) if current else None,
        "words": words,
        "notice": notice,
    }
    template = "ranking/_desk.html" if request.htmx else "ranking/desk.html"
    return render(request, template, context, status=status)
