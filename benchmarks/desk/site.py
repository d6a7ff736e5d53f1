"""A site with so many open comparisons, served as in production, and the processor time that it takes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.desk.load import Site
from benchmarks.processes import ROOT, free_port
from benchmarks.volunteers import Volunteer

HOST = "chorus.example"
SLUG = "desk"
ANSWERS = 5
COMPARED = 4
GROUPS = tuple(combinations(range(ANSWERS), COMPARED))
BATCH = 2000
TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 300.0

QUESTION = "Question {n}: why does the sea rise faster on some coasts than on others, and what can a town do?"
ANSWER = """The sea rises unevenly for **three reasons** (answer {k} to question {n}):

- warm water takes more room, and the oceans do not warm everywhere alike;
- currents pile water up along some coasts, and a slowing current lets it come back;
- the land itself sinks where groundwater is pumped, or rises where ice has melted.

A town can measure first: a tide gauge of its own tells within years whether `3 mm` a year are 3 or 8."""


# Material


def make_comparisons(number: int, people: int, judgments: int) -> list[Volunteer]:
    """An open round with so many comparisons, of four out of five answers, and people who are signed in.

    A comparison has one assignment, or as many as it takes for that many judgments.
    """
    from django.conf import settings
    from django.utils import timezone

    from annotator.models import Author, Membership, Project, Role, User
    from ranking.models import Round

    assignments = max(1, -(-judgments // number))
    project = Project.objects.create(
        slug=SLUG,
        name="Desk",
        base_model="none",
        completions_per_comparison=COMPARED,
        judgments_per_comparison=assignments,
    )
    author = Author.objects.create(project=project, kind=Author.Kind.IMPORT, name="Benchmark")
    current = Round.objects.create(
        project=project,
        number=1,
        author=author,
        assignment_count=number * assignments,
        languages=["en"],
        opened_at=timezone.now(),
    )
    step = BATCH // len(GROUPS)
    last = -(-number // len(GROUPS))
    for first in range(0, last, step):
        _store(current, range(first, min(first + step, last)), number, assignments)
    users = User.objects.bulk_create(
        User(email=f"volunteer{n}@example.org", name=f"Volunteer {n}", password="!") for n in range(people)
    )
    Membership.objects.bulk_create(
        Membership(user=user, project=project, role=Role.VOLUNTEER, ready_at=timezone.now()) for user in users
    )
    cookie = settings.SESSION_COOKIE_NAME
    return [Volunteer(n, {cookie: _session(user)}) for n, user in enumerate(users)]


def _store(current: Any, questions: range, number: int, assignments: int) -> None:
    """Some questions with their answers, comparisons and assignments; none beyond `number`."""
    from annotator.models import Completion, Prompt
    from annotator.models.prompts import hash_messages, split_of
    from annotator.services.completions import hash_text
    from ranking.models import Assignment, Comparison, ComparisonItem

    def prompt(n: int) -> Prompt:
        messages = [{"role": "user", "content": QUESTION.format(n=n)}]
        digest = hash_messages(messages)
        return Prompt(
            project=current.project, number=n + 1, messages=messages,
            content_hash=digest, split=split_of(messages),
            search_text=messages[0]["content"].casefold(),
        )  # fmt: skip

    prompts = Prompt.objects.bulk_create([prompt(n) for n in questions])
    texts = [
        (each, ANSWER.format(n=n, k=k))
        for n, each in zip(questions, prompts, strict=True)
        for k in range(ANSWERS)
    ]
    completions = Completion.objects.bulk_create(
        [
            Completion(prompt=each, author=current.author, text=text, text_hash=hash_text(text))
            for each, text in texts
        ]
    )
    groups = [
        (each, [completions[ANSWERS * place + k] for k in group])
        for place, each in enumerate(prompts)
        for group in GROUPS
    ][: number - len(GROUPS) * questions[0]]
    comparisons = Comparison.objects.bulk_create(
        [Comparison(round=current, prompt=each) for each, _ in groups]
    )
    ComparisonItem.objects.bulk_create(
        ComparisonItem(comparison=comparison, completion=completion)
        for comparison, (_, group) in zip(comparisons, groups, strict=True)
        for completion in group
    )
    Assignment.objects.bulk_create(
        Assignment(round=current, comparison=comparison, number=number, language="en")
        for comparison in comparisons
        for number in range(assignments)
    )


def _session(user: Any) -> str:
    """The key of a new session of the user's."""
    from django.test import Client

    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    key = client.session.session_key
    assert key is not None
    return key


def settle() -> None:
    """What the database would do in its own time, done now, so that it does not fall into a phase.

    Without it PostgreSQL would go on with plans that it made for tables that were nearly empty.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def double_judged() -> int:
    """Comparisons with more judgments than assignments; the database should refuse every one."""
    from django.db.models import Count

    from ranking.models import Comparison

    counts = Comparison.objects.annotate(
        given=Count("judgments", distinct=True), most=Count("assignments", distinct=True)
    )
    return sum(1 for each in counts.filter(judgments__isnull=False) if each.given > each.most)


# Server


@contextmanager
def served(web: str) -> Iterator[tuple[Site, int]]:
    """The site behind the given command, once it answers, and the command's process id."""
    site = Site(free_port(), HOST)
    command = web.replace("${CHORUS_PORT:-8000}", str(site.port)).split()
    program = Path(sys.executable).with_name(Path(command[0]).name)
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen([program, *command[1:]], cwd=ROOT, stdout=log, stderr=log)
        headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
        deadline = time.monotonic() + _PATIENCE
        try:
            while True:
                try:
                    httpx2.get(f"http://127.0.0.1:{site.port}/account/login/", headers=headers, timeout=60)
                    break
                except httpx2.TransportError:
                    if running.poll() is not None or time.monotonic() > deadline:
                        log.seek(0)
                        sys.exit(f"The site did not start:\n{log.read()[-3000:]}")
                    time.sleep(0.2)
            yield site, running.pid
        finally:
            running.terminate()
            running.wait()
            log.seek(0)
            if words := log.read():
                print(words[-3000:], file=sys.stderr)


def production_web() -> str:
    """The Procfile's command of the web process."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return next(line.removeprefix("web: ") for line in lines if line.startswith("web: "))


# Processor time


def postmaster() -> int | None:
    """The process that all others of the PostgreSQL server descend from; None for SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(_stat(cursor.fetchone()[0])[1])


def processor_seconds(root: int) -> float:
    """What a process and all its descendants have used, those that have ended included."""
    processes: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                processes[int(entry.name)] = _stat(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile, and its parent has its time
    family, ticks = [root], 0
    for pid in family:
        family += [child for child, stat in processes.items() if int(stat[1]) == pid]
        ticks += sum(map(int, processes[pid][11:15]))
    return ticks / TICKS


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; utime to cstime are 11 to 14."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def busy_seconds() -> float:
    """What all processes of the machine have used since it started."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split(maxsplit=4)[1:4])
    return (user + nice + system) / TICKS
