"""What the judgments browser is narrowed to, and the addresses that lead to the rows behind a number."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from annotator.codes.languages import language_name
from annotator.forms.log import DayField, midnight
from annotator.imports.tags import LONGEST_TAG
from annotator.models import Author, FlagKind, Project, Split
from annotator.models.personal_settings import primary_language

from .models import Comparison, Judgment, Round
from .models.judgments import JudgmentQuerySet
from .models.saved_filters import NAME_LENGTH
from .services.browsing.filters import FILTERS

HIGHEST = 2**62
ALL: tuple[str, StrOrPromise] = ("", _("All"))
FEW = ("q", "round", "verdict", "flag")
"""The fields that are always seen; the others are behind a word."""


class JudgmentFilterForm(forms.Form):
    """By the names in addresses; a field that is left empty narrows nothing."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200, widget=forms.SearchInput)
    round = forms.ModelChoiceField(
        Round.objects.none(),
        label=_("Round"),
        required=False,
        empty_label=ALL[1],  # type: ignore[arg-type]
        to_field_name="number",
    )
    verdict = forms.ChoiceField(label=_("Verdict"), required=False, choices=[ALL, *Judgment.Verdict.choices])
    flag = forms.ChoiceField(
        label=_("Flagged as"), required=False, choices=[ALL, ("any", _("Any flag")), *FlagKind.choices]
    )
    has = forms.ChoiceField(
        label=_("With"),
        required=False,
        choices=[
            ALL,
            ("rationale", _("A reason in their own words")),
            ("rewrite", _("An answer of their own")),
            ("ratings", _("Ratings")),
        ],
    )
    person = forms.CharField(label=_("Person"), required=False, max_length=20)
    language = forms.ChoiceField(label=_("Language"), required=False)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=LONGEST_TAG)
    reason = forms.ChoiceField(
        label=_("Why it cannot be ranked"), required=False, choices=[ALL, *Judgment.Reason.choices]
    )
    by = forms.ChoiceField(
        label=_("Given by"),
        required=False,
        choices=[
            ALL,
            ("volunteers", _("Volunteers")),
            ("people", _("People")),
            ("simulated", _("Simulated volunteers")),
            ("reviewers", _("Reviewers, about contested comparisons")),
        ],
    )
    contested = forms.ChoiceField(
        label=_("Comparisons"),
        required=False,
        choices=[ALL, ("yes", _("Contested")), ("decided", _("Decided by a reviewer"))],
    )
    source = forms.ChoiceField(label=_("Given at"), required=False, choices=[ALL, *Comparison.Source.choices])
    split = forms.ChoiceField(label=_("Split"), required=False, choices=[ALL, *Split.choices])
    late = forms.ChoiceField(
        label=_("Time"), required=False, choices=[ALL, ("yes", _("Came late")), ("no", _("Came in time"))]
    )
    left_out = forms.ChoiceField(
        label=_("Left out by a reviewer"), required=False, choices=[ALL, ("no", _("No")), ("yes", _("Yes"))]
    )
    since = DayField(label=_("From"), required=False)
    until = DayField(label=_("Until"), required=False)
    version = forms.ModelChoiceField(
        Author.objects.none(),
        label=_("With an answer by"),
        required=False,
        empty_label=ALL[1],  # type: ignore[arg-type]
    )
    against = forms.ModelChoiceField(
        Author.objects.none(),
        label=_("And one by"),
        required=False,
        empty_label=ALL[1],  # type: ignore[arg-type]
    )
    guidelines = forms.IntegerField(
        label=_("Version of the guidelines"), required=False, min_value=0, max_value=HIGHEST
    )
    dataset = forms.IntegerField(label=_("In dataset"), required=False, min_value=1, max_value=HIGHEST)
    missing = forms.IntegerField(label=_("Not in dataset"), required=False, min_value=1, max_value=HIGHEST)
    prompt = forms.IntegerField(label=_("Prompt"), required=False, min_value=1, max_value=HIGHEST)
    comparison = forms.IntegerField(label=_("Comparison"), required=False, min_value=1, max_value=HIGHEST)
    answer = forms.IntegerField(label=_("Answer"), required=False, min_value=1, max_value=HIGHEST)

    def __init__(self, data: Any, *, project: Project) -> None:
        super().__init__(data)
        self.project = project
        self.fields["round"].queryset = project.rounds.begun()  # type: ignore[attr-defined]
        # People who wrote answers have their name there, which this page never tells.
        versions = project.authors.exclude(kind=Author.Kind.PERSON).order_by("pk")
        for name in ("version", "against"):
            self.fields[name].queryset = versions  # type: ignore[attr-defined]
        tags = project.prompts.order_by().values_list("language", flat=True).distinct()
        codes = sorted({primary_language(tag) for tag in tags})
        names = [(code, language_name(code)) for code in codes]
        self.fields["language"].choices = [ALL, *names]  # type: ignore[attr-defined]

    @property
    def always(self) -> list[forms.BoundField]:
        return [self[name] for name in FEW]

    @property
    def others(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in FEW]

    @property
    def is_about_others(self) -> bool:
        """Whether one of the fields that are not always seen narrows, or is wrong."""
        return any(field.value() or field.errors for field in self.others)

    def asked(self) -> dict[str, Any]:
        """What was entered and makes sense, by field."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    def given(self) -> dict[str, Any]:
        """What makes sense of what was entered, as it was written."""
        return {name: self[name].value() for name in self.asked()}

    def narrowed(self) -> JudgmentQuerySet:
        """The project's judgments that were asked for, the newest first; what makes no sense narrows nothing.

        Those that count; of a dataset, those that counted when it was taken. Those on gold questions are left
        out unless they are asked for: by where they were given, or by what they are about.
        """
        asked = self.asked()
        found = Judgment.objects.filter(comparison__round__project=self.project)
        if asked.keys().isdisjoint(("source", "comparison", "answer")):
            found = found.ordinary()
        if "dataset" not in asked:
            found = found.filter(is_current=True)
        if since := asked.pop("since", None):
            found = found.filter(created_at__gte=midnight(since))
        if until := asked.pop("until", None):
            found = found.filter(created_at__lt=midnight(until + timedelta(days=1)))
        for name, value in asked.items():
            found = found.filter(FILTERS[name](value, self.project))
        return found.order_by("-pk")


class SaveFilterForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=NAME_LENGTH)


def query_of(filters: Mapping[str, Any]) -> str:
    """Filters as they stand in an address, by the names of the form's fields; empty ones are left out."""
    if unknown := filters.keys() - JudgmentFilterForm.base_fields.keys():
        raise TypeError(f"The browser has no filter {', '.join(sorted(unknown))}.")
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in filters.items() if value not in ("", None)})
    return query.urlencode()


def judgments_url(project: Project, **filters: Any) -> str:
    """The page with the judgments behind a number: those of the project that pass these filters."""
    address = reverse("browse-judgments", args=[project.slug])
    query = query_of(filters)
    return f"{address}?{query}" if query else address
