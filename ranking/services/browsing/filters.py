"""What judgments can be narrowed to, by the names that addresses have for it."""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q

from annotator.models import Author, Project, User
from annotator.pseudonyms import pseudonym_of
from ranking.models import ComparisonItem, Dataset, Flag, Inclusion, Judgment, Rating
from ranking.models.exclusions import is_excluded

Narrow = Callable[[Any, Project], Q]


def saying(words: str, project: Project) -> Q:
    """What was asked, answered, given as a reason or written by a volunteer contains the words.

    Case is ignored, but on SQLite in questions alone beyond ASCII.
    """
    answers = ComparisonItem.objects.filter(
        completion__prompt__project=project, completion__text__icontains=words
    )
    return (
        Q(comparison__prompt__in=project.prompts.containing(words))
        | Q(comparison__in=answers.values("comparison"))
        | Q(rationale__icontains=words)
        | Q(demonstration__completion__text__icontains=words)
    )


def flagged(kind: str, project: Project) -> Q:
    flags = Flag.objects.filter(judgment=OuterRef("pk"))
    return Q(Exists(flags if kind == "any" else flags.filter(kind=kind)))


def given_by(pseudonym: str, project: Project) -> Q:
    """Given by who has this pseudonym; who left the project has theirs still."""
    own = Judgment.objects.filter(volunteer=OuterRef("pk"), comparison__round__project=project)
    people = User.objects.filter(Exists(own)).values_list("pk", flat=True)
    wanted = pseudonym.strip().upper()
    return Q(volunteer__in=[pk for pk in people if pseudonym_of(project.pk, pk) == wanted])


def having(part: str, project: Project) -> Q:
    if part == "rationale":
        return ~Q(rationale="")
    if part == "rewrite":
        return Q(demonstration__isnull=False)
    return Q(Exists(Rating.objects.filter(judgment=OuterRef("pk"))))


def counted_in(number: int, project: Project) -> Q:
    """In the dataset of this number; in none, where there is no such dataset."""
    dataset = Dataset.objects.filter(project=project, number=number).first()
    return Q(pk__in=Judgment.objects.counted_in(dataset).values("pk") if dataset else [])


def missing_from(number: int, project: Project) -> Q:
    """What this dataset lacks and the next one will hold; none, where there is no such dataset."""
    dataset = Dataset.objects.filter(project=project, number=number).first()
    return Q(pk__in=Inclusion.objects.missing_from(dataset).values("pk") if dataset else [])


def left_out(answer: str, project: Project) -> Q:
    """Given by somebody whose judgments a reviewer left out, or by anybody else."""
    excluded = Q(is_excluded("comparison__round__project"))
    return excluded if answer == "yes" else ~excluded


def with_an_answer_of(author: Author, project: Project) -> Q:
    own = ComparisonItem.objects.filter(comparison=OuterRef("comparison"), completion__author=author)
    return Q(Exists(own))


def given_under(number: int, project: Project) -> Q:
    """Given while the guidelines of this number were in force, 0 for before the first ones."""
    versions = project.guidelines_versions.order_by("number")
    begun = dict(versions.filter(number__in=(number, number + 1)).values_list("number", "created_at"))
    if number and number not in begun:
        return Q(pk__in=[])
    since = Q(created_at__gte=begun[number]) if number else Q()
    return since & Q(created_at__lt=begun[number + 1]) if number + 1 in begun else since


def on_prompts_of(field: str) -> Narrow:
    return lambda value, project: Q(**{f"comparison__prompt__{field}": value})


def contested(what: str, project: Project) -> Q:
    """On comparisons that people contest, or on those that a reviewer decided about."""
    decided = Judgment.objects.filter(comparison=OuterRef("comparison")).decisions()
    return Q(Exists(decided)) if what == "decided" else Q(comparison__contest__isnull=False)


def given_as(kind: str, project: Project) -> Q:
    """By reviewers who decided about a contested comparison, by volunteers, or by those who are people or
    simulated.
    """
    if kind in ("reviewers", "volunteers"):
        return Q(by_reviewer=kind == "reviewers")
    return Q(volunteer__is_simulated=kind == "simulated", by_reviewer=False)


FILTERS: dict[str, Narrow] = {
    "q": saying,
    "round": lambda round_, project: Q(comparison__round=round_),
    "verdict": lambda verdict, project: Q(verdict=verdict),
    "flag": flagged,
    "has": having,
    "person": given_by,
    "language": lambda code, project: Q(comparison__prompt__in=project.prompts.in_language(code)),
    "tag": lambda tag, project: Q(comparison__prompt__in=project.prompts.tagged(tag)),
    "reason": lambda reason, project: Q(reason=reason),
    "by": given_as,
    "contested": contested,
    "source": lambda source, project: Q(comparison__source=source),
    "split": on_prompts_of("split"),
    "late": lambda late, project: Q(late=late == "yes"),
    "left_out": left_out,
    "dataset": counted_in,
    "missing": missing_from,
    "version": with_an_answer_of,
    "against": with_an_answer_of,
    "guidelines": given_under,
    "prompt": on_prompts_of("number"),
    "comparison": lambda pk, project: Q(comparison=pk),
    "answer": lambda pk, project: Q(
        comparison__in=ComparisonItem.objects.filter(completion=pk).values("comparison")
    ),
}
