"""Snapshots of preferences: taking them, reading their cards, downloading their files."""

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from ranking.downloads import answer_file, answer_zip
from ranking.facts import dataset_facts
from ranking.models import Judgment
from ranking.services import snapshot_preferences

WITHDRAWALS = 20


@require_safe
@project_view(Role.COORDINATOR)
def datasets(request: ProjectRequest) -> HttpResponse:
    context = {
        "facts": dataset_facts(request.project),
        "datasets": request.project.datasets.select_related("created_by").prefetch_related("withdrawn_parts"),
        "withdrawals": request.project.withdrawals.prefetch_related("parts__dataset")[:WITHDRAWALS],
        "judgments": Judgment.objects.of_project(request.project).count(),
    }
    return render(request, "ranking/datasets.html", context)


@require_POST
@project_view(Role.COORDINATOR)
def snapshot(request: ProjectRequest) -> HttpResponse:
    with tell_refusal(request):
        shown = Shown.on_page(request)
        dataset = snapshot_preferences(project=request.project, actor=request.user, shown=shown)
        words = _("Dataset %(number)d has %(pairs)d pairs.")
        messages.success(request, words % {"number": dataset.number, "pairs": dataset.pairs})
        return redirect("dataset", request.project.slug, dataset.number)
    return redirect("datasets", request.project.slug)


@require_safe
@project_view(Role.COORDINATOR)
def dataset(request: ProjectRequest, number: int) -> HttpResponse:
    found = get_object_or_404(request.project.datasets, number=number)
    return render(request, "ranking/dataset.html", {"dataset": found})


@require_safe
@project_view(Role.COORDINATOR)
def dataset_file(request: ProjectRequest, number: int, name: str) -> FileResponse | HttpResponse:
    return answer_file(get_object_or_404(request.project.datasets, number=number), name)


@require_safe
@project_view(Role.COORDINATOR)
def dataset_zip(request: ProjectRequest, number: int) -> FileResponse | HttpResponse:
    return answer_zip(get_object_or_404(request.project.datasets, number=number))
