"""Keeps a server running for each base model of which a version is live.

llama.cpp takes its adapters when it starts, so a version with a new one takes a new server: it is started and
checked, given the requests, and the old one ends when it has finished what it began. A server that has all
adapters that are wanted stays: going back to a version that it knows is a switch alone.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import DatabaseError

from training.models import ModelServer, QueuePlace
from training.services.serving.starting import SLOTS, Starting, UnlikeError
from training.services.serving.switching import drain_unused, stop_serving_others, switch, tell_problem
from training.services.serving.wanted import Made, Wanted, live_versions, wanted_versions
from training.serving.process import ServerFailedError, ServerProcess
from training.serving.upstream import ServerDownError, ServerRefusedError, is_healthy

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 600.0
HEALTH_SECONDS = 5.0
DEAF = 3
"""Times in a row that a server may not answer when it is asked for its health."""
LONGEST_DELAY = 60.0
STOP_SECONDS = 4.0
"""For what is being answered when the site stops; honcho waits five."""


class Running:
    """A server that is in the database, and its process."""

    def __init__(self, server: ModelServer, process: ServerProcess) -> None:
        self.server, self.process = server, process
        self.deaf, self.next_look = 0, time.monotonic() + HEALTH_SECONDS
        self.drains_until: float | None = None

    def look_after(self) -> None:
        """Kill the process when it has not answered several times."""
        if time.monotonic() < self.next_look:
            return
        self.deaf = 0 if is_healthy(self.server.address) else self.deaf + 1
        self.next_look = time.monotonic() + HEALTH_SECONDS
        if self.deaf >= DEAF:
            logger.error("The server at %s does not answer: it is started anew.", self.server)
            self.process.stop()

    def is_done(self) -> bool:
        """Whether it drains, and nobody waits for it any more."""
        self.server.refresh_from_db(fields=["is_draining"])
        if not self.server.is_draining:
            return False
        now = time.monotonic()
        self.drains_until = self.drains_until or now + DRAIN_SECONDS
        return now > self.drains_until or not QueuePlace.objects.alive().filter(server=self.server).exists()

    def end(self) -> None:
        self.server.delete()
        self.process.stop()


class Supervisor:
    """Call `tick` every second, and `close` at the end. Servers of an earlier one ended with it."""

    def __init__(self) -> None:
        self.running: list[Running] = []
        self.starting: dict[str, Starting] = {}
        self.refused: set[Made] = set()
        self.proven: set[frozenset[Made]] = set()
        self.delays: dict[str, tuple[float, float]] = {}
        self.threads = ThreadPoolExecutor(max_workers=4)
        ModelServer.objects.all().delete()

    def tick(self) -> None:
        """Bring what runs nearer to what is wanted."""
        if settings.SERVING_URL:
            self._point_at_endpoint()
        else:
            self._run_servers()

    def _run_servers(self) -> None:
        self._bury_the_dead()
        for base in [base for base, starting in self.starting.items() if starting.address.done()]:
            self._introduce(self.starting.pop(base))
        groups: dict[str, list[Wanted]] = defaultdict(list)
        for wanted in wanted_versions(self.refused):
            groups[wanted.export.base].append(wanted)
        stop_serving_others([each.version.project_id for group in groups.values() for each in group])
        for base, group in groups.items():
            self._serve(base, group)
        drain_unused()
        for each in [each for each in self.running if each.is_done()]:
            self.running.remove(each)
            each.end()

    def close(self) -> None:
        """Let what is being answered end, for a moment; then end all servers."""
        stop_serving_others([])
        drain_unused()
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and QueuePlace.objects.alive().exists():
            time.sleep(0.1)
        for each in self.running:
            each.end()
        for starting in self.starting.values():
            starting.process.stop()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _serve(self, base: str, group: Sequence[Wanted]) -> None:
        """Switch to a server that has all of a base's adapters, or see that one is started."""
        adapters = {each.export.adapter for each in group} - {""}
        for each in self.running:
            server = each.server
            if server.base == base and not server.is_draining and adapters <= set(server.adapters):
                switch(server, [one.version for one in group])
                return
        _, due = self.delays.get(base, (0.0, 0.0))
        if base not in self.starting and time.monotonic() >= due:
            proven = frozenset(each.made for each in group) in self.proven
            self.starting[base] = Starting(group, self.threads, proven=proven)

    def _introduce(self, starting: Starting) -> None:
        """Let a server that came up be found, or note why it did not."""
        base = starting.base
        try:
            address = starting.address.result()
        except UnlikeError as error:
            logger.error("%s is not served: %s", error.wanted.version, error)
            self.refused.add(error.wanted.made)
            tell_problem(error.wanted.version, str(error))
            starting.process.stop()
        except (ServerFailedError, ServerDownError, ServerRefusedError, OSError) as error:
            logger.exception("A server of %s did not come up", base)
            delay = min(LONGEST_DELAY, 2 * self.delays.get(base, (1.0, 0.0))[0])
            self.delays[base] = (delay, time.monotonic() + delay)
            for wanted in starting.wanted:
                tell_problem(wanted.version, str(error))
            starting.process.stop()
        else:
            self.delays.pop(base, None)
            self.proven.add(frozenset(each.made for each in starting.wanted))
            self._let_in(starting, address)

    def _let_in(self, starting: Starting, address: str) -> None:
        """Store a server, so that requests may go to it."""
        try:
            self.running.append(Running(_store(starting, address), starting.process))
        except DatabaseError:
            starting.process.stop()  # nobody would find it; the next one starts when the database is back
            raise

    def _bury_the_dead(self) -> None:
        for each in list(self.running):
            each.look_after()
            if not each.process.is_alive:
                logger.error("The server at %s has ended; the next one starts.", each.server)
                self.running.remove(each)
                each.server.delete()

    def _point_at_endpoint(self) -> None:
        """Let the endpoint of the settings answer for all live versions, under their names."""
        server, _ = ModelServer.objects.get_or_create(
            address=settings.SERVING_URL,
            defaults={"key": settings.SERVING_KEY, "slots": settings.SERVING_SLOTS},
        )
        versions = live_versions()
        stop_serving_others([version.project_id for version in versions])
        switch(server, versions)


def _store(starting: Starting, address: str) -> ModelServer:
    return ModelServer.objects.create(
        base=starting.base,
        adapters=starting.adapters,
        address=address,
        key=starting.settings.key,
        slots=SLOTS,
        context=starting.settings.context,
        control_tokens=starting.about["control_tokens"],
    )
