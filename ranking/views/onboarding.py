"""Onboarding: one step a page, each of which can be left and resumed later."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.consent_text import consent_text
from annotator.models import Consent, GuidelinesVersion, Licence
from annotator.services.consent import give_consent
from annotator.services.guidelines import read_guidelines
from annotator.text.diff import changed_lines
from annotator.views.refusals import tell_refusal
from ranking.onboarding_forms import NumberForm
from ranking.services.onboarding import Step, continue_onboarding, onboarding_of

PAGE_OF = {Step.CONSENT: "consent", Step.GUIDELINES: "read-guidelines", Step.PRACTICE: "practice"}


@require_safe
@never_cache
@project_view(*MEMBERS)
def onboarding(request: ProjectRequest) -> HttpResponse:
    """Redirect to the page of the next step, or to the desk."""
    is_new = request.membership.first_ready_at is None
    step = continue_onboarding(membership=request.membership)
    if step is not None:
        return redirect(PAGE_OF[step], request.project.slug)
    if is_new:
        messages.success(request, _("You are ready. Here is your first comparison."))
    return redirect("desk", request.project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(*MEMBERS)
def consent(request: ProjectRequest) -> HttpResponse:
    if request.method == "POST":
        form = NumberForm(request.POST)
        with tell_refusal(request):
            give_consent(membership=request.membership, number=form.number_read())
        return redirect("onboarding", request.project.slug)
    given = Consent.objects.filter(project=request.project, user=request.user)
    context = {
        "given": given.filter(number=request.project.consent_number).first(),
        "is_asked_anew": given.exists(),
        "words": consent_text(request.project),
        "licence": Licence(request.project.licence),
        **place(request, Step.CONSENT),
    }
    return render(request, "ranking/consent.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(*MEMBERS)
def guidelines(request: ProjectRequest) -> HttpResponse:
    """The guidelines before the first comparison; later, what changed since they were read."""
    if request.method == "POST":
        read_guidelines(membership=request.membership, number=NumberForm(request.POST).number_read())
        return redirect("onboarding", request.project.slug)
    version = GuidelinesVersion.objects.current(request.project)
    if version is None or version.number <= request.membership.guidelines_read:
        return redirect("onboarding", request.project.slug)
    context: dict[str, Any] = {"version": version, **place(request, Step.GUIDELINES)}
    if read := request.membership.guidelines_read:
        before = get_object_or_404(GuidelinesVersion, project=request.project, number=read)
        context["changes"] = changed_lines(before.text, version.text)
    return render(request, "ranking/read_guidelines.html", context)


def place(request: ProjectRequest, step: Step) -> dict[str, int]:
    """The step's number among all steps, shown to new members."""
    way = onboarding_of(request.membership)
    if request.membership.first_ready_at or step not in way.steps:
        return {}
    return {"step": way.steps.index(step) + 1, "steps": len(way.steps) + 1}
