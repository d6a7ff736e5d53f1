"""Deleting a project, for its coordinators: what would go, and the act."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from annotator.access import ProjectRequest, project_view
from annotator.errors import RefusedError
from annotator.models import Role
from annotator.shown import ChangedMeanwhileError, Shown
from training.facts import deletion_facts
from training.forms.deleting import DeleteProjectForm
from training.services.deleting.contents import numbers_of
from training.services.deleting.projects import delete_project

LABELS = {
    "members": gettext_lazy("Memberships"),
    "prompts": gettext_lazy("Prompts"),
    "completions": gettext_lazy("Answers"),
    "rounds": gettext_lazy("Rounds"),
    "judgments": gettext_lazy("Judgments"),
    "conversations": gettext_lazy("Conversations with the chatbot"),
    "datasets": gettext_lazy("Datasets"),
    "versions": gettext_lazy("Versions"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def project_delete(request: ProjectRequest) -> HttpResponse:
    facts = deletion_facts(
        request.project
    )  # before the numbers: a page must not say that it shows newer ones
    form = DeleteProjectForm(request.POST if request.method == "POST" else None, project=request.project)
    if form.is_valid():
        try:
            delete_project(project=request.project, actor=request.user, shown=Shown.on_page(request))
        except ChangedMeanwhileError:
            raise
        except RefusedError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The project %s was deleted.") % request.project)
            return redirect("home")
    numbers = [(LABELS[kind], number) for kind, number in numbers_of(request.project).items()]
    context = {"form": form, "facts": facts, "numbers": numbers}
    status = 422 if request.method == "POST" else 200
    return render(request, "training/delete_project.html", context, status=status)
