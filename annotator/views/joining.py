"""Joining by an invitation, and signing in by a link.

A link's address, which is the secret, only leads on to one without it. The page there has the secret in its
form: no later request has it in its address or, as the page that it came from, in its headers.
"""

from typing import Any

from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotator.errors import RefusedError
from annotator.forms.joining import JoinForm, LanguagesForm
from annotator.models import Invitation, Membership, Role, User
from annotator.services.invitations.inviting import accept_invitation, find_invitation, join_project
from annotator.services.sign_in import find_sign_in_user, use_sign_in_link

INVITATION, SIGN_IN = "invitation_token", "sign_in_token"
"""The session's keys for the secret of the link that was opened last."""


@require_safe
@login_not_required
@never_cache
def join_link(request: HttpRequest, token: str) -> HttpResponse:
    try:
        find_invitation(token)
    except RefusedError as refused:
        return refuse_invitation(request, refused)
    request.session[INVITATION] = token
    return redirect("accept-invitation")


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
@never_cache
def join(request: HttpRequest) -> HttpResponse:
    token = request.POST.get("token") or request.session.get(INVITATION, "")
    if not ratelimit.consume(request, action="join"):
        return ratelimit.respond_429(request)
    try:
        return answer_invitation(request, token, find_invitation(token))
    except RefusedError as refused:
        return refuse_invitation(request, refused)


def refuse_invitation(request: HttpRequest, refused: RefusedError) -> HttpResponse:
    return render(request, "annotator/join_refused.html", {"reason": str(refused)}, status=410)


def answer_invitation(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    asked: dict[str, Any] = {
        "data": request.POST if request.method == "POST" else None,
        "project": invitation.project,
        "accept_language": request.headers.get("Accept-Language", ""),
    }
    if not request.user.is_authenticated:
        return _sign_up(request, token, invitation, JoinForm(**asked, email=invitation.email))
    if invitation.project.memberships.filter(user=request.user).exists():
        messages.info(request, _("You are a member of this project already; the link was not used."))
        return redirect("project", invitation.project.slug)
    return _join_with_account(request, request.user, token, invitation, LanguagesForm(**asked))


def _join_with_account(
    request: HttpRequest, user: User, token: str, invitation: Invitation, form: LanguagesForm
) -> HttpResponse:
    if not form.is_valid():
        # Whoever has chosen languages is not asked for them again.
        shown = None if user.languages else form
        return _show(request, invitation, {"token": token, "languages_form": shown})
    membership = join_project(token=token, user=user, languages=form.cleaned_data["languages"])
    return _welcome(request, membership)


def _sign_up(request: HttpRequest, token: str, invitation: Invitation, form: JoinForm) -> HttpResponse:
    if not form.is_valid():
        return _show(request, invitation, {"token": token, "form": form})
    try:
        membership = accept_invitation(token=token, **form.cleaned_data)
    except RefusedError as refused:
        form.add_error(None, str(refused))
        return _show(request, invitation, {"token": token, "form": form})
    perform_login(request, membership.user, email_verification="none")
    return _welcome(request, membership)


def _show(request: HttpRequest, invitation: Invitation, context: dict[str, Any]) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    return render(request, "annotator/join.html", {"invitation": invitation, **context}, status=status)


def _welcome(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session.pop(INVITATION, None)
    messages.success(request, _("Welcome to %(project)s.") % {"project": membership.project})
    return redirect(first_page(membership))


def first_page(membership: Membership) -> str:
    """The page after joining: for volunteers, their first comparison."""
    name = "project" if membership.role == Role.COORDINATOR else "onboarding"
    return reverse(name, args=[membership.project.slug])


@require_safe
@login_not_required
@never_cache
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """The page that follows only shows a button, so that a link preview does not use the link up."""
    try:
        find_sign_in_user(token)
    except RefusedError as refused:
        return refuse_sign_in(request, refused)
    request.session[SIGN_IN] = token
    return redirect("use-sign-in-link")


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in by the link that was opened."""
    token = request.POST.get("token") or request.session.get(SIGN_IN, "")
    try:
        if request.method != "POST":
            find_sign_in_user(token)
            return render(request, "annotator/sign_in_link.html", {"token": token})
        user = use_sign_in_link(token=token)
    except RefusedError as refused:
        return refuse_sign_in(request, refused)
    request.session.pop(SIGN_IN, None)
    return perform_login(request, user, email_verification="none")


def refuse_sign_in(request: HttpRequest, refused: RefusedError) -> HttpResponse:
    return render(request, "annotator/sign_in_refused.html", {"reason": str(refused)}, status=410)
