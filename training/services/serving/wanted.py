"""What should be served: the live version of each project, as far as it can be."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.db.models import QuerySet

from training.models import Export, ModelVersion, Served, ServingSettings
from training.models.exports import ExportedFile

Made = tuple[tuple[Path, int], ...]
NOBODY = ServingSettings.Audience.NOBODY


@dataclass(frozen=True)
class Wanted:
    """A version that should answer for its project, its export, and the files by part as they are now."""

    version: ModelVersion
    export: Export
    files: dict[str, ExportedFile]

    @property
    def made(self) -> Made:
        """Which files these are: others, if of the same names, when they were made anew."""
        return tuple((file.path, file.made_at) for file in self.files.values())


def live_versions() -> QuerySet[ModelVersion]:
    """The live version of each project that is to be served."""
    live = ModelVersion.objects.live().exclude(project__serving_settings__audience=NOBODY)
    return live.select_related("project", "export")


def wanted_versions(refused: Collection[Made] = ()) -> list[Wanted]:
    """For each served project its live version, or the one that is served as long as that one cannot be.

    It cannot be until its files are made; nor when they are `refused`, because a server answered with them
    unlike transformers.
    """
    served = {each.project_id: each.version for each in Served.objects.select_related("version__export")}
    found = []
    for version in live_versions():
        for each in (version, served.get(version.project_id)):
            export = getattr(each, "export", None)
            if each and export and export.is_whole:
                wanted = Wanted(each, export, export.files)
                if wanted.made not in refused:
                    found.append(wanted)
                    break
    return found
