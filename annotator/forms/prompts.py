"""The forms of the prompts' pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from annotator.imports.file_formats import BadRecordError, EmptyRecordError
from annotator.imports.pasted import Layout
from annotator.imports.prompt_files import (
    MAX_LANGUAGE,
    MAX_SOURCE,
    PromptDraft,
    draft_from_record,
    read_language,
)
from annotator.imports.tags import LONGEST_TEXT, read_tags
from annotator.models import Prompt, Split
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


class LabelsForm(forms.Form):
    """What is said about prompts, beside their words."""

    language = forms.CharField(
        label=_("Language"), max_length=MAX_LANGUAGE, help_text=_("A language tag, such as en or pt-BR.")
    )
    source = forms.CharField(
        label=_("Source"),
        required=False,
        max_length=MAX_SOURCE,
        help_text=_("Where they come from, for yourselves: school visit, letters …"),
    )
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        max_length=LONGEST_TEXT,
        help_text=_(
            "What they are about, with commas between: oceans, energy. Results are told by tag, too."
        ),
    )

    def clean_tags(self) -> str:
        try:
            return ", ".join(read_tags(self.cleaned_data["tags"]))
        except BadRecordError as bad:
            raise ValidationError(str(bad)) from bad

    def clean_language(self) -> str:
        try:
            return read_language(self.cleaned_data["language"])
        except BadRecordError as bad:
            raise ValidationError(str(bad)) from bad


class WriteForm(LabelsForm):
    """Prompts that somebody writes or pastes; which of them are wrong, the import says."""

    # Not stripped: lines are counted from the first.
    text = forms.CharField(
        label=_("Prompts"),
        strip=False,
        max_length=50_000,
        help_text=_("At most 50,000 characters; for more, import a file."),
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )
    layout = forms.ChoiceField(
        label=_("What is one prompt?"),
        choices=[
            (Layout.LINES, _("Each line")),
            (Layout.BLOCKS, _("Each block between blank lines")),
            (Layout.WHOLE, _("All of the text")),
        ],
        initial=Layout.LINES,
        widget=forms.RadioSelect,
    )
    field_order = ("text", "layout")


class EditForm(LabelsForm):
    """The messages of a prompt, whose speakers stay; `draft` is what was entered, once it is valid."""

    draft: PromptDraft

    def __init__(self, data: Any = None, *, prompt: Prompt) -> None:
        super().__init__(data, initial=_labels(prompt))
        self.roles = [message["role"] for message in prompt.messages]
        for number, message in enumerate(prompt.messages):
            self.fields[f"message_{number}"] = forms.CharField(
                label=SPEAKERS[message["role"]],
                initial=message["content"],
                widget=forms.Textarea(attrs={"rows": 4, "dir": "auto", "lang": prompt.language}),
            )
        self.order_fields([f"message_{number}" for number in range(len(self.roles))])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        messages = [
            {"role": role, "content": data[f"message_{number}"]} for number, role in enumerate(self.roles)
        ]
        labels = {name: data[name] for name in ("language", "source", "tags")}
        try:
            self.draft = draft_from_record({"messages": messages, **labels})
        except (BadRecordError, EmptyRecordError) as bad:
            raise ValidationError(str(bad)) from bad
        return data


def _labels(prompt: Prompt) -> dict[str, str]:
    return {"language": prompt.language, "source": prompt.source, "tags": ", ".join(prompt.tags)}


SPEAKERS = {"system": _("System"), "user": _("User"), "assistant": _("Chatbot")}


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
