"""Download one's own data, leave a project, erase the account."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotator.access import MEMBERS, ProjectRequest, SignedInRequest, project_view
from annotator.errors import RefusedError
from annotator.models import User
from ranking.models import Judgment
from ranking.services import erase_account, leave_project
from ranking.services.personal_data import write_archive
from ranking.withdrawal_forms import EraseForm, LeaveForm


@require_safe
@never_cache
@login_required
def export(request: SignedInRequest) -> StreamingHttpResponse:
    day = timezone.localdate().isoformat()
    headers = {"Content-Disposition": f'attachment; filename="chorus-my-data-{day}.zip"'}
    return StreamingHttpResponse(write_archive(request.user), content_type="application/zip", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(*MEMBERS)
def leave(request: ProjectRequest) -> HttpResponse:
    form = LeaveForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            leave_project(membership=request.membership, withdraw=form.withdraws)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("You have left %s.") % request.project.name)
            return redirect("account")
    in_project = Judgment.objects.filter(is_current=True, comparison__round__project=request.project)
    own = in_project.filter(volunteer=request.user)
    status = 422 if request.method == "POST" else 200
    return render(request, "ranking/leave.html", {"form": form, "judgments": own.count()}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def erase(request: SignedInRequest) -> HttpResponse:
    form = EraseForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        return _erase(request, form)
    return _show_erase(request, form, status=422 if request.method == "POST" else 200)


# The post waits until the password, or the second step, was given: then `erase` is called with it again.
@reauthentication_required  # type: ignore[untyped-decorator]
def _erase(request: SignedInRequest, form: EraseForm) -> HttpResponse:
    try:
        erase_account(user=User.objects.get(pk=request.user.pk))
    except RefusedError as error:
        form.add_error(None, str(error))
        return _show_erase(request, form, status=422)
    logout(request)
    gone = redirect("account-erased")
    # Drafts and judgments that wait to be sent lie in the browser.
    gone["Clear-Site-Data"] = '"storage"'
    return gone


def _show_erase(request: SignedInRequest, form: EraseForm, *, status: int) -> HttpResponse:
    own = Judgment.objects.filter(volunteer=request.user, is_current=True)
    return render(request, "ranking/erase.html", {"form": form, "judgments": own.count()}, status=status)


@require_safe
@login_not_required
def erased(request: HttpRequest) -> HttpResponse:
    return render(request, "ranking/erased.html")
