"""Founding a project in the browser: its form, and how far the check of its base model is."""

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from annotator.access import SignedInRequest, founder_view
from annotator.services.projects import slug_of
from annotator.views.refusals import tell_refusal
from training.forms.founding import FoundingForm
from training.models import Founding
from training.services.founding.control import founding_of, request_founding
from training.services.founding.starter_guidelines import starter_guidelines


@require_http_methods(["GET", "HEAD", "POST"])
@founder_view
def new_project(request: SignedInRequest) -> HttpResponse:
    founding = founding_of(request.user)
    if founding and founding.is_active:
        return redirect("founding")
    if request.method != "POST":
        return _show(
            request,
            FoundingForm(initial=_begin_with(founding), founder=request.user),
            error=founding.error if founding else "",
        )
    if "look" in request.POST:
        # Without htmx it is a whole page, whose status says that nothing was done.
        return _show(
            request,
            FoundingForm(initial=_typed(request.POST), founder=request.user),
            status=200 if request.htmx else 422,
        )
    form = FoundingForm(request.POST, founder=request.user)
    if not form.is_valid():
        return _show(request, form, status=422)
    with tell_refusal(request):
        request_founding(founder=request.user, values=form.cleaned_data)
    return redirect("founding")


@require_safe
@founder_view
@vary_on_headers("HX-Request")
def founding(request: SignedInRequest) -> HttpResponse:
    current = founding_of(request.user)
    is_part = request.htmx and not request.htmx.history_restore_request
    if current is None or not current.is_active:
        goal = _goal(current)
        return HttpResponseClientRedirect(goal) if is_part else redirect(goal)
    template = "training/_founding.html" if is_part else "training/founding.html"
    return render(request, template, {"founding": current})


@require_POST
@founder_view
def founding_stop(request: SignedInRequest) -> HttpResponse:
    if current := founding_of(request.user):
        current.stop()
    return redirect("founding")


def _goal(ended: Founding | None) -> str:
    """The page of the project that was founded; what was entered where none was."""
    if ended and ended.state == ended.State.SUCCEEDED:
        return reverse("project", args=[ended.project.slug]) if ended.project else reverse("home")
    return reverse("new-project")


def _begin_with(founding: Founding | None) -> dict[str, str]:
    """What the person entered before, where no project came of it."""
    if founding and founding.values:
        return dict(founding.values)
    return {"guidelines": starter_guidelines()}


def _typed(sent: QueryDict) -> dict[str, str]:
    """What stands in the form now, with the address that would be made of the name."""
    typed = {name: sent.get(name, "") for name in FoundingForm.base_fields}
    return typed | {"slug": typed["slug"] or slug_of(typed["name"])}


def _show(
    request: SignedInRequest, form: FoundingForm, *, error: str = "", status: int = 200
) -> HttpResponse:
    return render(request, "training/new_project.html", {"form": form, "error": error}, status=status)
