"""What the browser needs to send later what was submitted offline: see static/js/desk/queue.js."""

from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotator.access import SignedInRequest


@require_safe
@never_cache
@login_required
def sender(request: SignedInRequest) -> HttpResponse:
    """The signed-in user and a fresh CSRF token: the old one is refused after a new sign-in."""
    return JsonResponse({"volunteer": request.user.pk, "token": get_token(request)})


@require_safe
@never_cache
@login_not_required
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker's script: at the root, because it serves only what lies below its address."""
    return render(request, "ranking/sw.js", content_type="text/javascript")


@require_safe
@login_not_required
def offline(request: HttpRequest) -> HttpResponse:
    """The page that the service worker shows offline."""
    return render(request, "ranking/offline.html")
