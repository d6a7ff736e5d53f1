"""Who may use a view: every view of a project declares it with `project_view`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxDetails

from .models import Membership, Project, Role, User

ProjectView = Callable[..., HttpResponseBase]
MEMBERS = (Role.VOLUNTEER, Role.REVIEWER, Role.COORDINATOR)
STAFF = (Role.REVIEWER, Role.COORDINATOR)
COORDINATORS = (Role.COORDINATOR,)


class SignedInRequest(HttpRequest):
    """A request whose user has signed in."""

    user: User
    htmx: HtmxDetails


class ProjectRequest(SignedInRequest):
    """A request whose user is known to be a member of `project` in `role`."""

    project: Project
    role: Role
    membership: Membership


def membership_or_404(user: User, slug: str) -> Membership:
    """The user's membership of the project; a stranger cannot tell that the project exists."""
    membership = user.memberships.select_related("project").filter(project__slug=slug).first()
    if membership is None:
        raise Http404("No such project.")
    return membership


def project_view(*roles: Role) -> Callable[[ProjectView], ProjectView]:
    """Let members with one of the roles in; others get 403, strangers 404.

    The view's address has the project's `slug`; `request.membership`, `request.project` and `request.role`
    are set.
    """

    def decorate(view: ProjectView) -> ProjectView:
        @wraps(view)
        def checked(request: ProjectRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = membership_or_404(request.user, slug)
            if membership.role not in roles:
                raise PermissionDenied("Your role in this project does not include this page.")
            request.membership = membership
            request.project = membership.project
            request.role = Role(membership.role)
            return view(request, *args, **kwargs)

        checked.roles = roles  # type: ignore[attr-defined]
        return checked

    return decorate
