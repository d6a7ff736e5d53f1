"""A site that runs while a migration adds columns: its prepared statements must not notice."""

import pytest
from django.db import connection

from ranking.services import claim_next
from tests.factories import make_member

from .desk import JSON, filled, to
from .making import make_round

EXECUTIONS = 5
"""More than settings' `prepare_threshold`."""

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans anew by itself"),
]


def add_a_column_to_every_table():
    tables = connection.introspection.django_table_names(only_existing=True)
    changes = "; ".join(f'ALTER TABLE "{table}" ADD COLUMN added_later integer' for table in tables)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no table is altered while checks of it wait
        # As a block: psycopg forgets its prepared statements when it sees that its own connection altered a
        # table, and a migration has another connection.
        cursor.execute(f"DO $$ BEGIN {changes}; END $$")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def judge(client, current, volunteer):
    assignment = claim_next(project=current.project, volunteer=volunteer)
    answer = client.post(to("judgment", assignment), filled(client, assignment, 1, 2, 3, have=""), **JSON)
    assert answer.status_code == 200, answer.text


def test_people_go_on_ranking_when_a_migration_adds_columns(client):
    current = make_round(prompts=EXECUTIONS + 4, answers=3)
    volunteer = make_member(current.project)
    client.force_login(volunteer)
    for _ in range(EXECUTIONS):
        judge(client, current, volunteer)
    add_a_column_to_every_table()
    judge(client, current, volunteer)
