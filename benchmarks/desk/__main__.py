"""How many rankings the desk takes, how quickly, and what they cost, as the round grows.

    make bench-desk
    python -m benchmarks.desk [--databases sqlite postgresql] [--sizes 1000 100000] [--judgments 1500]

For each database and number of open comparisons a site of its own: settings and web process as in production
(the Procfile's server, https and hosts as behind a proxy, static files collected), all on this machine, the
volunteers' side included. PostgreSQL is a throw-away cluster that does not wait for the disk.

| phase | is |
|---|---|
| pages | all flat out, as without scripts: the page with a comparison, then the form, which redirects |
| script | all flat out, one call a judgment: the form, answered by the next comparison to hold ahead |
| thinking | as `pages`, with two seconds on average between page and form |

Prints judgments a second, p50, p95 and p99 of each call, errors, assignments that two people were shown
(there should be none), and processor milliseconds a judgment of the web server, of PostgreSQL and of the
volunteers' side. Before each phase a fixed piece of Python runs on all processors at once: what it takes
tells how fast the machine is at this moment, which on a shared one changes twofold. Then what grew with the
round. Writes build/bench/desk.json. `--sizes 1000 100000 1000000` makes the largest, too, several minutes of
it for the material.
"""

import argparse
import json
import logging
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.desk.load import Load, rank
from benchmarks.processes import ROOT

RESULTS = ROOT / "build/bench/desk.json"
TURNS_TO_WARM_UP = 16
REFERENCE = """
import time
seen, total, began = {}, 0, time.process_time()
for n in range(1_500_000):
    total += n % 7
    seen[n % 1000] = total
print(time.process_time() - began)
"""

Figures = dict[str, Any]


def main() -> None:
    options = parse()
    if options.worker:
        options.worker.write_text(json.dumps(measure(options)))
        return
    found = []
    with tempfile.TemporaryDirectory(prefix="chorus-desk-") as scratch:
        os.environ.update(environment(Path(scratch)))
        manage = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        subprocess.run(manage, cwd=ROOT, check=True)
        for database in options.databases:
            found += [run_worker(database, size, Path(scratch)) for size in options.sizes]
    growth(found)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    settings = {name: str(value) for name, value in vars(options).items() if name != "worker"}
    RESULTS.write_text(json.dumps({"settings": settings, "sites": found}, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--databases", nargs="+", choices=("sqlite", "postgresql"), default=("sqlite", "postgresql")
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 100_000], help="open comparisons")
    parser.add_argument("--people", type=int, default=32)
    parser.add_argument("--judgments", type=int, default=1500, help="of a phase flat out")
    parser.add_argument("--think", type=float, default=2.0, help="mean seconds between page and form")
    parser.add_argument(
        "--thoughts", type=int, default=640, help="judgments of the thinking phase; 0 leaves it out"
    )
    parser.add_argument("--web", help="another command for the web process than the Procfile's")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def environment(scratch: Path) -> dict[str, str]:
    from benchmarks.desk.site import HOST

    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CHORUS_ENV": "production",
        "CHORUS_HOSTS": HOST,
        "CHORUS_SECRET_KEY": secrets.token_hex(32),
        "CHORUS_DATA_DIR": str(scratch),
    }


def run_worker(database: str, size: int, scratch: Path) -> Figures:
    """One site in processes of its own, because a process has one database."""
    out = scratch / f"{database}-{size}.json"
    print(f"\n{database}, {size:,} open comparisons", flush=True)
    command = [
        sys.executable,
        "-m",
        "benchmarks.desk",
        *sys.argv[1:],
        "--sizes",
        str(size),
        "--worker",
        str(out),
    ]
    settings = dict(os.environ)
    if database == "postgresql":
        command.insert(0, ".ci/with-postgres")
    else:
        settings["DATABASE_URL"] = f"sqlite:///{scratch / f'{size}.sqlite3'}"
    subprocess.run(command, cwd=ROOT, env=settings, check=True)
    return {"database": database, "size": size, **json.loads(out.read_text())}


