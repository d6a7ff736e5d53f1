"""A bounded queue before each server, in the database and so one for all web processes.

Who came first is answered first. Nobody is let in who would come after `MOST_WAITING`, and of one person only
`AT_ONCE` at a time, so that one program cannot take all places.
"""

import time
from collections.abc import Iterator

from django.db import IntegrityError

from annotator.errors import RefusedError
from annotator.models import Project
from training.models import ModelServer, QueuePlace, Served

MOST_WAITING = 16
AT_ONCE = 12
LOOK_SECONDS = 0.3
RENEW_SECONDS = 5.0


class NotServedError(RefusedError):
    """No server answers for the project just now."""


class BusyError(RefusedError):
    """Too many wait already."""


class Place:
    """A place at the server that answers for a version; see `take_place`."""

    def __init__(self, served: Served, server: ModelServer, row: QueuePlace) -> None:
        self.server, self.row = server, row
        assert served.version
        self.project, self.version = served.project, served.version
        self.renewed = time.monotonic()

    @property
    def waiting(self) -> int:
        """Its number among those who wait; 0 when it is answered."""
        return max(0, self.row.ahead() - self.server.slots + 1)

    def wait(self) -> Iterator[int]:
        """Its number, now and again, until it is answered."""
        while number := self.waiting:
            yield number
            self.hold()
            time.sleep(LOOK_SECONDS)

    def hold(self) -> None:
        """Show that its web process lives; call it at least every few seconds."""
        if time.monotonic() - self.renewed > RENEW_SECONDS:
            self.row.renew()
            self.renewed = time.monotonic()

    def end(self) -> None:
        """Let the next one have it; done again, nothing happens."""
        QueuePlace.objects.filter(pk=self.row.pk).delete()


def take_place(*, project: Project, who: str) -> Place:
    """A place at the server that answers for the project now; the caller ends it.

    Raises NotServedError when there is none, and BusyError when too many wait.
    """
    while True:
        served = Served.objects.select_related("project", "server", "version").filter(project=project).first()
        if served is None or served.server is None:
            raise NotServedError(served.problem if served else "")
        server = served.server
        if QueuePlace.objects.alive().filter(who=who).count() >= AT_ONCE:
            raise BusyError
        try:
            place = Place(served, server, QueuePlace.objects.create(server=server, who=who))
        except IntegrityError:  # it has ended since
            continue
        # Whoever ends a server marks it first, and then looks for places: so one of us sees the other.
        if ModelServer.objects.filter(pk=server.pk, is_draining=False).exists():
            break
        place.end()
    if place.waiting > MOST_WAITING:
        place.end()
        raise BusyError
    return place
