"""The tag of forms whose act depends on what the page shows."""

from typing import Any

from django import template
from django.forms import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotator.shown import FIELD, Facts, Shown, text_of

register = template.Library()


@register.simple_tag(takes_context=True)
def shown(context: dict[str, Any], facts: Facts) -> SafeString:
    """A hidden field with the facts that the form's act depends on, as they are on this page.

    A page that comes back because something in it was wrong still stands for what it showed at first, unless
    it says what has changed since.
    """
    value, request = text_of(facts), context["request"]
    if request.method == "POST" and not context.get("changes"):
        page = Shown.on_page(request).pages[0]
        if page.keys() == facts.keys():
            value = request.POST[FIELD]
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, value)


@register.filter
def initial(field: BoundField) -> SafeString | str:
    """What the page shows in a field of a ComparedForm whose choices are written one by one."""
    return field.as_hidden(only_initial=True) if field.field.show_hidden_initial else ""
