"""The choice of a language, at the foot of every page."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from annotator.models import User


@require_POST
@login_not_required
def choose_language(request: HttpRequest) -> HttpResponse:
    """Go back to the same page, in the language that was chosen; a person's choice goes with them."""
    chosen = request.POST.get("language", "")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(interface_language=chosen)
    return set_language(request)
