"""The forms of the prompts' pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import Split
from annotator.models.prompts import PromptQuerySet


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File with prompts"),
        help_text=_("CSV, TSV, JSON or JSONL, at most 5 MiB and 10,000 lines."),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.json,.jsonl,.ndjson"}),
    )
    skip_bad_rows = forms.BooleanField(
        label=_("Leave wrong lines out, and take the others"),
        required=False,
        help_text=_("Without this, nothing is imported if any line is wrong."),
    )


class PromptFilterForm(forms.Form):
    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    split = forms.ChoiceField(label=_("Split"), required=False, choices=[("", _("All")), *Split.choices])
    state = forms.ChoiceField(
        label=_("Use"),
        required=False,
        choices=[
            ("", _("All")),
            ("available", _("In use")),
            ("too_long", _("Too long for the model")),
            ("withdrawn", _("Withdrawn")),
        ],
    )

    def narrowed(self, prompts: PromptQuerySet) -> PromptQuerySet:
        """The prompts that were asked for; all of them if what was asked makes no sense."""
        if not self.is_valid():
            return prompts
        if split := self.cleaned_data["split"]:
            prompts = prompts.filter(split=split)
        if words := self.cleaned_data["q"]:
            prompts = prompts.containing(words)
        match self.cleaned_data["state"]:
            case "available":
                return prompts.available()
            case "too_long":
                return prompts.in_use().filter(too_long=True)
            case "withdrawn":
                return prompts.exclude(withdrawn_at=None)
        return prompts
