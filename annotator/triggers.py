"""Rules that a constraint cannot express, kept by triggers on SQLite and PostgreSQL.

SQLite's schema editor rebuilds a table to alter it and loses its triggers on the way. A migration
that alters a table with rules starts with `RunPython(remove, install)` and ends with
`RunPython(install, remove)`, with those two functions of its app's own `triggers` module; so does one
that comes with a new rule. A rule of a table that only a later migration makes waits for that one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor


@dataclass(frozen=True)
class Rule:
    """`event` on `table` is refused with `message` when the SQL condition `broken` holds."""

    name: str
    table: str
    event: str
    broken: str
    message: str


def changed(*columns: str) -> str:
    """The condition that an update gives one of the columns another value, NULL counting as one."""
    return " OR ".join(
        f"NEW.{column} <> OLD.{column} OR (NEW.{column} IS NULL) <> (OLD.{column} IS NULL)"
        for column in columns
    )


RULES = (
    Rule(
        "prompt_keeps_its_split",
        "annotator_prompt",
        "UPDATE",
        changed("split", "content_hash"),
        "a prompt stays in its split for ever",
    ),
)


def install(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers of this app; used as a migration's operation."""
    create_triggers(RULES, schema_editor)


def remove(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers of this app; used as a migration's operation."""
    drop_triggers(RULES, schema_editor)


def create_triggers(rules: Iterable[Rule], schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers of these rules; one whose table does not exist yet is passed over."""
    connection = schema_editor.connection
    statements = {"sqlite": _sqlite, "postgresql": _postgresql}[connection.vendor]
    tables = set(connection.introspection.table_names())
    for rule in rules:
        if rule.table not in tables:
            continue
        for statement in statements(rule):
            schema_editor.execute(statement, params=None)


def drop_triggers(rules: Iterable[Rule], schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers of these rules; one that does not exist is passed over."""
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for rule in rules:
        on_table = f" ON {rule.table}" if is_postgresql else ""
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {rule.name}{on_table}", params=None)
        if is_postgresql:
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {rule.name}()", params=None)


def _sqlite(rule: Rule) -> list[str]:
    return [
        f"CREATE TRIGGER {rule.name} BEFORE {rule.event} ON {rule.table} FOR EACH ROW "
        f"WHEN {rule.broken} BEGIN SELECT RAISE(ABORT, '{rule.message}'); END"
    ]


def _postgresql(rule: Rule) -> list[str]:
    return [
        f"CREATE FUNCTION {rule.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {rule.broken} THEN RAISE EXCEPTION '{rule.message}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        f"CREATE TRIGGER {rule.name} BEFORE {rule.event} ON {rule.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {rule.name}()",
    ]
