"""What answers for a project, as pages tell it."""

from dataclasses import dataclass

from annotator.models import Project
from training.models import (
    Export,
    ModelServer,
    ModelVersion,
    QueuePlace,
    Served,
    ServingSettings,
    UnpackedBase,
)
from training.services.base_models.control import unpacked_base_of


@dataclass(frozen=True)
class State:
    """The version that answers and the one that should; `problem` says why they differ, if that is known.

    `base` is the base model's unpacking while nothing can answer before it is done.
    """

    settings: ServingSettings
    live: ModelVersion | None
    answers: ModelVersion | None
    server: ModelServer | None
    problem: str
    export_failed: bool
    base: UnpackedBase | None

    @property
    def is_wanted(self) -> bool:
        return self.settings.audience != ServingSettings.Audience.NOBODY

    @property
    def is_public(self) -> bool:
        return self.settings.audience == ServingSettings.Audience.PUBLIC

    @property
    def is_stuck(self) -> bool:
        """Whether something failed, so that waiting alone may not help."""
        return bool(self.problem) or self.export_failed or (self.base is not None and not self.base.is_active)

    @property
    def under_way(self) -> int:
        """How many questions wait or are answered."""
        return QueuePlace.objects.alive().filter(server=self.server).count() if self.server else 0


def state_of(project: Project) -> State:
    served = Served.objects.filter(project=project).select_related("version", "server").first()
    live = ModelVersion.objects.live().filter(project=project).first()
    server = served.server if served else None
    export = Export.objects.filter(version=live).first()
    base = None if server or export else unpacked_base_of(project)
    return State(
        settings=ServingSettings.of(project),
        live=live,
        answers=served.version if served and server else None,
        server=server,
        problem=served.problem if served else "",
        export_failed=export is not None and export.state == Export.State.FAILED,
        base=base if base and base.state != base.State.SUCCEEDED else None,
    )
