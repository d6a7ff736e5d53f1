"""One's own judgments, and what became of each; coordinators follow everybody's."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.models import Project, User
from ranking.models import Judgment
from ranking.models.judgments import JudgmentQuerySet
from training.services.lineage.forward import follow, readable_judgments, tells_pairs, versions_by_judgment

PAGE_SIZE = 50
LONGEST_NUMBER = 18


@require_safe
@never_cache
@project_view(*MEMBERS)
def judgments(request: ProjectRequest) -> HttpResponse:
    """The reader's own, the newest first."""
    found = _listed(request.project, request.user)
    before = _number(request.GET.get("before", ""))
    rows = list((found.filter(pk__lt=before) if before is not None else found)[: PAGE_SIZE + 1])
    context = {
        "judgments": versions_by_judgment(rows[:PAGE_SIZE], request.project),
        "is_later_page": before is not None,
        "next": rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
    }
    return render(request, "training/lineage/judgments.html", context)


@require_safe
@never_cache
@project_view(*MEMBERS)
def judgment_lineage(request: ProjectRequest, pk: int) -> HttpResponse:
    judgment = get_object_or_404(readable_judgments(request.project, request.user, request.role), pk=pk)
    with_pairs = tells_pairs(judgment, request.role)
    context = {
        "forward": follow(judgment, request.project, with_pairs=with_pairs),
        "with_pairs": with_pairs,
        "judgment": judgment,
        "is_own": judgment.volunteer_id == request.user.pk,
        "corrected_by": Judgment.objects.filter(corrects=judgment).first(),
    }
    return render(request, "training/lineage/judgment.html", context)


def _listed(project: Project, user: User) -> JudgmentQuerySet:
    return (
        Judgment.objects.filter(is_current=True, comparison__round__project=project, volunteer=user)
        .order_by("-pk")
        .select_related("comparison__prompt", "comparison__round")
        .prefetch_related("inclusions")
    )


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER
    return int(text) if is_number else None
