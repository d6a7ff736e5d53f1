"""The project's audit log, for coordinators: who did what, when."""

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.access import ProjectRequest, project_view
from annotator.forms.log import LogForm
from annotator.models import Role
from annotator.models.audit import AuditEventQuerySet
from annotator.services.log.export import write_log
from annotator.services.log.reading import read_lines

PAGE_SIZE = 50
LONGEST_NUMBER = 18
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@require_safe
@project_view(Role.COORDINATOR)
def log(request: ProjectRequest) -> HttpResponse:
    """The newest rows, or those before the one that `before` names."""
    form, events = _asked(request)
    before = request.GET.get("before", "")
    is_later_page = before.isascii() and before.isdecimal() and len(before) <= LONGEST_NUMBER
    if is_later_page:
        events = events.filter(pk__lt=int(before))
    found = list(events[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    query = request.GET.copy()
    query.pop("before", None)
    context = {
        "form": form,
        "lines": read_lines(shown),
        "query": query.urlencode(),
        "is_later_page": is_later_page,
        "next": shown[-1].pk if len(found) > PAGE_SIZE else None,
        "formats": list(CONTENT_TYPES),
    }
    return render(request, "annotator/log.html", context)


@require_safe
@project_view(Role.COORDINATOR)
def log_export(request: ProjectRequest, file_format: str) -> StreamingHttpResponse:
    """What the page shows on all its pages together."""
    if file_format not in CONTENT_TYPES:
        raise Http404("No such format.")
    name = f"{request.project.slug}-log.{file_format}"
    return StreamingHttpResponse(
        write_log(_asked(request)[1], file_format),
        content_type=CONTENT_TYPES[file_format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _asked(request: ProjectRequest) -> tuple[LogForm, AuditEventQuerySet]:
    form = LogForm(request.GET, project=request.project)
    return form, form.narrowed(request.project.audit_events.select_related("actor"))
