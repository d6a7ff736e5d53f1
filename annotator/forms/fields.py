"""Fields of forms that several pages have."""

from typing import Any

from django import forms


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


class CodeField(forms.CharField):
    """A code in capital letters, however it was typed."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").upper()

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial, (data or "").strip().upper())
