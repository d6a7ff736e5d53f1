"""Decisions on volunteers who did not pass the practice."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.services.members import member_or_404
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from ranking.services.practice import allow_another_attempt, let_in


@require_POST
@project_view(Role.COORDINATOR)
def member_let_in(request: ProjectRequest, pk: int) -> HttpResponse:
    membership = member_or_404(request.project, pk)
    with tell_refusal(request):
        let_in(membership=membership, actor=request.user, shown=Shown.on_page(request))
        messages.success(request, _("%(person)s may rank now.") % {"person": membership.user})
    return redirect("people", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def member_another_try(request: ProjectRequest, pk: int) -> HttpResponse:
    membership = member_or_404(request.project, pk)
    with tell_refusal(request):
        shown = Shown.on_page(request)
        allow_another_attempt(membership=membership, actor=request.user, shown=shown)
        messages.success(request, _("%(person)s may try once more.") % {"person": membership.user})
    return redirect("people", request.project.slug)
