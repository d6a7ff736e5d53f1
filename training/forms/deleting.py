"""The form that asks whether a project is to be deleted."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import Project


class DeleteProjectForm(forms.Form):
    slug = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        self.fields["slug"].label = _("Type %s, to be sure that you mean it") % project.slug

    def clean_slug(self) -> str:
        if self.cleaned_data["slug"] != self.project.slug:
            raise forms.ValidationError(_("This is not the project's address."))
        return self.project.slug
