"""What pages share on which somebody says when something is done by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from annotator.access import ProjectRequest
from training.cron import CronError, next_times
from training.forms.times import TimesForm
from training.models import Recurring, Routine, Schedule
from training.services.schedules import upcoming

NEXT_TIMES = 5


@dataclass(frozen=True)
class Tab:
    """One of these pages; `next_time` is None while what it is about is off."""

    label: StrOrPromise
    address: str
    is_current: bool
    next_time: datetime | None


def is_typing(request: ProjectRequest) -> bool:
    """Whether only the next times are asked for, of what was entered so far."""
    return bool(request.htmx and request.method == "GET" and not request.htmx.history_restore_request)


def render_next_times(request: ProjectRequest, form: TimesForm) -> HttpResponse:
    return render_times(request, "training/_next_times.html", form)


def render_times(
    request: ProjectRequest, template: str, form: TimesForm, status: int = 200, **more: object
) -> HttpResponse:
    """Render a form with the next times that it stands for, or why there are none."""
    context: dict[str, object] = {"form": form, "is_enabled": form["is_enabled"].value()} | more
    try:
        context["next_times"] = _next_times(form.expression, request.project.timezone)
    except CronError as error:
        context["cron_error"] = str(error)
    return render(request, template, context, status=status)


def tabs_of(request: ProjectRequest) -> list[Tab]:
    return list(_tabs(request))


def _tabs(request: ProjectRequest) -> Iterator[Tab]:
    project = request.project
    routines = {each.kind: each for each in project.routines.select_related("project")}
    all_kinds: list[tuple[str, StrOrPromise, Recurring | None]] = [
        ("schedule", _("The whole week"), Schedule.objects.filter(project=project).first())
    ]
    all_kinds += [(f"schedule-{kind}", kind.label, routines.get(kind)) for kind in Routine.Kind]
    for name, label, stored in all_kinds:
        address = reverse(name, args=[project.slug])
        times = upcoming(stored, count=1)
        yield Tab(label, address, address == request.path, times[0] if times else None)


def _next_times(expression: str, zone: str) -> list[datetime]:
    if not expression:
        raise CronError(_("Choose days and a time, and the next five are shown here."))
    return next_times(expression, zone, timezone.now(), NEXT_TIMES)
