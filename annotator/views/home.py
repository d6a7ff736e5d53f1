"""The home page of a signed-in person."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from annotator.access import FOUND, SignedInRequest


@require_safe
@login_required
def home(request: SignedInRequest) -> HttpResponse:
    memberships = request.user.memberships.select_related("project").order_by("project__name")
    if len(memberships) == 1 and not request.user.has_perm(FOUND):
        return redirect("project", memberships[0].project.slug)
    return render(request, "annotator/home.html", {"memberships": memberships})
