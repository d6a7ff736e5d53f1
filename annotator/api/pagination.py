"""Lists in pages: the address of the next one is in the answer."""

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound, ValidationError
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

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not re.fullmatch("[1-9][0-9]{0,3}", asked) or int(asked) > self.max_page_size:
            words = _("Enter a whole number from 1 to %d.") % self.max_page_size
            raise ValidationError({self.page_size_query_param: [words]})
        return int(asked)

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        # The position goes into a filter as it is, where anything but a primary key would raise.
        if cursor and cursor.position is not None and not re.fullmatch("[0-9]{1,18}", cursor.position):
            raise NotFound(self.invalid_cursor_message)
        return cursor

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size}
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page = super().get_paginated_response_schema(schema)
        example = "https://chorus.example.org/api/v1/…?cursor=cD00ODY%3D"
        for name in ("next", "previous"):
            page["properties"][name]["example"] = example
        return {**page, "required": ["next", "previous", "results"]}


class NewestFirst(OldestFirst):
    """Rows from the last one back."""

    ordering = "-pk"
