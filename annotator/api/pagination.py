"""Lists in pages: the address of the next one is in the answer."""

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class OldestFirst(CursorPagination):
    """Rows in order of their primary keys, which are given out a moment before the rows can be seen.

    So a program that carries on where it stopped may miss a row that was being stored just then.
    """

    ordering = "pk"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
    cursor_query_description = _("Where the page begins: follow `next` and `previous` of an answer.")

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        # The position goes into a filter as it is, where anything but a primary key would raise.
        if cursor and cursor.position is not None and not re.fullmatch("[0-9]{1,18}", cursor.position):
            raise NotFound(self.invalid_cursor_message)
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page = super().get_paginated_response_schema(schema)
        example = "https://chorus.example.org/api/v1/…?cursor=cD00ODY%3D"
        for name in ("next", "previous"):
            page["properties"][name]["example"] = example
        return {**page, "required": ["next", "previous", "results"]}


class NewestFirst(OldestFirst):
    """Rows from the last one back."""

    ordering = "-pk"
