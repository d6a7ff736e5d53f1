"""The tabs above a project's pages: the one place that knows which app has which page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from annotator.access import COORDINATORS, MEMBERS, STAFF

TABS = (
    (_("Overview"), "project", MEMBERS),
    (_("Rank"), "desk", MEMBERS),
    (_("Chat"), "chat", MEMBERS),
    (_("Guidelines"), "guidelines", MEMBERS),
    (_("Prompts"), "prompts", STAFF),
    (_("Rankings"), "rankings", STAFF),
    (_("Review"), "review", STAFF),
    (_("From the chat"), "chat-review", STAFF),
    (_("Datasets"), "datasets", COORDINATORS),
    (_("Training"), "training", COORDINATORS),
    (_("People"), "people", COORDINATORS),
    (_("Log"), "log", COORDINATORS),
    (_("Settings"), "settings", COORDINATORS),
)
FEW = 4
"""Tabs that fit in one row of a phone; more are a menu there."""


def project_tabs(request: HttpRequest) -> dict[str, Any]:
    """The project of the page and the tabs its reader may open; nothing outside projects.

    The current tab is the one whose address is the longest beginning of the page's own.
    """
    project = getattr(request, "project", None)
    if project is None:
        return {}
    tabs: list[dict[str, Any]] = [
        {"label": label, "url": reverse(name, args=[project.slug])}
        for label, name, roles in TABS
        if request.role in roles  # type: ignore[attr-defined]
    ]
    current = max((tab["url"] for tab in tabs if request.path.startswith(tab["url"])), key=len, default=None)
    return {
        "project": project,
        "role": request.role,  # type: ignore[attr-defined]
        "lacks_second_factor": request.role != request.membership.role,  # type: ignore[attr-defined]
        "tabs": [{**tab, "is_current": tab["url"] == current} for tab in tabs],
        "has_menu": len(tabs) > FEW,
    }
