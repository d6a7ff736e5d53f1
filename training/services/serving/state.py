"""What answers for a project, as pages tell it."""

from dataclasses import dataclass

from annotator.models import Project
from training.models import Export, ModelVersion, QueuePlace, Served, ServingSettings


@dataclass(frozen=True)
class State:
    """The version that answers and the one that should; `problem` says why they differ, if that is known."""

    settings: ServingSettings
    live: ModelVersion | None
    answers: ModelVersion | None
    problem: str
    export_failed: bool
    under_way: int

    @property
    def is_wanted(self) -> bool:
        return self.settings.audience != ServingSettings.Audience.NOBODY

    @property
    def is_public(self) -> bool:
        return self.settings.audience == ServingSettings.Audience.PUBLIC


def state_of(project: Project) -> State:
    served = Served.objects.filter(project=project).select_related("version", "server").first()
    live = ModelVersion.objects.live().filter(project=project).first()
    server = served.server if served else None
    export = Export.objects.filter(version=live).first()
    return State(
        settings=ServingSettings.of(project),
        live=live,
        answers=served.version if served and server else None,
        problem=served.problem if served else "",
        export_failed=export is not None and export.state == Export.State.FAILED,
        under_way=QueuePlace.objects.alive().filter(server=server).count() if server else 0,
    )
