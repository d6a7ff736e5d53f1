"""The form in which members say which groups they belong to."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from annotator.models import Membership
from annotator.models.groups import GROUP_LENGTH, group_key
from annotator.models.stated_groups import MOST_STATED

from .fields import LinesField


class GroupsForm(forms.Form):
    """Boxes for the project's list, and lines for own words where the project takes them.

    What somebody has stated is always among them, so that it can be taken away.
    """

    listed = forms.MultipleChoiceField(
        label=_("Which of these do you belong to?"), required=False, widget=forms.CheckboxSelectMultiple
    )
    own = LinesField(
        label=_("In your own words, one a line"), required=False, max_length=MOST_STATED * (GROUP_LENGTH + 2)
    )

    def __init__(self, membership: Membership, data: Any = None) -> None:
        project = membership.project
        stated = list(membership.stated_groups.order_by("name").values_list("name", flat=True))
        choices = {group_key(name): name for name in project.groups}
        if not project.own_groups:
            choices |= {key: key for key in stated if key not in choices}
        own = [key for key in stated if key not in choices]
        super().__init__(data, initial={"listed": stated, "own": own})
        self.fields["listed"].choices = list(choices.items())  # type: ignore[attr-defined]
        if not choices:
            del self.fields["listed"]
        if not project.own_groups:
            del self.fields["own"]

    def clean_own(self) -> list[str]:
        return [group_key(name) for name in self.cleaned_data["own"]]

    def clean(self) -> None:
        if len(self.keys) > MOST_STATED:
            raise ValidationError(_("At most %d groups.") % MOST_STATED)

    @property
    def keys(self) -> set[str]:
        """The groups that were stated, by their keys."""
        return {*self.cleaned_data.get("listed", []), *self.cleaned_data.get("own", [])}
