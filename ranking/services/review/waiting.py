"""How much waits for reviewers, and how much they have done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from annotator.models import AuditEvent, Project, Role, User
from ranking.models import Demonstration, Finding
from ranking.models.answer_reviews import flagged_answers
from ranking.models.contested import waiting_for_decision
from ranking.models.masks import named_or_flagged
from ranking.overview import Waiting

LATELY = timedelta(days=7)
DECISIONS = (
    *("answer.kept", "answer.withdrawn", "rewrite.accepted", "rewrite.edited", "rewrite.refused"),
    *("comparison.decided", "comparison.sent_back"),
    *("mask.decided", "mask.word_hidden"),
    *("person.excluded", "person.included", "person.looks_fine", "person.looked_at_again"),
)
"""The verbs of what reviewers decide."""


@dataclass(frozen=True)
class Kind:
    """One kind of decision, and what waits for one; `page` is the name of its address."""

    page: str
    label: StrOrPromise
    waiting: Callable[[Project], QuerySet[Any]]


def people_waiting(project: Project) -> QuerySet[Any]:
    """One row for each person of whom something was found that no reviewer looked at."""
    return Finding.objects.waiting_in(project).order_by().values("volunteer").distinct()


KINDS = (
    Kind("review-flags", _("Flagged answers"), lambda project: flagged_answers(project, only_open=True)),
    Kind("review-rewrites", _("Rewritten answers"), Demonstration.objects.waiting_in),
    Kind("review-contested", _("Contested comparisons"), waiting_for_decision),
    Kind("review-people", _("Answers unlike others'"), people_waiting),
    Kind("names", _("Hidden names"), lambda project: named_or_flagged(project, only_open=True)),
)
"""In the order of what a decision changes: what harms, what is learned next, whose judgments count,
what is blind."""


def waiting_for_reviewers(project: Project) -> list[tuple[Kind, int]]:
    return [(kind, kind.waiting(project).count()) for kind in KINDS]


def decided_lately(project: Project, reviewer: User) -> tuple[int, int]:
    """How many decisions reviewers made in the last days, and how many of them are this one's."""
    events = AuditEvent.objects.about(project, *DECISIONS).filter(created_at__gt=timezone.now() - LATELY)
    return events.count(), events.filter(actor=reviewer).count()


def decisions_to_take(project: Project, _role: Role) -> Waiting | None:
    """Whether anything waits for a reviewer: the project's first page counts nothing that grows."""
    if not any(kind.waiting(project).exists() for kind in KINDS):
        return None
    return Waiting(gettext("Decisions wait for a reviewer"), reverse("review", args=[project.slug]))
