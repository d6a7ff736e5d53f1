"""Rows written with every judgment, in statements of our own.

The ORM takes three times as long to write such a statement as the database to carry it out. Values are made
ready by the fields, so that each database gets them as the ORM would send them.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from django.db import connection
from django.db.models import Field, Model


def insert_rows(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of values for the fields of these names, which are all but the id."""
    fields = _fields(model, names)
    values = [_ready(fields, row) for row in rows]
    if not values:
        return
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({columns}) VALUES {places}",  # noqa: S608  (our own words)
            [value for row in values for value in row],
        )


def update_row(row: Model, names: Sequence[str], condition: str = "TRUE", *values: Any) -> bool:
    """Store the fields of these names of a row that is there; False where the condition does not hold."""
    fields = _fields(type(row), names)
    changes = ", ".join(f'"{field.column}" = %s' for field in fields)
    changed = _ready(fields, [getattr(row, field.attname) for field in fields])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {row._meta.db_table} SET {changes} WHERE id = %s AND ({condition})",  # noqa: S608
            [*changed, row.pk, *values],
        )
        return cursor.rowcount == 1


def _fields(model: type[Model], names: Sequence[str]) -> list["Field[Any, Any]"]:
    return [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]


def _ready(fields: Sequence["Field[Any, Any]"], values: Sequence[Any]) -> list[Any]:
    return [field.get_db_prep_save(value, connection) for field, value in zip(fields, values, strict=True)]
