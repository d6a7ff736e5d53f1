"""People whose answers are unlike others', by pseudonym: what was found, and what reviewers decide."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import Project, User
from annotator.pseudonyms import pseudonym_of
from annotator.shown import Change, ChangedMeanwhileError, Shown
from ranking.errors import RankingError
from ranking.facts import person_facts
from ranking.finding_words import sentence_of
from ranking.models import Exclusion, Finding
from ranking.models.exclusions import NOTE_LENGTH
from ranking.services.review.people import (
    bring_findings_back,
    exclude_person,
    include_person,
    put_findings_away,
)

from .queue import show_review

PAGE_SIZE = 10


class ExclusionForm(forms.Form):
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("Choose a reason")), *Exclusion.Reason.choices],
    )
    note = forms.CharField(label=gettext_lazy("In a few words"), required=False, max_length=NOTE_LENGTH)


@require_safe
@never_cache
@project_view(*STAFF)
def people(request: ProjectRequest) -> HttpResponse:
    return _show(request)


@require_POST
@project_view(*STAFF)
def exclude(request: ProjectRequest, person: str) -> HttpResponse:
    volunteer = _volunteer(request.project, person)
    form = ExclusionForm(request.POST, auto_id=f"{person}_%s", label_suffix="")
    if not form.is_valid():
        return _show(request, only=volunteer, form=form, status=422)
    done = _("Left out. What they judged stays stored, and under “All” you can undo it.")
    return _decide(request, volunteer, exclude_person, done, form=form, **form.cleaned_data)


@require_POST
@project_view(*STAFF)
def include(request: ProjectRequest, person: str) -> HttpResponse:
    done = _("Their judgments count again.")
    return _decide(request, _volunteer(request.project, person), include_person, done)


@require_POST
@project_view(*STAFF)
def fine(request: ProjectRequest, person: str) -> HttpResponse:
    done = _("Put away, until there is more to look at.")
    return _decide(request, _volunteer(request.project, person), put_findings_away, done)


@require_POST
@project_view(*STAFF)
def again(request: ProjectRequest, person: str) -> HttpResponse:
    done = _("It waits for a reviewer again.")
    return _decide(request, _volunteer(request.project, person), bring_findings_back, done)


def _decide(
    request: ProjectRequest,
    volunteer: User,
    act: Callable[..., object],
    done: str,
    *,
    form: ExclusionForm | None = None,
    **given: str,
) -> HttpResponse:
    shown = Shown.on_page(request)
    try:
        act(project=request.project, volunteer=volunteer, actor=request.user, shown=shown, **given)
    except ChangedMeanwhileError as error:
        return _show(request, only=volunteer, form=form, status=409, changes=error.changes)
    except RankingError as error:
        return _show(request, only=volunteer, form=form, status=422, refusal=str(error))
    messages.success(request, done)
    return redirect("review-people", request.project.slug)


def _volunteer(project: Project, person: str) -> User:
    """Who has this pseudonym, of those about whom something was found or decided."""
    ids = Finding.objects.of_project(project).values_list("volunteer", flat=True)
    excluded = Exclusion.objects.filter(project=project).values_list("volunteer", flat=True)
    for pk in {*ids, *excluded}:
        if pseudonym_of(project.pk, pk) == person:
            return User.objects.get(pk=pk)
    raise Http404


def _show(
    request: ProjectRequest,
    *,
    only: User | None = None,
    form: ExclusionForm | None = None,
    status: int = 200,
    refusal: str = "",
    changes: list[Change] | None = None,
) -> HttpResponse:
    """A page of people to decide about, of all, or the one about whom a decision was refused."""
    shows_all = request.GET.get("show") == "all"
    page = Paginator(_listed(request.project, only, shows_all), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "people": [_person(request, volunteer, form) for volunteer in page],
        "shows_all": shows_all,
        "refusal": refusal,
        "changes": changes,
    }
    return show_review(request, "ranking/review/people.html", context, page="review-people", status=status)


def _listed(project: Project, only: User | None, shows_all: bool) -> list[int]:
    """Volunteers by their ids, those first of whom most was found."""
    if only:
        return [only.pk]
    findings = Finding.objects
    found = findings.of_project(project) if shows_all else findings.waiting_in(project)
    counts = found.order_by().values_list("volunteer").annotate(count=Count("pk"))
    listed = dict.fromkeys(volunteer for volunteer, _count in counts.order_by("-count", "volunteer"))
    if shows_all:
        listed |= dict.fromkeys(project.exclusions.values_list("volunteer", flat=True))
    return list(listed)


def _person(request: ProjectRequest, pk: int, form: ExclusionForm | None) -> dict[str, Any]:
    project, volunteer = request.project, User.objects.get(pk=pk)
    findings = Finding.objects.of_project(project).filter(volunteer=volunteer).select_related("put_away_by")
    excluded = Exclusion.objects.filter(project=project, volunteer=volunteer)
    waiting = set(Finding.objects.waiting_in(project).filter(volunteer=pk).values_list("pk", flat=True))
    name = pseudonym_of(project.pk, pk)
    return {
        "name": name,
        "findings": [(one, sentence_of(one)) for one in findings],
        "away": next((one for one in findings if one.put_away_at and one.pk not in waiting), None),
        "exclusions": excluded.select_related("excluded_by", "undone_by"),
        "is_excluded": excluded.active().exists(),
        "is_own": volunteer == request.user,
        "facts": person_facts(project, volunteer),
        "form": form or ExclusionForm(auto_id=f"{name}_%s", label_suffix=""),
    }
