"""The project's guidelines, for everybody who ranks."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view


@require_safe
@project_view(*MEMBERS)
def guidelines(request: ProjectRequest) -> HttpResponse:
    return render(request, "annotator/guidelines.html")
