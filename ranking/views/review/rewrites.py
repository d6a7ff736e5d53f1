"""Answers that volunteers wrote, for reviewers to accept, edited or not, or to refuse."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import Project
from annotator.shown import Change, ChangedMeanwhileError, Shown
from ranking.errors import RankingError
from ranking.facts import rewrite_facts
from ranking.models import Demonstration
from ranking.models.demonstrations import WORD_LENGTH, DemonstrationQuerySet
from ranking.models.masks import shown_text
from ranking.questions.rewrite import LONGEST
from ranking.services.review.rewrites import accept_rewrite, refuse_rewrite

from .queue import show_review

PAGE_SIZE = 10
ACCEPT, REFUSE = "accepted", "refused"


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[(ACCEPT, ACCEPT), (REFUSE, REFUSE)])
    text = forms.CharField(required=False, max_length=2 * LONGEST, strip=False)
    word = forms.CharField(required=False, max_length=WORD_LENGTH)


@require_safe
@never_cache
@project_view(*STAFF)
def rewrites(request: ProjectRequest) -> HttpResponse:
    return _show(request)


@require_POST
@project_view(*STAFF)
def decide(request: ProjectRequest, pk: int) -> HttpResponse:
    demonstration = get_object_or_404(_listed(request.project), pk=pk)
    form = DecisionForm(request.POST)
    if form.is_valid():
        act: Any = {"demonstration": demonstration, "actor": request.user, "shown": Shown.on_page(request)}
        try:
            if form.cleaned_data["decision"] == ACCEPT:
                accept_rewrite(text=form.cleaned_data["text"], **act)
                messages.success(request, _("Accepted: the next dataset has it."))
            else:
                refuse_rewrite(word=form.cleaned_data["word"], **act)
                messages.success(request, _("Not accepted. Its writer finds your word with their judgments."))
        except ChangedMeanwhileError as error:
            return _show(request, wrong={pk: form}, status=409, changes=error.changes)
        except RankingError as error:
            form.add_error(None, str(error))
        else:
            return redirect("review-rewrites", request.project.slug)
    return _show(request, wrong={pk: form}, status=422)


def _listed(project: Project) -> DemonstrationQuerySet:
    written = Demonstration.objects.of_project(project)
    texts = ("original__mask", "completion__prompt", "edited")
    return written.select_related("judgment__comparison__round", "decided_by", *texts)


def _show(
    request: ProjectRequest,
    *,
    wrong: dict[int, DecisionForm] | None = None,
    status: int = 200,
    changes: list[Change] | None = None,
) -> HttpResponse:
    """A page of those to decide, the oldest first, of the decided, or the one whose decision was refused."""
    wrong = wrong or {}
    shows_all = request.GET.get("show") == "all"
    found = _listed(request.project)
    if wrong:
        found = found.filter(pk__in=wrong)
    elif shows_all:
        found = found.exclude(state=Demonstration.State.WAITING).order_by("-decided_at", "-pk")
    else:
        found = found.filter(state=Demonstration.State.WAITING)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rewrites": [_item(one, wrong.get(one.pk)) for one in page],
        "shows_all": shows_all,
        "word_length": WORD_LENGTH,
        "longest": LONGEST,
        "changes": changes,
    }
    return show_review(
        request, "ranking/review/rewrites.html", context, page="review-rewrites", status=status
    )


def _item(one: Demonstration, form: DecisionForm | None) -> dict[str, Any]:
    return {
        "rewrite": one,
        "original": shown_text(one.original),
        "text": form["text"].value() if form else one.answer.text,
        "word": form["word"].value() if form else one.word,
        "facts": rewrite_facts(one),
        "form": form,
    }
