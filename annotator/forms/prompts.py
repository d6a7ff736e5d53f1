"""The forms of the prompts' pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import Split


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File with prompts"),
        help_text=_("CSV, TSV or JSONL, at most 20 MiB and 100,000 lines."),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.jsonl,.ndjson"}),
    )


class PromptFilterForm(forms.Form):
    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    split = forms.ChoiceField(label=_("Split"), required=False, choices=[("", _("All")), *Split.choices])
