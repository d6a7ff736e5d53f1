"""The choice of a language, at the foot of every page."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST
from django.views.i18n import set_language


@require_POST
@login_not_required
def choose_language(request: HttpRequest) -> HttpResponse:
    """Go back to the same page, in the language that was chosen."""
    return set_language(request)
