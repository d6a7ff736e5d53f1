"""Which server answers for which version, in the database: a request sees the old one or the new."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from training.models import ModelServer, ModelVersion, Served


@transaction.atomic
def switch(server: ModelServer, versions: Iterable[ModelVersion]) -> None:
    """Let a server answer for versions from now on."""
    for version in versions:
        served, _ = Served.objects.get_or_create(project_id=version.project_id)
        # Of another version than the live one the page goes on to say why it is served.
        problem = "" if version.state == ModelVersion.State.LIVE else served.problem
        if (served.server_id, served.version_id, served.problem) != (server.pk, version.pk, problem):
            if served.version_id != version.pk:
                served.since = timezone.now()
            served.server, served.version, served.problem = server, version, problem
            served.save()


def stop_serving_others(projects: Iterable[int]) -> None:
    """Let nothing answer for any project but these."""
    others = Served.objects.exclude(project__in=projects)
    if others.exists():
        others.delete()


def drain_unused() -> None:
    """Mark the servers that answer for nothing: they end when their last place does."""
    unused = ModelServer.objects.filter(serves=None, is_draining=False)
    if unused.exists():
        unused.update(is_draining=True)


def tell_problem(version: ModelVersion, problem: str) -> None:
    """Show on the project's pages why its live version is not served; what is served goes on."""
    Served.objects.update_or_create(project_id=version.project_id, defaults={"problem": problem})
