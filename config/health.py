"""What a monitor asks: whether the process lives, and whether the site can be used."""

import logging
import tempfile
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)


@require_safe
@never_cache
@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nothing of the database."""
    return _plain("The process lives.\n")


@require_safe
@never_cache
@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """200, or 503 and a line for each thing that is wrong. Why it is wrong is in the log only."""
    wrong = [line for check in CHECKS if (line := check())]
    return _plain("\n".join([*wrong, ""]), status=503) if wrong else _plain("The site is ready.\n")


def check_database() -> str:
    """What is wrong with the database and its tables; empty when nothing is."""
    try:
        waiting = _count_migrations()
    except DatabaseError:
        logger.exception("The database does not answer")
        return "The database does not answer."
    return f"Migrations that are not applied: {waiting}. Run manage.py migrate." if waiting else ""


def check_data_folder() -> str:
    """What is wrong with the data folder; empty when nothing is."""
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR) as file:
            file.write(b"The disk has room for this.")
    except OSError:
        logger.exception("The data folder cannot be written to")
        return "The data folder cannot be written to."
    return ""


CHECKS: tuple[Callable[[], str], ...] = (check_database, check_data_folder)


def _count_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _plain(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
