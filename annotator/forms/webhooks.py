"""The form that adds a webhook."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from annotator.events import Kind
from annotator.models.webhooks import LONGEST_ADDRESS
from annotator.outgoing import RefusedAddressError, check_address

POSTED = [(kind.value, kind.label) for kind in Kind if kind != Kind.LEARNED]
"""All kinds but the one that tells single people about themselves."""


class WebhookForm(forms.Form):
    address = forms.CharField(
        label=_("Address"),
        max_length=LONGEST_ADDRESS,
        widget=forms.URLInput(attrs={"dir": "ltr", "autocomplete": "off", "placeholder": "https://"}),
        help_text=_("It begins with https:// and can be reached from the internet."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Events"),
        choices=POSTED,
        widget=forms.CheckboxSelectMultiple,
        initial=[value for value, _label in POSTED],
    )

    def clean_address(self) -> Any:
        address = self.cleaned_data["address"]
        try:
            if not address.isascii():
                raise RefusedAddressError
            check_address(address, allows_private=settings.WEBHOOKS_PRIVATE)
            if not settings.WEBHOOKS_PRIVATE:
                URLValidator(schemes=["https"])(address)
        except (RefusedAddressError, ValidationError) as error:
            words = _("This is no https address that can be reached from the internet.")
            raise ValidationError(words) from error
        return address
