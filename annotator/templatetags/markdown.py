"""`{{ text|markdown }}`: people's and models' text, rendered safely."""

from django import template
from django.utils.safestring import SafeString

from annotator.markdown import render_markdown

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    return render_markdown(text)
