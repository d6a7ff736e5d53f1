"""Two updates of a chatbot side by side."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from training.models import Update
from training.views.updates.comparing.answers import answers_beside
from training.views.updates.comparing.curves import curve_tables
from training.views.updates.comparing.differences import differences_of
from training.views.updates.comparing.numbers import measures_of

CHOICES = 100
"""About two years of weeks."""


@require_safe
@project_view(Role.COORDINATOR)
def update_compare(request: ProjectRequest, number: int) -> HttpResponse:
    """An update beside another one, by default the one before; the earlier stands first."""
    updates = request.project.updates.select_related("project", "parent", "dataset", "candidate")
    update = get_object_or_404(updates, number=number)
    others = updates.exclude(pk=update.pk)
    other = _named(others, request.GET["with"]) if "with" in request.GET else _nearest(others, update)
    context: dict[str, Any] = {"update": update, "other": other, "others": others_of(update)}
    if other is not None:
        earlier, later = sorted((update, other), key=lambda each: each.number)
        context |= {
            "earlier": earlier,
            "later": later,
            "measures": measures_of(earlier, later),
            "differences": differences_of(earlier, later),
            "tables": curve_tables(earlier, later),
            "answers": answers_beside(earlier, later),
        }
    return render(request, "training/compare.html", context)


def others_of(update: Update) -> QuerySet[Update]:
    """The updates that one can be compared with, the newest first."""
    others = Update.objects.filter(project=update.project_id).exclude(pk=update.pk)
    return others.select_related("candidate")[:CHOICES]


def _named(others: QuerySet[Update], number: str) -> Update:
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Http404
    return get_object_or_404(others, number=int(number))


def _nearest(others: QuerySet[Update], update: Update) -> Update | None:
    """The update before this one; of the first, the one after it."""
    return others.filter(number__lt=update.number).first() or others.last()
