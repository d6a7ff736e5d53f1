"""Who may use which part of the API: the same roles as on the pages."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import membership_or_404, role_in_force
from annotator.models import Membership, Project, Role
from annotator.shown import Facts, Shown, text_of


class PreconditionRequired(APIException):
    """An act that must name what it was shown does not (RFC 6585)."""

    status_code = 428
    default_detail = _lazy("Name what you decided about: send its ETag as If-Match.")


def with_etag(response: Response, facts: Facts) -> Response:
    """The response with the facts that an act on its object depends on as its ETag."""
    response["ETag"] = f'"{text_of(facts)}"'
    return response


class ProjectAPIView(GenericAPIView):
    """An operation on one project: a stranger gets 404, a member without one of the roles 403.

    The address has the project's `slug`; `self.membership`, `self.project` and `self.role` are set before a
    handler runs.
    """

    roles: ClassVar[Mapping[str, Collection[Role]]]
    """Who may use each method."""

    membership: Membership
    project: Project
    role: Role

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        membership = membership_or_404(request.user, kwargs["slug"])
        method = "GET" if request.method == "HEAD" else request.method
        # A method without roles has no handler either: it goes on to be answered 405.
        role = role_in_force(request.user, membership)
        if method in self.roles and role not in self.roles[method]:
            if membership.role in self.roles[method]:
                words = _("This site asks coordinators for a second factor. Set one up on your account page.")
                raise PermissionDenied(words)
            raise PermissionDenied(_("Your role in this project does not include this."))
        self.membership = membership
        self.project = membership.project
        self.role = role

    def shown(self, *, required: bool = False) -> Shown | None:
        """What the program names in If-Match; where it must name something and does not, it gets 428."""
        shown = Shown.in_header(self.request.headers.get("If-Match"))
        if shown is None and required:
            raise PreconditionRequired
        return shown

    def answer_page(self, rows: QuerySet, facts: Facts | None = None) -> Response:
        """One page of the rows; with the facts that an act on them depends on as its ETag."""
        page = self.paginate_queryset(rows)
        response = self.get_paginated_response(self.get_serializer(page, many=True).data)
        return with_etag(response, facts) if facts else response
