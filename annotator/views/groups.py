"""A member's own page of groups that they say they belong to."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.forms.groups import GroupsForm
from annotator.limits import FEWEST_PEOPLE
from annotator.services.groups import state_groups


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(*MEMBERS)
def own_groups(request: ProjectRequest) -> HttpResponse:
    form = GroupsForm(request.membership, request.POST if request.method == "POST" else None)
    if form.is_valid():
        state_groups(membership=request.membership, keys=form.keys)
        said = _("Your groups were saved.") if form.keys else _("You state no group.")
        messages.success(request, said)
        return redirect("project", request.project.slug)
    context = {"form": form, "fewest": FEWEST_PEOPLE}
    status = 422 if request.method == "POST" else 200
    return render(request, "annotator/own_groups.html", context, status=status)


@require_POST
@project_view(*MEMBERS)
def groups_decline(request: ProjectRequest) -> HttpResponse:
    """End the question on the project's first page; what was stated stays."""
    request.membership.answer_groups()
    return redirect("project", request.project.slug)
