"""`{{ text|markdown }}`: people's and models' text, rendered safely; `without_links`: and no link works."""

from django import template
from django.utils.safestring import SafeString

from annotator.text.markdown import render_markdown, render_without_links

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    return render_markdown(text)


@register.filter
def without_links(text: str) -> SafeString:
    return render_without_links(text)
