"""Starting a server and checking it, in a thread: loading a model takes seconds or minutes."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

from training.models.exports import ExportedFile, exports_folder
from training.rlhf.rundir import sha256_of
from training.services.serving.wanted import Wanted
from training.serving.parity import unlike
from training.serving.process import ServerFailedError, ServerProcess, new_key
from training.serving.server import ServerSettings, answering_by

SLOTS = 4
MOST_CONTEXT = 2048
"""Tokens; each slot takes memory for so many."""
LOAD_SECONDS = 600.0
NEVER = -1


class UnlikeError(Exception):
    """A server answers for a version otherwise than transformers does."""

    def __init__(self, wanted: Wanted, sentence: str) -> None:
        super().__init__(sentence)
        self.wanted = wanted


class Starting:
    """A server of one base with the adapters of some versions, on its way to an address."""

    def __init__(self, wanted: Sequence[Wanted], threads: ThreadPoolExecutor, *, proven: bool) -> None:
        self.wanted = wanted
        self.base = wanted[0].export.base
        self.adapters = sorted({each.export.adapter for each in wanted} - {""})
        self.about = wanted[0].files["base"].about
        context = min(MOST_CONTEXT, self.about["context"] or MOST_CONTEXT)
        paths = [str(exports_folder() / f"{stem}.gguf") for stem in (self.base, *self.adapters)]
        self.settings = ServerSettings(
            model=paths[0],
            adapters=tuple(paths[1:]),
            key=new_key(),
            slots=SLOTS,
            context=context,
            threads=settings.SERVING_THREADS,
            sleep=settings.SERVING_SLEEP or NEVER,
        )
        self.process = ServerProcess(self.settings)
        self.address: Future[str] = threads.submit(self._start, [] if proven else wanted)

    def _start(self, unproven: Sequence[Wanted]) -> str:
        """In a thread: nothing here reads the database, to which it would have a connection of its own."""
        for file in {file.path: file for each in unproven for file in each.files.values()}.values():
            _check(file)
        address = self.process.load(LOAD_SECONDS)
        for wanted in unproven:
            chosen = wanted.export.adapter
            references = wanted.files["adapter" if chosen else "base"].about["references"]
            answering = answering_by(self.adapters, chosen)
            sentence = unlike(address, self.settings.key, answering, references)
            if sentence:
                raise UnlikeError(wanted, sentence)
        return address


def _check(file: ExportedFile) -> None:
    """Raise ServerFailedError unless a file is what the engine wrote: a flipped bit would load."""
    if sha256_of(file.path) != file.sha256:
        raise ServerFailedError(f"{Path(file.path).name} is damaged: delete it, and it is made again")
