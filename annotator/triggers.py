"""Rules that a constraint cannot express, kept by triggers on SQLite and PostgreSQL.

`migrate` drops them before it changes tables and creates them again when it is done: SQLite's schema editor
rebuilds a table to alter it and loses its triggers on the way. Code of our own because django-pgtrigger
knows PostgreSQL only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate, pre_migrate


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
    # Erasing an account leaves out who it was, and their address. There is no rule against deleting rows,
    # which nothing in the code does: a test that empties SQLite's tables deletes them, too.
    Rule(
        "audit_row_stays",
        "annotator_auditevent",
        "UPDATE",
        f"({changed('project_id', 'verb', 'target', 'created_at')} "
        "OR (NEW.actor_id IS NOT NULL AND (OLD.actor_id IS NULL OR NEW.actor_id <> OLD.actor_id)) "
        "OR (NEW.data <> OLD.data AND COALESCE(NEW.data ->> 'email', '-') <> ''))",
        "the log is only added to",
    ),
)


def keep_rules(app: AppConfig, rules: tuple[Rule, ...]) -> None:
    """Let every `migrate` that changes something end with these rules of an app's tables in the database."""

    def drop(using: str, plan: object = None, **_signal: Any) -> None:
        if plan:
            drop_triggers(app.label, connections[using])

    def create(using: str, plan: object = None, **_signal: Any) -> None:
        if plan:
            create_triggers(rules, connections[using])

    pre_migrate.connect(drop, sender=app, weak=False)
    post_migrate.connect(create, sender=app, weak=False)


def create_triggers(rules: Iterable[Rule], connection: BaseDatabaseWrapper) -> None:
    """Create the triggers of these rules; one whose table does not exist yet is passed over."""
    statements = {"sqlite": _sqlite, "postgresql": _postgresql}[connection.vendor]
    tables = set(connection.introspection.table_names())
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for rule in rules:
            if rule.table in tables:
                for statement in statements(rule):
                    cursor.execute(statement)


def drop_triggers(label: str, connection: BaseDatabaseWrapper) -> None:
    """Drop all triggers on the tables of an app, also those of rules that are no more."""
    is_postgresql = connection.vendor == "postgresql"
    find = _FIND_ON_POSTGRESQL if is_postgresql else _FIND_ON_SQLITE
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(find, [f"{label}\\_%"])
        for name, table in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name} ON {table}" if is_postgresql else f"DROP TRIGGER {name}")
            if is_postgresql:
                cursor.execute(f"DROP FUNCTION {name}()")


_FIND_ON_SQLITE = """SELECT name, tbl_name FROM sqlite_master
WHERE type = 'trigger' AND tbl_name LIKE %s ESCAPE '\\'"""
_FIND_ON_POSTGRESQL = """SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relname LIKE %s
AND c.relnamespace = current_schema()::regnamespace"""


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
