"""Forms that several people may have open at once: what each changed is told from what others did."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from annotator.models import AuditEvent
from annotator.shown import Change

LONGEST_SHOWN = 80


class ListHiddenInput(forms.HiddenInput):
    """A list of codes in one hidden field, which is there for an empty list, too."""

    def format_value(self, value: Any) -> str:
        return ",".join(map(str, value or []))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [code for code in (data.get(name) or "").split(",") if code]


class ComparedForm(forms.BaseForm):
    """A form whose fields travel with the values that the page showed, so that `changed_data` is what a
    person changed.

    Without that, whoever saves one field would take back what others have saved in another meanwhile.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = True
            if isinstance(field, forms.MultipleChoiceField):
                field.hidden_widget = ListHiddenInput

    def take_over(self, sent: "ComparedForm", events: Mapping[str, AuditEvent]) -> list[Change]:
        """Fill this form, fresh and with the values as they are now, with what the person of `sent` changed.

        Returns what others have changed since their page was made; `events` says who, by field. Where both
        changed one field it has an error that says what it is now.
        """
        changes, both = [], {}
        data = QueryDict(mutable=True)
        for name in sent.data:
            data.setlist(name, sent.data.getlist(name))  # type: ignore[attr-defined]
        for name, field in self.fields.items():
            bound = self[name]
            before, now = sent.shown_of(name), _plain(bound.value())
            if before != now:
                words = (_words(field, before), _words(field, now))
                change = Change(field.label or name, *words, events.get(name))
                changes.append(change)
                if name in sent.changed_data:
                    both[name] = change
            hidden = field.hidden_widget()
            data[bound.html_initial_name] = hidden.format_value(bound.value()) or ""
            if name not in sent.changed_data:
                _enter(data, bound.html_name, bound.value())
        self.data, self.is_bound = data, True
        for name, change in both.items():
            said = _("Somebody else changed this meanwhile. Now it is: %s. What you entered is kept here.")
            self.errors  # noqa: B018 - cleans, so that errors can be added
            self.add_error(name, said % (change.now or "–"))
        return changes

    def shown_of(self, name: str) -> Any:
        """What the page showed in a field."""
        hidden = self.fields[name].hidden_widget()
        return _plain(hidden.value_from_datadict(self.data, self.files, self[name].html_initial_name))


def _plain(value: Any) -> Any:
    """A field's value in one form, whether from a browser or from the database."""
    if isinstance(value, list):
        return sorted(map(str, value))
    return "" if value is None else str(value).replace("\r\n", "\n")


def _enter(data: Any, name: str, value: Any) -> None:
    """Put a value where a browser would have put it."""
    data.pop(name, None)
    if isinstance(value, list):
        data.setlist(name, list(map(str, value)))
    elif isinstance(value, bool):
        data.update({name: "on"} if value else {})
    else:
        data[name] = "" if value is None else str(value)


def _words(field: forms.Field, value: Any) -> str:
    """A value as people read it: by its label, and shortened."""
    if isinstance(field, forms.BooleanField):
        return _("yes") if value == "True" else _("no")
    labels = {str(code): str(label) for code, label in getattr(field, "choices", ())}
    values = value if isinstance(value, list) else [value]
    text = ", ".join(labels.get(one) or one for one in values)
    return Truncator(" ".join(text.split())).chars(LONGEST_SHOWN)
