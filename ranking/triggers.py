"""Rules between tables that a constraint cannot express, kept by triggers on SQLite and PostgreSQL.

SQLite's schema editor rebuilds a table to alter it and loses its triggers on the way. A migration
that alters one of these tables starts with `RunPython(remove, install)` and ends with
`RunPython(install, remove)`.
"""

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


def _item_exists(completion: str, comparison: str) -> str:
    matches = f"i.comparison_id = {comparison} AND i.completion_id = {completion}"
    return f"EXISTS (SELECT 1 FROM ranking_comparisonitem i WHERE {matches})"  # noqa: S608  (our own words)


def _changed(*columns: str) -> str:
    return " OR ".join(f"NEW.{column} <> OLD.{column}" for column in columns)


JUDGED_COMPARISON = "(SELECT j.comparison_id FROM ranking_judgment j WHERE j.id = NEW.judgment_id)"

RULES = (
    Rule(
        "seat_in_its_comparisons_round",
        "ranking_assignment",
        "INSERT",
        "NEW.round_id <> (SELECT c.round_id FROM ranking_comparison c WHERE c.id = NEW.comparison_id)",
        "a seat belongs to the round of its comparison",
    ),
    Rule(
        "item_answers_the_prompt",
        "ranking_comparisonitem",
        "INSERT",
        "(SELECT c.prompt_id FROM ranking_comparison c WHERE c.id = NEW.comparison_id) <> "
        "(SELECT a.prompt_id FROM annotator_completion a WHERE a.id = NEW.completion_id)",
        "a compared completion answers the prompt of the comparison",
    ),
    Rule(
        "items_fixed_once_judged",
        "ranking_comparisonitem",
        "INSERT",
        "EXISTS (SELECT 1 FROM ranking_judgment j WHERE j.comparison_id = NEW.comparison_id)",
        "a comparison that was judged gets no further completion",
    ),
    Rule(
        "item_unchanged",
        "ranking_comparisonitem",
        "UPDATE",
        _changed("comparison_id", "completion_id"),
        "the completions of a comparison do not change",
    ),
    Rule(
        "judgment_from_its_seat",
        "ranking_judgment",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM ranking_assignment a WHERE a.id = NEW.assignment_id "
        "AND a.comparison_id = NEW.comparison_id AND a.volunteer_id = NEW.volunteer_id)",
        "a judgment is given by the holder of a seat at its comparison",
    ),
    Rule(
        "judgment_unchanged",
        "ranking_judgment",
        "UPDATE",
        _changed("comparison_id", "assignment_id", "volunteer_id", "verdict"),
        "a judgment does not change",
    ),
    Rule(
        "rank_of_compared_completion",
        "ranking_rankedcompletion",
        "INSERT",
        f"NOT {_item_exists('NEW.completion_id', JUDGED_COMPARISON)}",
        "a ranked completion is part of the comparison",
    ),
    Rule(
        "rank_unchanged",
        "ranking_rankedcompletion",
        "UPDATE",
        _changed("judgment_id", "completion_id", "rank"),
        "a rank does not change",
    ),
    Rule(
        "flag_on_compared_completion",
        "ranking_flag",
        "INSERT",
        f"NOT {_item_exists('NEW.completion_id', JUDGED_COMPARISON)}",
        "a flagged completion is part of the comparison",
    ),
    Rule(
        "flag_unchanged",
        "ranking_flag",
        "UPDATE",
        _changed("judgment_id", "completion_id"),
        "a flag stays where it was put",
    ),
    Rule(
        "preference_within_comparison",
        "ranking_preference",
        "INSERT",
        f"NEW.comparison_id <> {JUDGED_COMPARISON} "
        f"OR NOT {_item_exists('NEW.chosen_id', 'NEW.comparison_id')} "
        f"OR NOT {_item_exists('NEW.rejected_id', 'NEW.comparison_id')}",
        "both completions of a preference are part of the comparison that was judged",
    ),
    Rule(
        "preference_unchanged",
        "ranking_preference",
        "UPDATE",
        _changed("judgment_id", "comparison_id", "chosen_id", "rejected_id"),
        "a preference does not change",
    ),
)


def install(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create every trigger; used as a migration's operation."""
    create = {"sqlite": _sqlite, "postgresql": _postgresql}[schema_editor.connection.vendor]
    for rule in RULES:
        for statement in create(rule):
            schema_editor.execute(statement, params=None)


def remove(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop every trigger; used as a migration's operation."""
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for rule in RULES:
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
