"""What a person sets for themselves, and the end of a mail that they no longer want."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from annotator.access import SignedInRequest
from annotator.errors import RefusedError
from annotator.forms.personal_settings import SettingsForm
from annotator.models import User
from annotator.services.telling.mail import stop_mail


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def personal_settings(request: SignedInRequest) -> HttpResponse:
    # The form fills its own copy, so that the page is never shown in a way that was not stored.
    person = User.objects.get(pk=request.user.pk)
    form = SettingsForm(request.POST if request.method == "POST" else None, instance=person)
    if form.is_valid():
        # Only these: another page of theirs may have changed others; a sign-in link used now must stay used.
        person.save(update_fields=form.changed_data)
        with override(person.interface_language or get_language()):
            messages.success(request, _("Your settings were saved."))
        return redirect("personal-settings")
    status = 422 if request.method == "POST" else 200
    return render(request, "annotator/personal_settings.html", {"form": form}, status=status)


# A mail program posts here by itself, with no cookie or token of ours (RFC 8058): the address is the secret.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Stop a kind of mail; opening the page does nothing yet, because mail scanners open every link."""
    if request.method != "POST":
        return render(request, "annotator/unsubscribe.html")
    try:
        stop_mail(token=token)
    except RefusedError as error:
        return render(request, "annotator/unsubscribe.html", {"refusal": str(error)}, status=410)
    # A mail program follows no redirect (RFC 8058, 3.1).
    if "List-Unsubscribe" in request.POST:
        return HttpResponse(_("Done: you will not get this mail any more."), content_type="text/plain")
    return redirect("mail-stopped")


@require_safe
@login_not_required
def mail_stopped(request: HttpRequest) -> HttpResponse:
    return render(request, "annotator/unsubscribe.html", {"stopped": True})
