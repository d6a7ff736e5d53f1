"""Decisions on volunteers who did not pass the practice."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotator.access import ProjectRequest, project_view
from annotator.models import Membership, Role
from annotator.views.refusals import tell_refusal
from ranking.services.practice import allow_another_attempt, let_in


@require_POST
@project_view(Role.COORDINATOR)
def member_let_in(request: ProjectRequest, pk: int) -> HttpResponse:
    membership = _membership_or_404(request, pk)
    with tell_refusal(request):
        let_in(membership=membership, actor=request.user)
        messages.success(request, _("%(person)s may rank now.") % {"person": membership.user})
    return redirect("people", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def member_another_try(request: ProjectRequest, pk: int) -> HttpResponse:
    membership = _membership_or_404(request, pk)
    with tell_refusal(request):
        allow_another_attempt(membership=membership, actor=request.user)
        messages.success(request, _("%(person)s may try once more.") % {"person": membership.user})
    return redirect("people", request.project.slug)


def _membership_or_404(request: ProjectRequest, pk: int) -> Membership:
    return get_object_or_404(request.project.memberships.select_related("user", "project"), pk=pk)
