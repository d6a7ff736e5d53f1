"""While versions are released and taken back, each request is answered, by the old one or the new one."""

import threading
import time

from django.db import connection

from annotator.services.tokens import create_api_token
from tests.asking import Log, Release, asking
from tests.factories import coordinator_of
from tests.serving import wait_for
from tests.training.serving.making import make_talking, tick_until_served
from training.models import Served
from training.services.serving.supervisor import Supervisor
from training.services.versions.releases import release_version, roll_back

CLIENTS = 3
BETWEEN = 12


def test_no_request_is_lost_or_answered_by_a_third_version(transactional_db, live_server, talkers, settings):
    settings.ACCOUNT_RATE_LIMITS = {}
    supervisor, project = Supervisor(), make_talking(talkers)
    tick_until_served(supervisor, project.versions.get(number=0))
    token, log = create_api_token(user=coordinator_of(project)), Log([], [Release("version-0", 0.0)])
    stop = threading.Event()
    keeper = threading.Thread(target=keep, args=(supervisor, stop))
    keeper.start()
    try:
        with asking(str(live_server), token, project.slug, log, clients=CLIENTS):
            for number in (1, 2, 1):
                version = project.versions.get(number=number)
                seen = len(log.answers)
                wait_for(lambda seen=seen: len(log.answers) > seen + BETWEEN)
                release = Release(f"version-{number}", time.monotonic())
                log.releases.append(release)
                if number == 1 and len(log.releases) > 2:
                    roll_back(project=project, actor=None)
                else:
                    release_version(version=version, actor=coordinator_of(project))
                wait_for(lambda version=version: is_served(version))
                release.done = time.monotonic()
            seen = len(log.answers)
            wait_for(lambda: len(log.answers) > seen + BETWEEN)
    finally:
        stop.set()
        keeper.join()
    assert (log.failed, log.strange) == ([], [])
    assert all(len(texts) == 1 for texts in log.texts.values())
    assert len(set.union(*log.texts.values())) == 3


def keep(supervisor: Supervisor, stop: threading.Event) -> None:
    while not stop.is_set():
        supervisor.tick()
        time.sleep(0.1)
    supervisor.close()
    connection.close()


def is_served(version) -> bool:
    return Served.objects.filter(version=version, server__is_draining=False).exists()
