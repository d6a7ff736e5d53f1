"""The practice comparisons of a project, for coordinators."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.access import ProjectRequest, project_view
from annotator.imports.file_formats import LineNote
from annotator.models import Role
from annotator.shown import Change, ChangedMeanwhileError, Shown
from annotator.views.line_notes import notes_shown
from ranking.facts import practice_facts
from ranking.models import PracticeComparison
from ranking.onboarding_forms import PracticeComparisonForm, PracticeFileForm
from ranking.practice_files import MAX_FILE_BYTES, read_practice_file
from ranking.services.practice import add_practice, remove_practice, replace_practice


@require_safe
@project_view(Role.COORDINATOR)
def comparisons(request: ProjectRequest) -> HttpResponse:
    context = {"comparisons": _in_use(request), "form": PracticeFileForm()}
    return render(request, "ranking/practice_comparisons.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def add(request: ProjectRequest) -> HttpResponse:
    form = PracticeComparisonForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _show_form(request, form)
    add_practice(project=request.project, drafts=[form.draft], actor=request.user)
    messages.success(request, _("The practice comparison was added."))
    return redirect("practice-comparisons", request.project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def edit(request: ProjectRequest, pk: int) -> HttpResponse:
    # A form that is sent may be of one that was replaced meanwhile; what it has in it is shown again.
    found = _in_use(request) if request.method != "POST" else request.project.practice_comparisons
    comparison = get_object_or_404(found, pk=pk)
    form = PracticeComparisonForm(request.POST if request.method == "POST" else None, comparison=comparison)
    if not form.is_valid():
        return _show_form(request, form, comparison)
    shown = Shown.on_page(request)
    try:
        replace_practice(comparison=comparison, draft=form.draft, actor=request.user, shown=shown)
    except ChangedMeanwhileError as error:
        return _show_form(request, form, changes=error.changes)
    messages.success(request, _("The practice comparison was saved."))
    return redirect("practice-comparisons", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def remove(request: ProjectRequest, pk: int) -> HttpResponse:
    # Of all, not of those in use: the second of a double click finds it removed, which is what was wanted.
    comparison = get_object_or_404(request.project.practice_comparisons, pk=pk)
    remove_practice(comparison=comparison, actor=request.user)
    messages.success(request, _("The practice comparison was removed."))
    return redirect("practice-comparisons", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def import_file(request: ProjectRequest) -> HttpResponse:
    form = PracticeFileForm(request.POST, request.FILES)
    errors: list[LineNote] = []
    if form.is_valid():
        content = read_practice_file(form.cleaned_data["file"].read(MAX_FILE_BYTES + 1))
        if not (errors := content.errors):
            added = add_practice(project=request.project, drafts=content.drafts, actor=request.user)
            words = ngettext(
                "%(count)d practice comparison was added.",
                "%(count)d practice comparisons were added.",
                len(added),
            )
            messages.success(request, words % {"count": len(added)})
            return redirect("practice-comparisons", request.project.slug)
    context = {"comparisons": _in_use(request), "form": form, "errors": notes_shown(errors)}
    return render(request, "ranking/practice_comparisons.html", context, status=422)


def _in_use(request: ProjectRequest) -> QuerySet[PracticeComparison]:
    return request.project.practice_comparisons.in_use()


def _show_form(
    request: ProjectRequest,
    form: PracticeComparisonForm,
    comparison: PracticeComparison | None = None,
    changes: list[Change] | None = None,
) -> HttpResponse:
    status = 409 if changes else 422 if form.is_bound else 200
    context: dict[str, Any] = {"form": form, "comparison": comparison, "changes": changes}
    if comparison is not None:
        context["facts"] = practice_facts(comparison)
    return render(request, "ranking/practice_edit.html", context, status=status)
