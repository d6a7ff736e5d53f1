"""Writing prompts on a page: many at once, and correcting one."""

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.access import ProjectRequest, project_view
from annotator.errors import RefusedError
from annotator.facts import prompt_edit_facts
from annotator.forms.prompts import EditForm, WriteForm
from annotator.imports.pasted import Layout
from annotator.imports.prompt_files import DEFAULT_LANGUAGE
from annotator.models import Project, Prompt, Role
from annotator.services.prompts.adding import import_text
from annotator.services.prompts.editing import edit_prompt, prompt_or_404
from annotator.shown import Change, ChangedMeanwhileError, Shown

from .prompts import report_shown


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def prompt_write(request: ProjectRequest) -> HttpResponse:
    """Take what was written; the report of it is shown once, by the page that comes after."""
    kept = f"write_report_{request.project.pk}"
    template = "annotator/prompt_write.html"
    if request.method != "POST":
        form = WriteForm(initial={"language": _usual_language(request.project)})
        return render(request, template, {"form": form, "report": request.session.pop(kept, None)})
    form = WriteForm(request.POST)
    if not form.is_valid():
        return render(request, template, {"form": form}, status=422)
    data = form.cleaned_data | {"layout": Layout(form.cleaned_data["layout"])}
    report = import_text(project=request.project, actor=request.user, **data)
    shown = report_shown(report)
    if report.errors:
        return render(request, template, {"form": form, "report": shown}, status=422)
    request.session[kept] = shown
    return redirect("write-prompts", request.project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def prompt_edit(request: ProjectRequest, number: int) -> HttpResponse:
    if request.method != "POST":
        prompt = get_object_or_404(request.project.prompts, number=number)
        return _show_edit(request, prompt, EditForm(prompt=prompt))
    prompt = prompt_or_404(request.project, number)
    form = EditForm(request.POST, prompt=prompt)
    if not form.is_valid():
        return _show_edit(request, prompt, form)
    shown = Shown.on_page(request)
    try:
        now = edit_prompt(
            project=request.project, prompt=prompt, draft=form.draft, actor=request.user, shown=shown
        )
    except ChangedMeanwhileError as error:
        if (as_it_is := request.project.prompts.filter(number=number).first()) is None:
            raise
        return _show_edit(request, as_it_is, form, error.changes)
    except RefusedError as refused:
        form.add_error(None, str(refused))
        return _show_edit(request, prompt, form)
    messages.success(request, _("The prompt was saved."))
    return redirect("prompt", request.project.slug, now.number)


def _usual_language(project: Project) -> str:
    """The language of most prompts."""
    counted = project.prompts.order_by().values("language").annotate(prompts=Count("pk"))
    most = counted.order_by("-prompts", "language").first()
    return most["language"] if most else DEFAULT_LANGUAGE


def _show_edit(
    request: ProjectRequest, prompt: Prompt, form: EditForm, changes: list[Change] | None = None
) -> HttpResponse:
    status = 409 if changes else 422 if form.is_bound else 200
    context = {
        "prompt": prompt,
        "form": form,
        "facts": prompt_edit_facts(prompt),
        "changes": changes,
        "is_answered": prompt.completions.exists(),
    }
    return render(request, "annotator/prompt_edit.html", context, status=status)