def measure(options: argparse.Namespace) -> Figures:
    """The phases at a new site in the database that the environment names."""
    import django

    django.setup()
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the site's settings log every request
    from django.core.management import call_command
    from django.db import connection
    from django.urls import reverse

    from benchmarks.desk import site as desk_site

    call_command("migrate", verbosity=0)
    warm_up = TURNS_TO_WARM_UP * options.people
    wanted = 2 * options.judgments + options.thoughts + warm_up + 3 * options.people
    began = time.perf_counter()
    volunteers = desk_site.make_comparisons(options.sizes[0], options.people, wanted)
    made_in = time.perf_counter() - began
    print(f"made in {made_in:.0f} seconds", flush=True)
    desk_site.settle()
    phases = {
        "pages": {"judgments": options.judgments},
        "script": {"judgments": options.judgments, "script": True},
        "thinking": {"judgments": options.thoughts, "think": options.think},
    }
    found: Figures = {"made_in": made_in, "phases": {}}
    postmaster = desk_site.postmaster()
    with desk_site.served(options.web or desk_site.production_web()) as (site, pid):
        desk = reverse("desk", args=[desk_site.SLUG])
        rank(site, desk, volunteers, judgments=warm_up)
        meters: dict[str, Callable[[], float]] = {"web": lambda: desk_site.processor_seconds(pid)}
        if postmaster:
            meters["database"] = lambda: desk_site.processor_seconds(postmaster)
        meters["volunteers"] = time.process_time
        meters["machine"] = desk_site.busy_seconds
        for seed, (name, how) in enumerate(phases.items()):
            if how["judgments"]:
                desk_site.settle()
                reference = reference_ms()
                before = {each: read() for each, read in meters.items()}
                load = rank(site, desk, volunteers, seed=seed, **how)
                used = {each: read() - before[each] for each, read in meters.items()}
                found["phases"][name] = {**figures(load, used), "reference_cpu_ms": reference}
                show(name, found["phases"][name])
    connection.close()
    found["double_judged"] = desk_site.double_judged()
    print(f"comparisons with more judgments than assignments: {found['double_judged']}")
    return found


def reference_ms() -> float:
    """Processor milliseconds of a fixed piece of Python, the mean over one process on each processor."""
    command = [sys.executable, "-c", REFERENCE]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(os.cpu_count() or 1)
    ]
    return 1000 * statistics.mean(float(process.communicate()[0]) for process in started)


def figures(load: Load, used: dict[str, float]) -> Figures:
    """What a phase came to: times in milliseconds, processor time in milliseconds a judgment."""
    own = sum(used.values()) - used["machine"]
    cpu = {name: 1000 * seconds / load.judgments for name, seconds in used.items() if name != "machine"}
    return {
        "judgments": load.judgments,
        "judgments_per_second": load.judgments / load.seconds,
        "next": quantiles(load.next),
        "submit": quantiles(load.submit),
        "errors": len(load.errors),
        "first_errors": load.errors[:5],
        "double_held": sum(len(people) > 1 for people in load.shown.values()),
        "cpu_ms": cpu,
        "server_cpu_ms": cpu["web"] + cpu.get("database", 0.0),
        "processors_for_others": (used["machine"] - own) / load.seconds,
    }


def quantiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [0.0] * 99
    return {name: 1000 * cuts[place] for name, place in (("p50", 49), ("p95", 94), ("p99", 98))}


def show(name: str, phase: Figures) -> None:
    calls = "  ".join(
        f"{call} " + " ".join(f"{phase[call][cut]:7.1f}" for cut in ("p50", "p95", "p99"))
        for call in ("next", "submit")
    )
    cpu = ", ".join(f"{each} {value:.2f}" for each, value in phase["cpu_ms"].items())
    print(f"{name:9}{phase['judgments_per_second']:7.1f}/s  {calls} ms", flush=True)
    print(
        f"{'':9}server {phase['server_cpu_ms']:5.2f} ms of processor time a judgment ({cpu}); errors "
        f"{phase['errors']}, double-held {phase['double_held']}; "
        f"others used {phase['processors_for_others']:.1f} processors; "
        f"the reference took {phase['reference_cpu_ms']:.0f} ms"
    )
    for error in phase["first_errors"]:
        print(f"  {error}")


def growth(sites: list[Figures]) -> None:
    """How p95 of next and the server's processor time grew over the smallest round of the same database."""
    for site in sites:
        first = min(
            (each for each in sites if each["database"] == site["database"]), key=lambda each: each["size"]
        )
        for name, phase in site["phases"].items():
            one = first["phases"][name]
            phase["growth"] = {"server_cpu": phase["server_cpu_ms"] / one["server_cpu_ms"]}
            if one["next"]["p95"]:
                phase["growth"]["next_p95"] = phase["next"]["p95"] / one["next"]["p95"]
        if site is not first:
            grown = "; ".join(
                f"{name}: " + ", ".join(f"{each} {ratio:.2f}" for each, ratio in phase["growth"].items())
                for name, phase in site["phases"].items()
            )
            print(f"{site['database']}, {first['size']:,} to {site['size']:,}: {grown}")


if __name__ == "__main__":
    main()
