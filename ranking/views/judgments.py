"""The judgments browser, for reviewers and coordinators: who gave a judgment, it never tells."""

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.views.refusals import tell_refusal
from ranking.browsing_forms import JudgmentFilterForm, SaveFilterForm, judgments_url, query_of
from ranking.models import Judgment
from ranking.services.browsing.export import write_csv
from ranking.services.browsing.reading import newest, read_judgments
from ranking.services.browsing.saving import remove_filter, save_filter

PAGE_SIZE = 20
LONGEST_NUMBER = 18


@require_safe
@never_cache
@project_view(*STAFF)
def judgment_list(request: ProjectRequest) -> HttpResponse:
    """The newest ones, or those before the one that `before` names; htmx is given the list alone."""
    form = JudgmentFilterForm(request.GET, project=request.project)
    found = form.narrowed()
    before = request.GET.get("before", "")
    is_later_page = before.isascii() and before.isdecimal() and len(before) <= LONGEST_NUMBER
    ids = newest(found, PAGE_SIZE + 1, before=int(before) if is_later_page else None)
    context = {
        "form": form,
        "lines": read_judgments(ids[:PAGE_SIZE]),
        "count": found.count(),
        "query": query_of(form.given()),
        "is_later_page": is_later_page,
        "next": ids[PAGE_SIZE - 1] if len(ids) > PAGE_SIZE else None,
    }
    if request.htmx and not request.htmx.history_restore_request:
        return render(request, "ranking/_judgments.html", context)
    saved = {"saved": request.membership.saved_filters.all(), "save_form": SaveFilterForm()}
    return render(request, "ranking/judgments.html", context | saved)


@require_safe
@never_cache
@project_view(*STAFF)
def judgment_detail(request: ProjectRequest, pk: int) -> HttpResponse:
    """One judgment with its texts in full, whether it counts or not."""
    of_project = Judgment.objects.filter(comparison__round__project=request.project)
    judgment = get_object_or_404(of_project, pk=pk)
    others = of_project.filter(is_current=True, comparison=judgment.comparison_id)
    context = {
        "line": read_judgments([judgment.pk])[0],
        "corrected_by": Judgment.objects.filter(corrects=judgment).first(),
        "others": others.exclude(volunteer=judgment.volunteer_id).count(),
    }
    return render(request, "ranking/judgment.html", context)


@require_safe
@project_view(*STAFF)
def judgment_export(request: ProjectRequest) -> StreamingHttpResponse:
    """What the list has on all its pages together."""
    form = JudgmentFilterForm(request.GET, project=request.project)
    name = f"{request.project.slug}-judgments.csv"
    return StreamingHttpResponse(
        write_csv(form.narrowed(), request.project.zone),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_POST
@project_view(*STAFF)
def filter_save(request: ProjectRequest) -> HttpResponse:
    """Keep the filter of the address that the form was sent to."""
    filters = JudgmentFilterForm(request.GET, project=request.project).given()
    form = SaveFilterForm(request.POST)
    with tell_refusal(request):
        if form.is_valid():
            name = form.cleaned_data["name"]
            save_filter(membership=request.membership, name=name, query=query_of(filters))
            messages.success(request, _("The filter “%s” was saved.") % name)
        else:
            messages.warning(request, _("Give the filter a short name."))
    return redirect(judgments_url(request.project, **filters))


@require_POST
@project_view(*STAFF)
def filter_remove(request: ProjectRequest, pk: int) -> HttpResponse:
    remove_filter(membership=request.membership, pk=pk)
    messages.success(request, _("The filter was removed."))
    return redirect("browse-judgments", request.project.slug)
