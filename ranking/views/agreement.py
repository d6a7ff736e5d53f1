"""How far people agree, for reviewers and coordinators; who they are, it never tells."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

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
)
from ranking.statistics.proportions import Share

PEOPLE = 200
RANKINGS = {"verdict": "ranked", "source": "desk", "by": "people", "left_out": "no"}
"""Of all judgments, those that agreement is about."""


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
def agreement(request: ProjectRequest) -> HttpResponse:
    """In the judgments that the filters of the browser choose."""
    form = JudgmentFilterForm(request.GET, project=request.project)
    given = form.given()

    def link(**filters: Any) -> str:
        return judgments_url(request.project, **(given | RANKINGS | filters))

    context = {
        "query": query_of(given),
        "parts": _parts(form, link),
        "criteria": agreement_by_criterion(form.narrowed()),
        "people": _people(form, link),
        "fewest": FEWEST_PAIRS,
    }
    return render(request, "ranking/agreement.html", context)


def _parts(form: JudgmentFilterForm, link: Callable[..., str]) -> list[tuple[str, list[Row]]]:
    """All rankings, then those of each part; none before two people preferred one of the same answers."""
    whole = agreement_in(form.narrowed())
    if not whole.compared:
        return []
    found = agreement_by_part(form.narrowed())
    return [
        ("", [Row(_("All"), whole, link())]),
        (_("Round"), [Row(str(each), figures, link(round=each)) for each, figures in found[Part.ROUND]]),
        (
            _("Version of the guidelines"),
            [
                Row(str(each or _("none")), figures, link(guidelines=each))
                for each, figures in found[Part.GUIDELINES]
            ],
        ),
        (
            _("Language"),
            [
                Row(language_name(str(each)), figures, link(language=each))
                for each, figures in found[Part.LANGUAGE]
            ],
        ),
    ]


def _people(form: JudgmentFilterForm, link: Callable[..., str]) -> list[Person]:
    """Those with pairs enough, who agree least first.

    Of closed rounds, as what people learn of their own agreement: nobody who ranks, too, is led by it.
    """
    found = agreement_by_person(form.narrowed().settled())
    people = []
    for pk, each in found.items():
        if each.compared >= FEWEST_PAIRS:
            name = pseudonym_of(form.project.pk, pk)
            people.append(Person(name, Share(each.agreed, each.compared, chance=0.5), link(person=name)))
    return sorted(people, key=lambda one: one.share.value)[:PEOPLE]
