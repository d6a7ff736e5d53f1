import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.text.markdown import render_markdown, render_without_links

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "blockquote", "code", "pre", "a", "ul", "ol", "li"),
    *("h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}

ATTRIBUTES = {"a": {"href", "title", "rel"}, "ol": {"start"}, "pre": {"tabindex"}, "table": {"tabindex"}}


class Elements(HTMLParser):
    """Collects every element with its attributes, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(html)
    parser.close()
    return parser.found


def assert_harmless(html: str) -> None:
    for tag, attributes in elements(html):
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES.get(tag, set())
        assert attributes.get("tabindex", "0") == "0"
        if "href" in attributes:
            scheme = re.match(r"\s*([a-z][a-z0-9+.-]*):", attributes["href"], re.IGNORECASE)
            assert scheme is None or scheme[1].lower() in {"http", "https", "mailto"}


def assert_leads_nowhere(html: str) -> None:
    for tag, attributes in elements(html):
        assert tag in TAGS | {"small"}
        assert set(attributes) <= (ATTRIBUTES | {"a": {"data-address"}}).get(tag, set())
        if tag == "a":
            assert re.match("(https?|mailto):", attributes["data-address"] or "", re.IGNORECASE)


def test_what_people_write_is_rendered():
    html = render_markdown("# One\n\nTwo *three* `four`\n\n- five\n\n|a|b|\n|-|-|\n|1|2|")
    for part in ("<h2>One</h2>", "<em>three</em>", "<code>four</code>", "<li>five</li>", "<td>1</td>"):
        assert part in html


def test_links_go_out_without_opener_and_images_become_links():
    html = render_markdown("[a](https://example.org) ![b](https://example.org/b.png)")
    assert elements(html) == [
        ("p", {}),
        ("a", {"href": "https://example.org", "rel": "noopener noreferrer nofollow"}),
        ("a", {"href": "https://example.org/b.png", "rel": "noopener noreferrer nofollow"}),
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<div hx-get="/x" hx-trigger="load">x</div>',
        '<b style="position:fixed" class="button" id="main">x</b>',
        '<a href="/x" onclick="alert(1)" hx-get="/x">x</a>',
        '<a href="javascript:alert(1)">x</a>',
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "<javascript:alert(1)>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "[x]: javascript:alert(1)\n\n[x]",
        '[x](https://a.b "t\\" onclick=\\"alert(1)")',
        "```x onclick=alert(1)\ny\n```",
        "| a |\n|:-:|\n| <svg onload=alert(1)> |",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<!-- --><style>*{display:none}</style>",
        "<form action=//evil.example><input name=password>",
        "a\0b\ud800c",
        "[" * 2000,
        ">" * 5000 + "x",
    ],
)
def test_hostile_text_stays_text(hostile):
    assert_harmless(render_markdown(hostile))
    assert_leads_nowhere(render_without_links(hostile))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "[a *b*](https://x.org/?a=1&b=2 'c')",
            '<a data-address="https://x.org/?a=1&amp;b=2">a <em>b</em></a>',
        ),
        ("[a](https://x.org)", "</a><small> (https://x.org)</small>"),
        ("<https://x.org>", '<p><a data-address="https://x.org">https://x.org</a></p>'),
        ("[a](/account/)", "<p>a<small> (/account/)</small></p>"),
        ("[a](//x.org)", "<p>a<small> (//x.org)</small></p>"),
        ("[a](tel:1)", "<p>a<small> (tel:1)</small></p>"),
        ("# [a](https://x.org)", '<h2><a data-address="https://x.org">a</a>'),
    ],
)
def test_without_links_addresses_are_words(text, html):
    assert html in render_without_links(text)


MARKUP = (
    *("<script>", "</script>", "<a href=", "<b ", "<svg/onload=", "<!--", "-->", ">", '"', "'", "&#106;"),
    *("javascript:", "data:", "onclick=", "hx-get=", "style=", "](", "[x", ")", "`", "|", "|-|", "# "),
    *("\\", "\n", "\t"),
)
pieces = st.sampled_from(MARKUP)


@given(st.lists(pieces | st.text(max_size=8), max_size=30).map("".join))
def test_no_text_becomes_anything_but_the_listed_markup(text):
    assert_harmless(render_markdown(text))
    assert_leads_nowhere(render_without_links(text))


def test_what_scrolls_can_have_the_focus():
    found = elements(render_markdown("| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```"))
    assert [each for each in found if each[1]] == [("table", {"tabindex": "0"}), ("pre", {"tabindex": "0"})]


def test_a_head_cell_without_words_is_an_ordinary_cell():
    html = render_markdown("| | b |\n|---|---|\n| 1 | 2 |")
    assert [tag for tag, _ in elements(html) if tag in ("th", "td")] == ["td", "th", "td", "td"]
