"""A volunteer's last judgments, which can be corrected until their round closes."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from ranking.errors import CorrectedSinceError, InvalidJudgmentError, RankingError, RoundClosedError
from ranking.forms import CorrectionForm
from ranking.models import Demonstration, Judgment
from ranking.services import correct_judgment

LAST = 20


@require_safe
@never_cache
@project_view(*MEMBERS)
def judged(request: ProjectRequest) -> HttpResponse:
    own = Judgment.objects.correctable_by(request.user, request.project)
    written = Demonstration.objects.of_project(request.project).filter(judgment__volunteer=request.user)
    context = {
        "judgments": own.select_related("comparison__prompt")[:LAST],
        "written": written.select_related("completion__prompt").order_by("-pk")[:LAST],
    }
    return render(request, "ranking/judged.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(*MEMBERS)
def correct(request: ProjectRequest, pk: int) -> HttpResponse:
    own = (
        Judgment.objects.asked()
        .of_volunteers()
        .filter(comparison__round__project=request.project, volunteer=request.user)
    )
    shown = ("comparison__round", "assignment__round__project", "assignment__comparison__prompt")
    late = ("lapsed_assignment__assignment__round__project", "lapsed_assignment__comparison__prompt")
    judgment = get_object_or_404(own.select_related(*shown, *late), pk=pk)
    is_open = judgment.comparison.round.is_open
    if request.method != "POST" and not (judgment.is_current and is_open):
        refusal = CorrectedSinceError() if is_open else RoundClosedError()
        messages.warning(request, str(refusal))
        return redirect("judged", request.project.slug)
    form = CorrectionForm(request.POST if request.method == "POST" else None, judgment=judgment)
    if form.is_valid():
        try:
            correct_judgment(
                judgment=judgment, volunteer=request.user, key=form.cleaned_data["key"], **form.answer()
            )
        except InvalidJudgmentError as error:
            form.add_error(None, str(error))
        except RankingError as error:
            messages.warning(request, str(error))
            return redirect("judged", request.project.slug)
        else:
            messages.success(request, _("Saved: this is what counts now."))
            return redirect("judged", request.project.slug)
    status = 422 if request.method == "POST" else 200
    return render(request, "ranking/correct.html", {"form": form}, status=status)
