"""Who may use a view: every view of a project declares it with `project_view`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from .models import Membership, Project, Role, User
from .models.memberships import SECOND_FACTORS

ProjectView = Callable[..., HttpResponseBase]
MEMBERS = (Role.VOLUNTEER, Role.REVIEWER, Role.COORDINATOR)
STAFF = (Role.REVIEWER, Role.COORDINATOR)
COORDINATORS = (Role.COORDINATOR,)
FOUND = "annotator.add_project"
"""Django's permission to found projects, which superusers have."""


class SignedInRequest(HttpRequest):
    """A request whose user has signed in."""

    user: User
    htmx: HtmxDetails


class ProjectRequest(SignedInRequest):
    """A request whose user is known to be a member of `project` and may act in `role`."""

    project: Project
    role: Role
    membership: Membership


def membership_or_404(user: User, slug: str) -> Membership:
    """The user's membership of the project; a stranger cannot tell that the project exists."""
    membership = user.memberships.select_related("project").filter(project__slug=slug).first()
    if membership is None:
        raise Http404("No such project.")
    return membership


def role_in_force(user: User, membership: Membership) -> Role:
    """The role that the member may act in.

    Where the site asks coordinators for a second factor, one without it can do what a volunteer can.
    """
    role = Role(membership.role)
    if role in settings.SECOND_FACTOR_ROLES and not is_mfa_enabled(user, SECOND_FACTORS):
        return Role.VOLUNTEER
    return role


def project_view(*roles: Role) -> Callable[[ProjectView], ProjectView]:
    """Let members with one of the roles in; others get 403, strangers 404.

    Who lacks only a second factor is led to the page where it is set up. The view's address has the project's
    `slug`; `request.membership`, `request.project` and `request.role` are set, and times are the project's.
    """

    def decorate(view: ProjectView) -> ProjectView:
        @wraps(view)
        def checked(request: ProjectRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = membership_or_404(request.user, slug)
            role = role_in_force(request.user, membership)
            if role not in roles:
                if membership.role in roles:
                    return _ask_for_second_factor(request)
                raise PermissionDenied("Your role in this project does not include this page.")
            request.membership = membership
            request.project = membership.project
            request.role = role
            timezone.activate(membership.project.zone)
            return view(request, *args, **kwargs)

        checked.roles = roles  # type: ignore[attr-defined]
        return checked

    return decorate


def founder_view(view: ProjectView) -> ProjectView:
    """Let people in who may found projects, and so become coordinators; others get 403."""

    @login_required
    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(FOUND):
            raise PermissionDenied("You may not found projects.")
        if Role.COORDINATOR in settings.SECOND_FACTOR_ROLES and not is_mfa_enabled(
            request.user, SECOND_FACTORS
        ):
            return _ask_for_second_factor(request)
        return view(request, *args, **kwargs)

    return checked


def _ask_for_second_factor(request: SignedInRequest) -> HttpResponseBase:
    messages.warning(
        request, _("Set up a second factor first: this site asks coordinators for one. Nothing was done yet.")
    )
    where = redirect("mfa_index")
    return HttpResponseClientRedirect(where.url) if request.htmx else where
