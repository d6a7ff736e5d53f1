"""The forms of the prompts' pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import Split


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File with prompts"),
        help_text=_("CSV, TSV, JSON or JSONL, at most 20 MiB and 100,000 lines."),
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
