"""The form that narrows the leaderboard to a language or a subject."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.codes.languages import language_name
from annotator.models import Project
from annotator.models.personal_settings import primary_language

from .models.judgments import JudgmentQuerySet


class SliceForm(forms.Form):
    """A language and a tag of the project's prompts; what is none of them narrows nothing."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    tag = forms.ChoiceField(label=_("Tag"), required=False)

    def __init__(self, data: Any, *, project: Project) -> None:
        super().__init__(data)
        self.project = project
        labels = list(project.prompts.order_by().values_list("language", "tags"))
        codes = {primary_language(language) for language, _tags in labels}
        tags = {tag.casefold(): tag for _language, own in labels for tag in own}
        self._offer("language", {code: language_name(code) for code in codes})
        self._offer("tag", tags)

    def _offer(self, field: str, names: dict[str, str]) -> None:
        found = sorted(names.items(), key=lambda choice: choice[1].casefold())
        self.fields[field].choices = [("", _("All")), *found]  # type: ignore[attr-defined]

    @property
    def offered(self) -> list[forms.BoundField]:
        """The fields that have something to choose."""
        least = {"language": 2, "tag": 1}
        return [field for field in self if len(field.field.choices) > least[field.name]]  # type: ignore[attr-defined]

    def narrow(self, judgments: JudgmentQuerySet) -> JudgmentQuerySet:
        self.is_valid()
        prompts = self.project.prompts.order_by()
        if language := self.cleaned_data.get("language"):
            judgments = judgments.filter(comparison__prompt__in=prompts.in_language(language))
        if tag := self.cleaned_data.get("tag"):
            judgments = judgments.filter(comparison__prompt__in=prompts.tagged(tag))
        return judgments
