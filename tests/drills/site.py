"""A site as it is in use, for drills: the Procfile's processes, and what they cost."""

import os
import secrets
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from tests.serving import ROOT, create_database, free_port, wait_for

COMMANDS = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
MIB = 1024**2


@dataclass
class Site:
    """A site in a folder of its own; what a process prints is in `folder/NAME.log`."""

    folder: Path
    port: int
    env: dict[str, str]
    commands: dict[str, str]
    running: dict[str, psutil.Popen] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> str:
        """What one of the site's commands prints; it must succeed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, code: str) -> str:
        """What this code prints when it runs inside the site."""
        return self.manage("shell", "--verbosity", "0", "-c", code)

    def start(self, name: str = "web") -> psutil.Popen:
        """One of the Procfile's processes, as the leader of a process group; the web once it answers."""
        command = self.commands[name].replace("${CHORUS_PORT:-8000}", str(self.port))
        with (self.folder / f"{name}.log").open("a") as log:
            process = psutil.Popen(
                shlex.split(command), cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        self.running[name] = process
        if name == "web":
            wait_for(lambda: process.poll() is not None or self.answers())
            assert process.poll() is None, self.log(name)
        return process

    def answers(self) -> bool:
        """Whether the web process does, whatever it says: in production it wants its proxy."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/account/login/")
            connection.getresponse()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        return True

    def log(self, name: str = "web") -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        """End all that runs; what leaves a process behind is killed with its group."""
        for process in self.running.values():
            process.terminate()
        psutil.wait_procs(self.running.values(), timeout=10)
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def make_site(folder: Path, web: str | None = None, **settings: str) -> Site:
    """A site with an empty, migrated database: SQLite, or a new one where DATABASE_URL points.

    `web` is another command than the Procfile's, `settings` are added to the environment.
    """
    port = free_port()
    env = os.environ | {
        "CHORUS_ENV": "local",
        "CHORUS_SECRET_KEY": secrets.token_hex(32),
        "CHORUS_DATA_DIR": str(folder),
        "CHORUS_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        **settings,
    }
    env.pop("DJANGO_SETTINGS_MODULE", None)
    if os.environ.get("DATABASE_URL"):
        env["DATABASE_URL"] = create_database(f"chorus_drill_{secrets.token_hex(4)}")
    site = Site(folder, port, env, COMMANDS | ({"web": web} if web else {}))
    site.manage("migrate", "--verbosity", "0")
    site.manage("collectstatic", "--noinput", "--verbosity", "0")
    return site


@dataclass(frozen=True)
class Usage:
    """What a process and its descendants hold."""

    mib: float
    files: int
    processes: int


def usage(process: psutil.Process) -> Usage:
    family = [process, *process.children(recursive=True)]
    return Usage(
        mib=sum(each.memory_full_info().uss for each in family) / MIB,
        files=sum(each.num_fds() for each in family),
        processes=len(family),
    )
