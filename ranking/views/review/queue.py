"""The reviewers' queue: what waits, and the frame that its pages share."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from ranking.services.review.waiting import decided_lately, waiting_for_reviewers


@require_safe
@never_cache
@project_view(*STAFF)
def review(request: ProjectRequest) -> HttpResponse:
    return show_review(request, "ranking/review/queue.html", {})


def show_review(
    request: ProjectRequest, template: str, context: dict[str, Any], *, page: str = "", status: int = 200
) -> HttpResponse:
    """A page of the queue, with how much waits of each kind; `page` is the name of its address."""
    kinds = waiting_for_reviewers(request.project)
    decided, decided_by_you = decided_lately(request.project, request.user)
    frame = {
        "kinds": kinds,
        "kind": next((kind for kind, _count in kinds if kind.page == page), None),
        "next_kind": next((kind for kind, count in kinds if count and kind.page != page), None),
        "decided": decided,
        "decided_by_you": decided_by_you,
    }
    return render(request, template, frame | context, status=status)
