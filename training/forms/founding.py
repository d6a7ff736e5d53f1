"""The form of a new project."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import Project, User
from annotator.services.projects import SLUG_LENGTH, slug_of
from training.services.base_models.choices import base_choices
from training.services.versions.origins import sources_for


class FoundingForm(forms.Form):
    """What a project needs to begin; `cleaned_data` are the values of a founding."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("What volunteers call the chatbot."))
    slug = forms.SlugField(
        label=_("Address"),
        required=False,
        max_length=SLUG_LENGTH,
        help_text=_(
            "The last part of the project's web address. It is made from the name if you leave it empty."
        ),
    )
    description = forms.CharField(
        label=_("Purpose"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Whom the chatbot helps, and with what. Volunteers read it first."),
    )
    base_model = forms.ChoiceField(
        label=_("Base model"),
        help_text=_("What the chatbot learns on. It cannot be changed later."),
    )
    start_from = forms.ChoiceField(
        label=_("Start from"),
        required=False,
        help_text=_(
            "What another project of yours has learned on the same base model. Its licences are carried on."
        ),
    )
    system_prompt = forms.CharField(
        label=_("System prompt"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Put before every conversation. You can write it later."),
    )
    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_(
            "What makes an answer good, in Markdown. These are a beginning: make them yours, now or later."
        ),
    )

    def __init__(self, *args: Any, founder: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sources = {str(each.pk): each for each in sources_for(founder)}
        words = [(key, f"{each.project} · {each}") for key, each in self.sources.items()]
        nothing = ("", str(_("The base model itself")))
        self.fields["start_from"].choices = [nothing, *words]  # type: ignore[attr-defined]
        choices = [(each.given, f"{each.name} · {each.origin}") for each in base_choices()]
        self.has_choice = bool(choices)
        if len(choices) > 1:
            choices.insert(0, ("", str(_("Choose one"))))
        self.fields["base_model"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if "slug" in data and "name" in data:
            data["slug"] = data["slug"] or slug_of(data["name"])
            if not data["slug"]:
                self.add_error("slug", _("No address can be made of this name: enter one in Latin letters."))
            elif Project.objects.filter(slug=data["slug"]).exists():
                self.add_error("slug", _("Another project has this address: choose another one."))
        source = self.sources.get(data.get("start_from", ""))
        if source and data.get("base_model", source.base_model) != source.base_model:
            words = _("It learned on another base model. Choose the one that is used by %(project)s above.")
            self.add_error("start_from", words % {"project": source.project})
        return data
