"""Members and invitations, for coordinators."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotator.access import ProjectRequest, project_view
from annotator.facts import role_facts, waiting_facts
from annotator.forms.people import InvitationForm, InviteManyForm, OpenLinkForm, RoleForm
from annotator.models import Role
from annotator.services.invitations.inviting import invite, make_open_link, revoke_invitation
from annotator.services.invitations.inviting_many import invite_by_mail
from annotator.services.members import change_role, member_or_404, remove_member
from annotator.shown import Shown

from .line_notes import notes_shown
from .refusals import tell_refusal


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(Role.COORDINATOR)
def people(request: ProjectRequest) -> HttpResponse:
    """Members and invitations; a POST invites somebody, and the page that comes next shows the link once."""
    kept = f"invitation_link_{request.project.pk}"
    if request.method != "POST":
        return show_people(request, link=request.session.pop(kept, ""))
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return show_people(request, form=form, status=422)
    _invitation, token = invite(project=request.project, actor=request.user, **form.cleaned_data)
    # Of the token only a hash is stored; the session has it until the next page.
    request.session[kept] = settings.SITE_URL + reverse("join", args=[token])
    return redirect("people", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def invite_many(request: ProjectRequest) -> HttpResponse:
    """Invite a list of people by mail; the page that comes next says once who was and who was not."""
    form = InviteManyForm(request.POST)
    if not form.is_valid():
        return show_people(request, many_form=form, status=422)
    data = form.cleaned_data | {"role": Role(form.cleaned_data["role"])}
    report = invite_by_mail(project=request.project, actor=request.user, language=get_language(), **data)
    if report.errors:
        return show_people(request, many_form=form, many_errors=notes_shown(report.errors), status=422)
    request.session[report_key(request)] = {
        "invited": report.invited,
        "skipped": notes_shown(report.skipped),
    }
    return redirect("people", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def open_link_make(request: ProjectRequest) -> HttpResponse:
    """Make a link for many volunteers, which the page that comes next shows once."""
    form = OpenLinkForm(request.POST)
    if not form.is_valid():
        return show_people(request, open_link_form=form, status=422)
    _link, token = make_open_link(project=request.project, actor=request.user, **form.cleaned_data)
    request.session[open_link_key(request)] = settings.SITE_URL + reverse("join", args=[token])
    return redirect("people", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def invitation_revoke(request: ProjectRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(request.project.invitations, pk=pk)
    with tell_refusal(request):
        revoke_invitation(invitation=invitation, actor=request.user)
        messages.success(request, _("The invitation was revoked; its link no longer works."))
    return redirect("people", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def member_role(request: ProjectRequest, pk: int) -> HttpResponse:
    membership = member_or_404(request.project, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such role; nothing was changed."))
        return redirect("people", request.project.slug)
    role = Role(form.cleaned_data["role"])
    with tell_refusal(request):
        shown = Shown.on_page(request)
        change_role(membership=membership, role=role, actor=request.user, shown=shown)
        words = {"person": membership.user, "role": role.label}
        messages.success(request, _("The role of %(person)s is now: %(role)s.") % words)
    return redirect("people", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def member_remove(request: ProjectRequest, pk: int) -> HttpResponse:
    membership = member_or_404(request.project, pk)
    with tell_refusal(request):
        remove_member(membership=membership, actor=request.user, shown=Shown.on_page(request))
        words = {"person": membership.user}
        messages.success(request, _("%(person)s is no longer a member. Their judgments were kept.") % words)
    return redirect("people", request.project.slug)


def open_link_key(request: ProjectRequest) -> str:
    """Where the session keeps an open link until the next page."""
    return f"open_link_{request.project.pk}"


def report_key(request: ProjectRequest) -> str:
    """Where the session keeps whom a list of addresses invited until the next page."""
    return f"invited_{request.project.pk}"


def show_people(request: ProjectRequest, *, link: str = "", status: int = 200, **shown: Any) -> HttpResponse:
    """The page, with these forms, in place of empty ones, and what is wrong in them."""
    members = request.project.memberships.select_related("user")
    context = {
        "form": InvitationForm(),
        "many_form": InviteManyForm(),
        "open_link_form": OpenLinkForm(),
        **shown,
        "invited": request.session.pop(report_key(request), None),
        "is_mail_a_file": "filebased" in settings.EMAIL_BACKEND,
        "link": link,
        "open_link": request.session.pop(open_link_key(request), ""),
        "roles": Role.choices,
        "memberships": [(one, role_facts(one)) for one in members.order_by("role", "user__name")],
        "waiting": [(one, waiting_facts(one)) for one in members.waiting()],
        "invitations": request.project.invitations.with_power().select_related("used_by", "created_by")[:100],
    }
    return render(request, "annotator/people.html", context, status=status)
