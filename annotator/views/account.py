"""A person's own account: name, ways to sign in, API token."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from rest_framework.authtoken.models import Token

from annotator.access import SignedInRequest
from annotator.facts import token_facts
from annotator.forms.account import NameForm
from annotator.services.tokens import create_api_token, revoke_api_token
from annotator.shown import Shown

from .refusals import tell_refusal

SHOWN_NEXT = "new_api_token"
"""The session's key for a token until the page after shows it."""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def account(request: SignedInRequest) -> HttpResponse:
    form = NameForm(request.POST or None, instance=request.user)
    if form.is_valid():
        request.user.save(update_fields=form.fields)
        messages.success(request, _("Your name was saved."))
        return redirect("account")
    if request.method == "POST":
        return show_account(request, form, status=422)
    return show_account(request, form, token=request.session.pop(SHOWN_NEXT, ""))


@require_POST
@login_required
def api_token_create(request: SignedInRequest) -> HttpResponse:
    """Make a token, which the page that comes next shows once."""
    with tell_refusal(request):
        shown = Shown.on_page(request)
        request.session[SHOWN_NEXT] = create_api_token(user=request.user, shown=shown)
    return redirect("account")


@require_POST
@login_required
def api_token_revoke(request: SignedInRequest) -> HttpResponse:
    revoke_api_token(user=request.user, shown=Shown.on_page(request))
    messages.success(request, _("The API token was revoked; programs that used it can no longer sign in."))
    return redirect("account")


@require_POST
@login_required
def session_end(request: SignedInRequest, pk: int) -> HttpResponse:
    """Sign out one other browser of this person; this one has its own button."""
    others = UserSession.objects.filter(user=request.user).exclude(session_key=request.session.session_key)
    get_object_or_404(others, pk=pk).end()
    messages.success(request, _("That browser is signed out."))
    return redirect("usersessions_list")


@require_safe
@login_required
def email_page_closed(request: SignedInRequest) -> HttpResponse:
    return redirect("account")


def show_account(
    request: SignedInRequest, form: NameForm, *, token: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "token": token,
        "facts": token_facts(request.user),
        "current_token": Token.objects.filter(user=request.user).first(),
        "memberships": request.user.memberships.select_related("project").order_by("project__name"),
    }
    return render(request, "annotator/account.html", context, status=status)
