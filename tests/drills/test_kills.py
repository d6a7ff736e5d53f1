"""Kills at random moments while people rank and updates run: nothing that was acknowledged is lost."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from tests.serving import wait_for

from .people import make_people, ranking, stored_keys
from .site import Site
from .tables import show
from .updates import check_runs, in_a_hurry, make_updatable, schedule_updates, start_update, wait_for_the_end

PEOPLE = 8
STOPPED_FOR = 8.0
"""Seconds, longer than a lease in a hurry."""


class Killer:
    """Kills and stops processes of a site, and starts again what supervision would."""

    def __init__(self, site: Site, names: list[str], seed: int) -> None:
        self.site, self.names = site, names
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.stopped: list[tuple[float, psutil.Process]] = []

    def strike(self) -> None:
        """One kill, or one stop, of something chosen at random."""
        acts = (
            self.kill_web_child,
            self.kill_web,
            self.kill_named,
            self.kill_engine,
            self.kill_checkpointing,
        )
        self.chance.choices((*acts, self.stop_worker), weights=(3, 1, 2, 2, 2, 1))[0]()
        self.wake()

    def kill_web_child(self) -> None:
        self._kill("web child", self.site.running["web"].children())

    def kill_web(self) -> None:
        self.site.running["web"].kill()
        self.site.running["web"].wait()
        self.site.start("web")
        self.done["web"] += 1

    def kill_named(self, kind: str = "") -> None:
        name = self.chance.choice([name for name in self.names if name.startswith(kind)])
        self.site.running[name].kill()
        self.site.running[name].wait()
        self.site.start(name)
        self.done[name.partition("-")[0]] += 1

    def kill_engine(self) -> None:
        self._kill("engine", self._engines())

    def kill_checkpointing(self) -> None:
        """An engine or its worker, while a checkpoint is written."""
        until = time.monotonic() + 3
        while time.monotonic() < until:
            if engines := [each for each in self._engines() if _is_checkpointing(each)]:
                victims = [*engines, *(each.parent() for each in engines)]
                self._kill("mid-checkpoint", [each for each in victims if each is not None])
                psutil.wait_procs(engines, timeout=5)
                return
            time.sleep(0.005)

    def stop_worker(self) -> None:
        workers = [self.site.running[name] for name in self.names if name.startswith("worker")]
        if not self.stopped:
            worker = self.chance.choice(workers)
            worker.send_signal(signal.SIGSTOP)
            self.stopped.append((time.monotonic() + STOPPED_FOR, worker))
            self.done["worker stopped"] += 1

    def wake(self, *, all_of_them: bool = False) -> None:
        """Let stopped workers go on, and start those anew that are no more."""
        for entry in list(self.stopped):
            if all_of_them or time.monotonic() > entry[0]:
                self.stopped.remove(entry)
                with suppress(psutil.NoSuchProcess):
                    entry[1].send_signal(signal.SIGCONT)
        for name in self.names:
            if self.site.running[name].poll() is not None:
                self.site.start(name)

    def busy_workers(self) -> list[psutil.Process]:
        """Those that have an engine at work."""
        return [worker for engine in self._engines() if (worker := engine.parent()) is not None]

    def _engines(self) -> list[psutil.Process]:
        workers = [self.site.running[name] for name in self.names if name.startswith("worker")]
        children = [child for worker in workers if worker.is_running() for child in worker.children()]
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def _kill(self, what: str, victims: list[psutil.Process]) -> None:
        if victims:
            with suppress(psutil.NoSuchProcess):
                self.chance.choice(victims).kill()
                self.done[what] += 1


def _is_checkpointing(engine: psutil.Process) -> bool:
    with suppress(psutil.Error, OSError):
        return any(
            ".tmp-" in os.readlink(f"/proc/{engine.pid}/fd/{fd}")
            for fd in os.listdir(f"/proc/{engine.pid}/fd")
        )
    return False


def make_update_under_way(site: Site, *, workers: int) -> Killer:
    """An update that workers with a clock are at."""
    people = make_people(site, people=2, prompts=20)
    make_updatable(site)
    with ranking(site, people) as answers:
        wait_for(lambda: len(answers.keys) > 10)
    names = in_a_hurry(site, workers=workers)
    for name in names:
        site.start(name)
    start_update(site)
    return Killer(site, names, seed=12)


@pytest.mark.both_databases
def test_kills_at_random_moments(site: Site, minutes: float):
    """Two workers, two clocks, an update every minute, eight people; about every second something dies."""
    people = make_people(site, people=PEOPLE, prompts=round(400 * (1 + minutes)))
    make_updatable(site)
    schedule_updates(site)
    names = in_a_hurry(site, workers=2, clocks=2)
    for name in names:
        site.start(name)
    killer = Killer(site, names, seed=12)
    with ranking(site, people, think=0.4) as answers:
        wait_for(lambda: len(answers.keys) > PEOPLE)
        start_update(site)
        until = time.monotonic() + 60 * minutes
        while time.monotonic() < until:
            killer.strike()
            time.sleep(killer.chance.uniform(0.2, 1.0))
        killer.wake(all_of_them=True)
    schedule_updates(site, enabled=False)
    found = wait_for_the_end(site)
    stored = stored_keys(site)
    slots = Counter(update["slot"] for update in found["updates"] if update["slot"])
    show("Killed, while people ranked and updates ran", [{**killer.done, "all": killer.done.total()}])
    show(
        "What came of it",
        [
            {
                "acknowledged": len(answers.keys),
                "sent again": answers.interrupted,
                "lost": len(answers.keys - set(stored)),
                "doubled": len(stored) - len(set(stored)),
                "updates": len(found["updates"]),
                **Counter(update["state"] for update in found["updates"]),
                "taken over": sum(run["attempt"] > 1 for run in found["runs"]),
                "slots run twice": sum(times > 1 for times in slots.values()),
                "checkpoints, all whole": check_runs(site),
            }
        ],
    )
    assert answers.keys and answers.keys <= set(stored), answers.keys - set(stored)
    assert len(stored) == len(set(stored))
    assert answers.refused == []
    assert all(times == 1 for times in slots.values())
    assert all(update["state"] == "succeeded" for update in found["updates"])


def test_kills_in_the_middle_of_checkpoints(site: Site, minutes: float):
    """Engine or worker die while a checkpoint is written, again and again; the update gets to its end."""
    killer = make_update_under_way(site, workers=1)
    until = time.monotonic() + 30 * minutes
    while time.monotonic() < until:
        killer.kill_checkpointing()
        killer.wake()
    found = wait_for_the_end(site)
    left = len(list(site.folder.glob("runs/*/checkpoints/*.tmp-*")))
    row = {
        "killed mid-checkpoint": killer.done.total(),
        "attempts": sum(run["attempt"] for run in found["runs"]),
        "tried again": found["tried_again"],
        "checkpoints, all whole": check_runs(site),
        "torn ones left": left,
        **Counter(update["state"] for update in found["updates"]),
    }
    show("Killed in the middle of a checkpoint", [row])
    assert killer.done.total() > 0 and left == 0
    assert found["updates"][0]["state"] == "succeeded"


@pytest.mark.both_databases
def test_stopped_workers_are_replaced(site: Site):
    """The worker at work is stopped three times, for longer than its lease; nothing fails by that."""
    killer = make_update_under_way(site, workers=2)
    rows = []
    for _ in range(3):
        # One that has woken ends its engine when it finds its lease lost, which may take a moment.
        wait_for(lambda: len(killer.busy_workers()) == 1)
        (worker,) = killer.busy_workers()
        began = time.monotonic()
        worker.send_signal(signal.SIGSTOP)
        wait_for(lambda worker=worker: set(killer.busy_workers()) - {worker})
        rows.append(
            {
                "stopped": f"process {worker.pid}",
                "another went on after s": round(time.monotonic() - began, 1),
            }
        )
        time.sleep(1)
        worker.send_signal(signal.SIGCONT)
        time.sleep(1)
    found = wait_for_the_end(site)
    check_runs(site)
    show("A worker was stopped, not dead", rows)
    print("   update", found["updates"][0]["state"], "- tried again", found["tried_again"], "times")
    assert (found["updates"][0]["state"], found["tried_again"]) == ("succeeded", 0)
