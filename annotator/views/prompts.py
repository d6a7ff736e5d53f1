"""The project's prompts: finding them, reading them, importing more."""

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.forms.prompts import ImportForm, PromptFilterForm
from annotator.models import Role
from annotator.services.prompts import import_prompts

PAGE_SIZE = 50


@require_safe
@project_view(*STAFF)
def prompt_list(request: ProjectRequest) -> HttpResponse:
    prompts = request.project.prompts.annotate(completion_count=Count("completions")).order_by("-pk")
    form = PromptFilterForm(request.GET)
    if form.is_valid():
        if split := form.cleaned_data["split"]:
            prompts = prompts.filter(split=split)
        if words := form.cleaned_data["q"]:
            prompts = prompts.containing(words)
    page = Paginator(prompts, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "annotator/prompts.html", {"form": form, "page": page})


@require_safe
@project_view(*STAFF)
def prompt_detail(request: ProjectRequest, pk: int) -> HttpResponse:
    prompt = get_object_or_404(request.project.prompts, pk=pk)
    completions = prompt.completions.select_related("author")
    return render(request, "annotator/prompt.html", {"prompt": prompt, "completions": completions})


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def prompt_import(request: ProjectRequest) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(request, "annotator/prompt_import.html", {"form": form}, status=status)
    file = form.cleaned_data["file"]
    report = import_prompts(project=request.project, file=file, filename=file.name, actor=request.user)
    context = {"form": ImportForm(), "report": report, "filename": file.name}
    return render(request, "annotator/prompt_import.html", context, status=422 if report.errors else 200)
