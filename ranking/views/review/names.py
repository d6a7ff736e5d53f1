"""Hidden names in answers, for reviewers to confirm or undo."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import Completion, FlagKind
from annotator.models.hidden_words import HIDDEN_WORD_LENGTH
from annotator.shown import Change, ChangedMeanwhileError, Shown
from ranking.errors import RankingError
from ranking.facts import mask_facts
from ranking.models import Flag, Mask
from ranking.models.masks import marked_parts, named_or_flagged
from ranking.services import decide_mask, hide_word, stop_hiding_word

from .queue import show_review

PAGE_SIZE = 10
HIDE = "hide"


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[(each, each) for each in ("stays", "shown", HIDE)])
    word = forms.CharField(required=False, max_length=HIDDEN_WORD_LENGTH)


@require_safe
@never_cache
@project_view(*STAFF)
def names(request: ProjectRequest) -> HttpResponse:
    return _show(request)


@require_POST
@project_view(*STAFF)
def decide(request: ProjectRequest, pk: int) -> HttpResponse:
    completion = get_object_or_404(named_or_flagged(request.project), pk=pk)
    form = DecisionForm(request.POST)
    if form.is_valid():
        decision, word = form.cleaned_data["decision"], form.cleaned_data["word"]
        act: Any = {"completion": completion, "actor": request.user, "shown": Shown.on_page(request)}
        try:
            if decision == HIDE:
                hide_word(word=word, **act)
            else:
                decide_mask(decision=decision, **act)
        except ChangedMeanwhileError as error:
            return _show(request, wrong={completion.pk: form}, status=409, changes=error.changes)
        except (RankingError, ValidationError) as error:
            form.add_error(None, error if isinstance(error, ValidationError) else str(error))
        else:
            messages.success(request, _("Saved: that is what people see from now on."))
            return redirect("names", request.project.slug)
    return _show(request, wrong={completion.pk: form}, status=422)


@require_POST
@project_view(*STAFF)
def stop_hiding(request: ProjectRequest) -> HttpResponse:
    stop_hiding_word(project=request.project, word=request.POST.get("word", ""), actor=request.user)
    messages.success(request, _("Saved: that is what people see from now on."))
    return redirect("names", request.project.slug)


def _show(
    request: ProjectRequest,
    *,
    wrong: dict[int, DecisionForm] | None = None,
    status: int = 200,
    changes: list[Change] | None = None,
) -> HttpResponse:
    """A page of completions: all, those to decide, or the one whose decision was refused, with the reason."""
    wrong = wrong or {}
    shows_all = request.GET.get("show") == "all"
    found = named_or_flagged(request.project, only_open=not (wrong or shows_all))
    if wrong:
        found = found.filter(pk__in=wrong)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "answers": _answers(list(page), wrong),
        "shows_all": shows_all,
        "words": request.project.hidden_words,
        "word_length": HIDDEN_WORD_LENGTH,
        "changes": changes,
    }
    return show_review(request, "ranking/review/names.html", context, page="names", status=status)


def _answers(completions: list[Completion], wrong: dict[int, DecisionForm]) -> list[dict[str, Any]]:
    flags = Flag.objects.filter(
        completion__in=completions, kind=FlagKind.LEAKS_AUTHOR, judgment__is_current=True
    )
    counts = dict(flags.order_by().values_list("completion").annotate(count=Count("pk")))
    masks = {one.pk: getattr(one, "mask", None) or Mask(completion=one) for one in completions}
    return [
        {
            "completion": completion,
            "mask": masks[completion.pk],
            "facts": mask_facts(masks[completion.pk]),
            "parts": marked_parts(completion),
            "flags": counts.get(completion.pk, 0),
            "form": wrong.get(completion.pk),
        }
        for completion in completions
    ]
