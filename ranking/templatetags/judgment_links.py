"""Links from numbers to the judgments behind them."""

from typing import Any

from django import template

from ranking import browsing_forms

register = template.Library()


@register.simple_tag(takes_context=True)
def judgments_url(context: dict[str, Any], **filters: Any) -> str:
    """The address of the page's project's judgments that pass these filters of the browser."""
    return browsing_forms.judgments_url(context["project"], **filters)
