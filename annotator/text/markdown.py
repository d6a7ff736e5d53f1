"""Markdown as HTML that is safe to show: the one way from people's and models' text to markup.

markdown-it passes no HTML through, and nh3 then keeps only the listed elements and attributes. The
list of attributes matters as much as that of elements: htmx's `hx-*` attributes are scripts in
disguise, and a `style`, `class` or `id` could dress text up as a part of the page.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from annotator.text.storable import storable

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "blockquote", "code", "pre", "a", "ul", "ol", "li"),
    *("h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
# What may be wider than its card scrolls there, by keys as well once it can have the focus.
SCROLLS = {"pre": {"tabindex": "0"}, "table": {"tabindex": "0"}}
WITHOUT_LINKS = {"a": {"data-address"}, "ol": {"start"}}
URL_SCHEMES = {"http", "https", "mailto"}
MOST_CELLS = 10_000
LINK_REL = "noopener noreferrer nofollow"


def lower_headings(state: StateCore) -> None:
    """Make every heading one level lower: the page has its h1 already."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"


def empty_heads_to_cells(state: StateCore) -> None:
    """Make a table's head cell without words an ordinary one: it would name its column nothing."""
    for head, words, end in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if head.type == "th_open" and not words.content.strip():
            head.tag = end.tag = "td"


def stop_links(state: StateCore) -> None:
    """Make every link words that name their address and lead nowhere; a page may offer to open it.

    What is no address on the web or of mail is left as the words alone, and behind words that are not the
    address itself it is added in brackets.
    """
    for token in state.tokens:
        token.children = token.children and list(_stopped(token.children))


def _stopped(children: list[Token]) -> Iterator[Token]:
    address = ""
    for token in children:
        if token.type == "link_open":
            address = str(token.attrs["href"])
            token.attrs = {"data-address": address}
        is_known = address.partition(":")[0].lower() in URL_SCHEMES
        if is_known or not token.type.startswith("link_"):
            yield token
        if token.type == "link_close" and token.markup != "autolink":
            yield Token("address_open", "small", 1)
            yield Token("text", "", 0, content=f" ({address})")
            yield Token("address_close", "small", -1)


def small_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, unless it may be many and wide rows: cells that a row leaves out are added to it."""
    columns = state.src.count("|", state.bMarks[start], state.eMarks[start]) + 1
    return columns * (end - start) <= MOST_CELLS and table(state, start, end, silent)


def make_parser(*rules: Callable[[StateCore], None]) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    parser.block.ruler.at("table", small_table, {"alt": ["paragraph", "reference"]})
    parser.disable("image")
    for rule in rules:
        parser.core.ruler.push(rule.__name__, rule)
    return parser


parser = make_parser(lower_headings, empty_heads_to_cells)
parser_without_links = make_parser(lower_headings, empty_heads_to_cells, stop_links)


# A comparison is shown again and again: to each who judges it, and after every mistake.
@lru_cache(maxsize=1024)
def render_markdown(text: str) -> SafeString:
    """The text as HTML without scripts, styles, images, or links to anything but the web and mail."""
    html = parser.render(storable(text))
    html = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        set_tag_attribute_values=SCROLLS,
        url_schemes=URL_SCHEMES,
        link_rel=LINK_REL,
    )
    return mark_safe(html)  # noqa: S308  (nh3 has just cleaned it)


@lru_cache(maxsize=1024)
def render_without_links(text: str) -> SafeString:
    """The same with links that lead nowhere: `<a data-address="...">words</a><small> (...)</small>`."""
    html = parser_without_links.render(storable(text))
    html = nh3.clean(
        html,
        tags=TAGS | {"small"},
        attributes=WITHOUT_LINKS,
        set_tag_attribute_values=SCROLLS,
        link_rel=None,
    )
    return mark_safe(html)  # noqa: S308  (nh3 has just cleaned it)
