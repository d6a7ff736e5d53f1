"""Which reward models were trained on which datasets, as the runs' own recipes say."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from annotator.models import Project, Split
from ranking.models import Dataset
from ranking.services.dataset_rows import file_name
from training.models import ModelVersion, TrainingRun


@dataclass(frozen=True)
class Learned:
    """A reward model that was trained on a dataset, and the version that was made with it, if one was."""

    run: TrainingRun
    dataset: int

    @property
    def version(self) -> ModelVersion | None:
        return self.run.update.candidate if self.run.update else None


def learned_of(project: Project) -> dict[int, list[Learned]]:
    """By the number of a dataset what was trained on it, the oldest first; one query.

    An update that was tried again may have had another dataset before: each run names its own.
    """
    runs = TrainingRun.objects.filter(
        project=project, stage=TrainingRun.Stage.REWARD, state=TrainingRun.State.SUCCEEDED
    ).select_related("update__candidate")
    found = defaultdict(list)
    for run in runs.order_by("pk"):
        if number := dataset_of(run):
            found[number].append(Learned(run, number))
    return found


def dataset_of(run: TrainingRun) -> int | None:
    """The number of the dataset whose file a reward model was trained on."""
    path = PurePath(str(input_of(run, Split.TRAIN).get("path", "")))
    number = path.parent.name
    return int(number) if path.name == file_name(Split.TRAIN) and number.isdecimal() else None


def input_of(run: TrainingRun, split: str) -> dict[str, Any]:
    """{path, sha256} of the file of a split that a reward model was given; empty for none."""
    given = run.recipe.get("dataset" if split == Split.TRAIN else "held_out")
    return given if isinstance(given, dict) else {}


def had_file(run: TrainingRun, dataset: Dataset, split: str) -> bool:
    """Whether what the run was given is, byte for byte, the file that the dataset's manifest names."""
    given = input_of(run, split).get("sha256")
    return given is not None and given == dataset.manifest["files"].get(file_name(split), {}).get("sha256")
