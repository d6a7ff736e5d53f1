"""Markdown as HTML that is safe to show: the one way from people's and models' text to markup.

markdown-it passes no HTML through, and nh3 then keeps only the listed elements and attributes. The
list of attributes matters as much as that of elements: htmx's `hx-*` attributes are scripts in
disguise, and a `style`, `class` or `id` could dress text up as a part of the page.
"""

from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from annotator.text import storable

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "blockquote", "code", "pre", "a", "ul", "ol", "li"),
    *("h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
URL_SCHEMES = {"http", "https", "mailto"}
LINK_REL = "noopener noreferrer nofollow"


def lower_headings(state: StateCore) -> None:
    """Make every heading one level lower: the page has its h1 already."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"


parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
parser.enable(["table", "strikethrough"])
parser.disable("image")
parser.core.ruler.push("lower_headings", lower_headings)


# A comparison is shown again and again: to each who judges it, and after every mistake.
@lru_cache(maxsize=1024)
def render_markdown(text: str) -> SafeString:
    """The text as HTML without scripts, styles, images, or links to anything but the web and mail."""
    html = parser.render(storable(text))
    html = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=URL_SCHEMES, link_rel=LINK_REL)
    return mark_safe(html)  # noqa: S308  (nh3 has just cleaned it)
