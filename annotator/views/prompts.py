"""The project's prompts: finding them, reading them, importing more."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.facts import prompt_facts
from annotator.forms.prompts import ImportForm, PromptFilterForm
from annotator.models import Role
from annotator.services.prompts.adding import ImportReport, import_prompts
from annotator.services.prompts.editing import prompt_in_place_of
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts
from annotator.shown import Shown

from .line_notes import notes_shown

PAGE_SIZE = 50


@require_safe
@project_view(*STAFF)
def prompt_list(request: ProjectRequest) -> HttpResponse:
    prompts = request.project.prompts.annotate(completion_count=Count("completions")).order_by("-pk")
    form = PromptFilterForm(request.GET)
    page = Paginator(form.narrowed(prompts), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "annotator/prompts.html", {"form": form, "page": page})


@require_safe
@project_view(*STAFF)
def prompt_detail(request: ProjectRequest, number: int) -> HttpResponse:
    prompt = request.project.prompts.filter(number=number).first()
    if prompt is None:
        if now := prompt_in_place_of(request.project, number):
            return redirect("prompt", request.project.slug, now.number)
        raise Http404("No such prompt.")
    completions = prompt.completions.select_related("author")
    context = {"prompt": prompt, "completions": completions, "facts": prompt_facts(prompt)}
    return render(request, "annotator/prompt.html", context)


@require_POST
@project_view(Role.COORDINATOR)
def prompt_withdraw(request: ProjectRequest, number: int) -> HttpResponse:
    prompt = get_object_or_404(request.project.prompts, number=number)
    shown = Shown.on_page(request)
    withdraw_prompts(project=request.project, prompt_ids=[prompt.pk], actor=request.user, shown=shown)
    messages.success(request, _("The prompt was withdrawn: no model is asked it any more."))
    return redirect("prompt", request.project.slug, number)


@require_POST
@project_view(Role.COORDINATOR)
def prompt_restore(request: ProjectRequest, number: int) -> HttpResponse:
    prompt = get_object_or_404(request.project.prompts, number=number)
    shown = Shown.on_page(request)
    restore_prompts(project=request.project, prompt_ids=[prompt.pk], actor=request.user, shown=shown)
    messages.success(request, _("The prompt is used again."))
    return redirect("prompt", request.project.slug, number)


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def prompt_import(request: ProjectRequest) -> HttpResponse:
    """Import a file; the report of what was taken is shown once, by the page that comes after."""
    kept = f"import_report_{request.project.pk}"
    if request.method != "POST":
        context = {"form": ImportForm(), "report": request.session.pop(kept, None)}
        return render(request, "annotator/prompt_import.html", context)
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "annotator/prompt_import.html", {"form": form}, status=422)
    file = form.cleaned_data["file"]
    report = import_prompts(
        project=request.project,
        file=file,
        filename=file.name,
        actor=request.user,
        skip_bad_rows=form.cleaned_data["skip_bad_rows"],
    )
    shown = report_shown(report, file.name)
    if report.errors:
        context = {"form": ImportForm(initial={"skip_bad_rows": report.right > 0}), "report": shown}
        return render(request, "annotator/prompt_import.html", context, status=422)
    request.session[kept] = shown
    return redirect("import-prompts", request.project.slug)


def report_shown(report: ImportReport, filename: str = "") -> dict[str, Any]:
    """What the page shows of a report, as the session keeps it; of a text without file it has no name."""
    return {
        "filename": filename,
        "taken": report.taken,
        "held_out": report.held_out,
        "right": report.right,
        "errors": notes_shown(report.errors),
        "left_out": notes_shown(report.left_out),
        "skipped": notes_shown(report.skipped),
    }
