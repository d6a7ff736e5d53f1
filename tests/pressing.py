"""Forms as a browser sends them: with all that the page has put into them."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django.test import Client


class FormReader(HTMLParser):
    """The forms of a page: each with its address and what it sends when nothing is changed on it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, list[str]]]] = []
        self._inside = False
        self._select = self._textarea = ""
        self._chosen: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, listed: list[tuple[str, str | None]]) -> None:
        attrs = dict(listed)
        name, value = attrs.get("name") or "", attrs.get("value")
        if tag == "form":
            self._inside = attrs.get("method") == "post"
            if self._inside:
                self.forms.append((attrs.get("action") or "", {}))
        elif not self._inside:
            return
        elif tag == "input" and name and attrs.get("type") not in ("submit", "file"):
            if attrs.get("type") not in ("checkbox", "radio"):
                self._put(name, (value or "").replace("\n", "\r\n"))
            elif "checked" in attrs:
                self._put(name, value or "on")
        elif tag == "textarea":
            self._textarea = name
            self._put(name, "")
        elif tag == "select":
            self._select, self._chosen = name, []
        elif tag == "option" and self._select and "selected" in attrs:
            self._chosen.append(value or "")

    def handle_data(self, data: str) -> None:
        if self._textarea:
            text = data.removeprefix("\n").replace("\n", "\r\n")
            self.forms[-1][1][self._textarea] = [text]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""
        elif tag == "select" and self._select:
            for value in self._chosen:
                self._put(self._select, value)
            self._select = ""
        elif tag == "form":
            self._inside = False

    def _put(self, name: str, value: str) -> None:
        self.forms[-1][1].setdefault(name, []).append(value)


def forms_of(client: Client, page: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(address, fields) of each form of the page that is posted."""
    response = client.get(page)
    assert response.status_code == 200, (page, response.status_code)
    for action, fields in FormReader(response.text).forms:
        yield action or page, fields


def filled(client: Client, page: str, address: str = "", **values: Any) -> dict[str, Any]:
    """What the page's form for the address sends (the page's own by default), with these values entered."""
    fields = next(fields for action, fields in forms_of(client, page) if action == (address or page))
    return {**fields, **values}


def press(client: Client, page: str, address: str = "", follow: bool = False, **values: Any) -> Any:
    """Open the page, enter the values and send its form."""
    return client.post(address or page, filled(client, page, address, **values), follow=follow)
