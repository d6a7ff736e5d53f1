"""Deleting many rows."""

from typing import Any

from django.db.models import QuerySet

CHUNK = 500


def delete_in_chunks(rows: QuerySet[Any]) -> None:
    """Delete rows and what hangs on them, some at a time: a large table never lies in the memory whole."""
    while found := list(rows.order_by().values_list("pk", flat=True)[:CHUNK]):
        rows.model._default_manager.filter(pk__in=found).delete()
