from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models.signals import post_migrate


def is_up_to_date(connection: BaseDatabaseWrapper, label: str) -> bool:
    """Whether all migrations of the app have been applied: not so when somebody migrates back."""
    loader = MigrationLoader(connection)
    return set(loader.graph.leaf_nodes(label)) <= loader.applied_migrations.keys()


class AnnotatorConfig(AppConfig):
    name = "annotator"
    verbose_name = "People and material"

    def ready(self) -> None:
        from .services.projects import ask_anew_after_upgrade
        from .sign_in import receivers  # noqa: F401 - registers them
        from .triggers import RULES, keep_rules

        keep_rules(self, RULES)

        def ask_anew(using: str, **_signal: Any) -> None:
            if using == DEFAULT_DB_ALIAS and is_up_to_date(connections[using], self.label):
                ask_anew_after_upgrade()

        # Every new version of Chorus is followed by `migrate`, whether there is something to migrate or not.
        post_migrate.connect(ask_anew, sender=self, weak=False)
