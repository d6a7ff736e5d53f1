"""The forms of people and material."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .models import FlagKind, GuidelinesVersion, Project, Role, Split, User


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        help_text=_("If you give one, only this address can use the link. Chorus sends no mail: you do."),
    )
    days = forms.IntegerField(label=_("Days the link works"), min_value=1, max_value=60, initial=7)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class JoinForm(forms.Form):
    """What a new person says about themselves; an invitation's own address cannot be changed."""

    name = forms.CharField(label=_("Your name"), max_length=150, help_text=_("Other members see it."))
    email = forms.EmailField(label=_("E-mail address"), help_text=_("You sign in with it."))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters, not a common word, not only digits."),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        self.fields["email"].widget.attrs["autocomplete"] = "email"
        if email:
            self.fields["email"].initial = email
            self.fields["email"].disabled = True

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if {"name", "email", "password"} <= data.keys():
            try:
                validate_password(data["password"], User(name=data["name"], email=data["email"]))
            except ValidationError as error:
                self.add_error("password", error)
        return data


class NameForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name",)
        labels = {"name": _("Your name")}


class FlagKindsField(forms.MultipleChoiceField):
    """The kinds of flags that a project shows, in their order; a factual error is always among them."""

    widget = forms.CheckboxSelectMultiple

    def clean(self, value: Any) -> list[str]:
        chosen = {FlagKind.FACTUAL_ERROR.value, *super().clean(value)}
        return [kind for kind in FlagKind.values if kind in chosen]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial, {FlagKind.FACTUAL_ERROR.value, *(data or [])})


class LinesField(forms.CharField):
    """A list of texts, one a line; empty lines are passed over."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return self._lines(super().clean(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self._lines(self.prepare_value(initial) or "") != self._lines(data or "")

    def _lines(self, text: str) -> list[str]:
        return [line.strip() for line in text.splitlines() if line.strip()]


class ProjectForm(forms.ModelForm):
    """A project's settings; a text in COMPARED_WITH_PAGE is changed where it is not what the page showed."""

    COMPARED_WITH_PAGE = ("guidelines", "consent_words", "hidden_words")
    """Others write them elsewhere as well, or everybody has to read them again: whoever saves something else
    neither takes back what was stored meanwhile nor stores them anew with a browser's line ends."""

    guidelines = forms.CharField(
        required=False,
        max_length=20_000,
        label=_("Guidelines"),
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("Markdown. When you change them, everybody is shown once what changed."),
    )
    flag_kinds = FlagKindsField(
        label=_("Flags that volunteers can put on an answer"),
        choices=FlagKind.choices,
        required=False,
        help_text=_("A factual error can always be flagged: ranks alone say too little about facts."),
    )
    criteria = LinesField(
        label=_("Criteria, one a line"),
        required=False,
        max_length=1000,
        help_text=_("What volunteers may rate each answer on, 1 to 5, such as accuracy, clarity, tone."),
    )
    hidden_words = LinesField(
        label=_("Words to hide in answers, one a line"),
        required=False,
        max_length=15_000,
        help_text=_(
            "Names that tell who wrote an answer, beside those that Chorus knows. From the next round on."
        ),
    )

    class Meta:
        model = Project
        fields = (
            "name",
            "description",
            "guidelines",
            "licence",
            "consent_words",
            "practice_length",
            "practice_pass_mark",
            "system_prompt",
            "completions_per_comparison",
            "judgments_per_comparison",
            "assignment_minutes",
            "flag_kinds",
            "criteria",
            "offers_rewrites",
            "hidden_words",
            "leaderboard",
        )
        labels = {
            "name": _("Name"),
            "description": _("Description"),
            "guidelines": _("Guidelines"),
            "system_prompt": _("System prompt"),
            "completions_per_comparison": _("Completions per comparison"),
            "judgments_per_comparison": _("Judgments per comparison"),
            "assignment_minutes": _("Minutes that an assignment is held"),
            "licence": _("Licence of the judgments"),
            "consent_words": _("What volunteers agree to"),
            "practice_length": _("Comparisons in the practice"),
            "practice_pass_mark": _("How many of them have to be right"),
            "offers_rewrites": _("Volunteers may write a better answer"),
            "leaderboard": _("Show volunteers who has ranked most in the round"),
        }
        help_texts = {
            "licence": _("Volunteers agree to it before they rank. Change it, and everybody is asked again."),
            "consent_words": _(
                "Markdown: what is stored, what is published, how to withdraw. Leave it empty to use the "
                "words that come with Chorus. Change it, and everybody is asked again."
            ),
            "practice_length": _("New volunteers get so many, as far as there are so many."),
            "practice_pass_mark": _("They may try twice; then you are asked."),
            "completions_per_comparison": _("2 to 8. It counts from the next round on."),
            "judgments_per_comparison": _(
                "How many volunteers judge each comparison, from the next round on."
            ),
            "leaderboard": _(
                "Given names and numbers only; all can take theirs off. It rewards speed, so think twice."
            ),
            "offers_rewrites": _("What they write goes into datasets, for the chatbot to learn from."),
        }
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "consent_words": forms.Textarea(attrs={"rows": 6, "maxlength": 20_000}),
            "system_prompt": forms.Textarea(attrs={"rows": 4}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = GuidelinesVersion.objects.current(self.instance)
        self.initial["guidelines"] = shown.text if shown else ""
        for name in self.COMPARED_WITH_PAGE:
            self.fields[name].show_hidden_initial = True


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File with prompts"),
        help_text=_("CSV, TSV or JSONL, at most 20 MiB and 100,000 lines."),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.jsonl,.ndjson"}),
    )


class PromptFilterForm(forms.Form):
    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    split = forms.ChoiceField(label=_("Split"), required=False, choices=[("", _("All")), *Split.choices])
