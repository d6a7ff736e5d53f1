"""A project's webhooks and their last deliveries, for coordinators."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotator.access import ProjectRequest, project_view
from annotator.errors import RefusedError
from annotator.forms.webhooks import WebhookForm
from annotator.models import Delivery, Role
from annotator.services.telling.webhooks import add_webhook, remove_webhook, send_test

from .refusals import tell_refusal

SHOWN = 30


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(Role.COORDINATOR)
def webhooks(request: ProjectRequest) -> HttpResponse:
    """The webhooks; a POST adds one, and the page that comes next shows its secret once."""
    kept = f"webhook_{request.project.pk}"
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            added = add_webhook(project=request.project, actor=request.user, **form.cleaned_data)
        except RefusedError as refused:
            form.add_error(None, str(refused))
        else:
            request.session[kept] = added.pk
            return redirect("webhooks", request.project.slug)
    sent = Delivery.objects.filter(webhook__project=request.project)
    context = {
        "form": form,
        "webhooks": request.project.webhooks.all(),
        "added": request.project.webhooks.filter(pk=request.session.pop(kept, None)).first(),
        "deliveries": sent.select_related("webhook", "event")[:SHOWN],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "annotator/webhooks.html", context, status=status)


@require_POST
@project_view(Role.COORDINATOR)
def webhook_remove(request: ProjectRequest, pk: int) -> HttpResponse:
    webhook = get_object_or_404(request.project.webhooks, pk=pk)
    remove_webhook(webhook=webhook, actor=request.user)
    messages.success(request, _("The webhook was removed."))
    return redirect("webhooks", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def webhook_test(request: ProjectRequest, pk: int) -> HttpResponse:
    webhook = get_object_or_404(request.project.webhooks, pk=pk)
    with tell_refusal(request):
        send_test(webhook=webhook)
        messages.success(request, _("A test is on its way. Load this page again to see what came of it."))
    return redirect("webhooks", request.project.slug)
