"""What a project tells the public about itself, where it says so: for everybody, without an account."""

from functools import partial

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from annotator.models import Project
from training.services.public_account import PublicAccount, PublicVersion
from training.views.results.gate import gate_of
from training.views.results.warnings import warnings_of

SECONDS = 300
"""How old what is shown may be: counting it anew for everybody would let anybody keep the site busy."""


@require_safe
@cache_control(private=True, max_age=SECONDS)
@login_not_required
def transparency(request: HttpRequest, project: str) -> HttpResponse:
    found = get_object_or_404(Project, slug=project, is_transparent=True)
    timezone.activate(found.zone)
    account = PublicAccount(found)
    # The template calls these only when its fragment is not in the cache.
    context = {
        "project": found,
        "account": account,
        "seconds": SECONDS,
        "versions": partial(_versions, account),
        "problems": partial(_problems, account),
    }
    return render(request, "training/transparency.html", context)


def _versions(account: PublicAccount) -> list[tuple[PublicVersion, object]]:
    """With each version the conditions that it passed or not."""
    return [(each, gate_of(each.version)) for each in account.versions]


def _problems(account: PublicAccount) -> list[str] | None:
    """What was measured as worse of the live version; None where nothing was measured of it."""
    gate = gate_of(account.live) if account.live else None
    if account.live is None or gate is None:
        return None
    return [*(warnings_of(account.live) or []), *(line.words for line in gate.failed)]
