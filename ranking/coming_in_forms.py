"""The forms of coming in."""

from django import forms


class NumberForm(forms.Form):
    """Which version of a text somebody had before them."""

    number = forms.IntegerField(min_value=1, max_value=2**31 - 1)

    def number_read(self) -> int:
        """The number as sent; 0, which is no version's, for anything else."""
        return self.cleaned_data["number"] if self.is_valid() else 0
