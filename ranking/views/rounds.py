"""Opening and closing a project's rounds."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import ChangedMeanwhileError, Shown
from ranking.errors import RankingError
from ranking.forms import OpenRoundForm
from ranking.services import close_round, open_round

from .project import show_project


@require_POST
@project_view(Role.COORDINATOR)
def round_open(request: ProjectRequest) -> HttpResponse:
    form = OpenRoundForm(request.POST, project=request.project)
    if not form.is_valid():
        return show_project(request, form, status=422)
    try:
        shown = Shown.on_page(request)
        opened = open_round(project=request.project, actor=request.user, shown=shown, **form.cleaned_data)
    except ChangedMeanwhileError as error:
        return show_project(request, form, status=409, changes=error.changes)
    except RankingError as error:
        form.add_error(None, str(error))
        return show_project(request, form, status=422)
    comparisons = opened.comparisons.count()
    messages.success(
        request,
        _("Round %(number)d is open with %(count)d comparisons.")
        % {"number": opened.number, "count": comparisons},
    )
    return redirect("project", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def round_close(request: ProjectRequest) -> HttpResponse:
    closed = close_round(project=request.project, actor=request.user, shown=Shown.on_page(request))
    if closed is None:
        messages.warning(request, _("No round was open."))
    else:
        messages.success(
            request, _("Round %(number)d is closed; what was judged is kept.") % {"number": closed.number}
        )
    return redirect("project", request.project.slug)
