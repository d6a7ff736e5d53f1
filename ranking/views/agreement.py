"""How far people agree, for reviewers and coordinators; who they are, it never tells."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.codes.languages import language_name
from annotator.pseudonyms import pseudonym_of
from ranking.browsing_forms import JudgmentFilterForm, judgments_url, query_of
from ranking.models.agreement import FEWEST_PAIRS
from ranking.models.agreement_figures import (
    Figures,
    Part,
    agreement_by_criterion,
    agreement_by_part,
    agreement_by_person,
    agreement_in,
    newest_rankings,
)
from ranking.models.judgments import JudgmentQuerySet
from ranking.statistics.proportions import Share

PEOPLE = 200
RANKINGS = {"verdict": "ranked", "source": "desk", "by": "people", "left_out": "no"}
"""Of all judgments, those that agreement is about."""
RATED = {"has": "ratings", "source": "desk", "by": "people", "left_out": "no"}


class Row(NamedTuple):
    name: str
    figures: Figures
    link: str


class Person(NamedTuple):
    """How often somebody prefers what most of the others do, a half by chance."""

    name: str
    share: Share
    link: str


@require_safe
@project_view(*STAFF)
@vary_on_headers("HX-Request")
def agreement(request: ProjectRequest) -> HttpResponse:
    """In the judgments that the filters of the browser choose; htmx is given what holds for all of them."""
    form = JudgmentFilterForm(request.GET, project=request.project)
    given = form.given()

    def link(**filters: Any) -> str:
        return judgments_url(request.project, **(given | RANKINGS | filters))

    rankings, older = newest_rankings(form.narrowed())
    context = {"query": query_of(given), "fewest": FEWEST_PAIRS, "older": older}
    if request.htmx and not request.htmx.history_restore_request:
        whole = agreement_in(rankings)
        found = {"parts": [("", [Row(_("All"), whole, link())])], "why_not": why_not(whole)}
        return render(request, "ranking/_agreement_found.html", context | found)
    parts = agreement_by_part(rankings)
    ((_name, whole),) = parts[Part.ALL] or [("", agreement_in(rankings))]
    context |= {
        "why_not": why_not(whole),
        "parts": _parts(parts, link) if whole.compared else [],
        "criteria": agreement_by_criterion(form.narrowed()),
        "rated": judgments_url(request.project, **(given | RATED)),
        "people": _people(form, rankings.settled(), link),
    }
    return render(request, "ranking/agreement.html", context)


def why_not(figures: Figures) -> str:
    """In words, why nothing is told of so few rankings; empty where they are enough."""
    if not figures.rankings:
        return _("None of these judgments is a ranking by a person at the desk.")
    if figures.people == 1:
        return _("One person gave all of these rankings, so there is nobody to agree with.")
    if not figures.compared:
        return _("No two people have preferred one of the same two answers: they ranked others, or saw ties.")
    if not figures.is_meaningful:
        few = ngettext(
            "Only %(number)d pair of votes is on the same two answers: too few to tell.",
            "Only %(number)d pairs of votes are on the same two answers: too few to tell.",
            figures.compared,
        )
        return few % {"number": figures.compared}
    return ""


def _parts(
    found: dict[Part, list[tuple[int | str, Figures]]], link: Callable[..., str]
) -> list[tuple[str, list[Row]]]:
    """All rankings, then those of each part."""
    names: dict[Part, tuple[str, Callable[[Any], str]]] = {
        Part.ALL: ("", lambda _all: _("All")),
        Part.ROUND: (_("Round"), str),
        Part.GUIDELINES: (_("Version of the guidelines"), lambda number: str(number or _("none"))),
        Part.LANGUAGE: (_("Language"), language_name),
    }
    return [
        (
            title,
            [
                Row(name(each), figures, link(**({} if part is Part.ALL else {part: each})))
                for each, figures in found[part]
            ],
        )
        for part, (title, name) in names.items()
    ]


def _people(form: JudgmentFilterForm, settled: JudgmentQuerySet, link: Callable[..., str]) -> list[Person]:
    """Those with pairs enough, who agree least first.

    Of closed rounds, as what people learn of their own agreement: nobody who ranks, too, is led by it.
    """
    people = []
    for pk, each in agreement_by_person(settled).items():
        if each.compared >= FEWEST_PAIRS:
            name = pseudonym_of(form.project.pk, pk)
            people.append(Person(name, Share(each.agreed, each.compared, chance=0.5), link(person=name)))
    return sorted(people, key=lambda one: one.share.value)[:PEOPLE]
