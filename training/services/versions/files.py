"""The adapters of versions: copied from run directories, complete or not at all, and checked before use."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from training.models import ModelVersion, TrainingRun, Update
from training.models.runs import ADAPTER_WEIGHTS
from training.rlhf.rundir import sha256_of, sync_tree

# Named one by one: nothing else that a stage left in its output belongs to a version, pickles least of all.
ADAPTER_FILES = ("adapter_config.json", ADAPTER_WEIGHTS)
# The model card, the base model that the adapter belongs to, the prompts that a reward model was trained on;
# runs of earlier versions may lack them.
CARD = "README.md"
DESCRIPTIONS = (CARD, "base.json", "seen_prompts.json")


@contextmanager
def staged_adapters(update: Update, adapters: dict[str, TrainingRun], folder: Path) -> Iterator[Path]:
    """Copy each run's adapter to NAME/ in a temporary folder below `folder`, verified and synced.

    What is not put in place within the block is removed after it. The update's lease is renewed while files
    are copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f".update-{update.pk}-*"):  # by a worker that died, or lost its lease
        shutil.rmtree(left, ignore_errors=True)
    staged = folder / f".update-{update.pk}-{update.lease}"
    try:
        for name, run in adapters.items():
            _copy(update, run, staged / name)
        sync_tree(staged)
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def copy_adapter(folder: Path, target: Path, *, more_on_card: str) -> None:
    """Copy a version's adapter to a folder that is made anew, with more on its model card; synced."""
    shutil.rmtree(target.parent, ignore_errors=True)  # what somebody left who was killed
    target.mkdir(parents=True)
    there = [name for name in DESCRIPTIONS if (folder / name).is_file()]
    for name in (*ADAPTER_FILES, *there):
        shutil.copyfile(folder / name, target / name)
    with open(target / CARD, "a", encoding="utf-8") as card:
        card.write(more_on_card)
    sync_tree(target.parent)


def put_in_place(staged: Path, target: Path) -> None:
    """Give staged files their name; a target that no version was recorded for is replaced."""
    if target.exists():
        shutil.rmtree(target)
    os.rename(staged, target)
    parent = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def adapter_sha256(run: TrainingRun) -> str:
    """The checksum of the adapter's weights, as the engine reported it."""
    return _reported(run, run.adapter_dir / ADAPTER_WEIGHTS)


def check_adapter(version: ModelVersion) -> None:
    """Refuse a version whose weights are gone, or changed since they were published.

    safetensors loads a file with a flipped bit without a word.
    """
    if version.adapter_dir is None or not version.adapter_sha256:
        return
    with suppress(OSError):
        if sha256_of(version.adapter_dir / ADAPTER_WEIGHTS) == version.adapter_sha256:
            return
    words = _(
        "The weights of %(version)s are gone, or are not what was published. Restore the folder %(folder)s "
        "from a backup, or make another version live."
    )
    raise RefusedError(words % {"version": version, "folder": Path(version.adapter_path).parent})


def _copy(update: Update, run: TrainingRun, folder: Path) -> None:
    # The members of a reward ensemble lie side by side, with one of each description and no adapter.
    members = sorted(run.adapter_dir.glob("member-*")) or [run.adapter_dir]
    sources = [member / name for member in members for name in ADAPTER_FILES]
    sources += [run.adapter_dir / name for name in DESCRIPTIONS if _reported(run, run.adapter_dir / name)]
    for source in sources:
        target = folder / source.relative_to(run.adapter_dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        update.renew()
        shutil.copyfile(source, target)
        if sha256_of(target) != _reported(run, source):
            raise RefusedError(
                f"{source.name} of {run} is not what the engine wrote (its checksum differs): nothing was "
                "published. Check the disk, then run a new update."
            )


def _reported(run: TrainingRun, path: Path) -> str:
    return run.result["files"].get(path.relative_to(run.folder / "output").as_posix(), "")
