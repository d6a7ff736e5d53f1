"""The systemd units: valid, confined, and starting what there is to start."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

ROOT = Path(settings.BASE_DIR)
UNITS = ROOT / "deploy" / "systemd"
HOME, PYTHON = "/srv/chorus", "/srv/chorus/.venv/bin/python"
MOST_EXPOSED = 20
"""What `systemd-analyze security` gives at most, in tenths: 100 is a service that may do anything."""


def services() -> list[Path]:
    return sorted(UNITS.glob("*.service"))


def command_of(service: Path) -> list[str]:
    """ExecStart without the interpreter."""
    (command,) = re.findall(r"^ExecStart=(.+)$", service.read_text(), re.MULTILINE)
    interpreter, *words = shlex.split(command)
    assert interpreter == PYTHON
    return words


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they were installed where this checkout is."""
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    for file in (each for each in tmp_path.rglob("*") if each.is_file()):
        file.write_text(file.read_text().replace(PYTHON, sys.executable).replace(HOME, str(ROOT)))
    return tmp_path


def analyze(units: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}
    return subprocess.run(["systemd-analyze", *words], env=environment, capture_output=True, text=True)


def test_systemd_accepts_the_units(units):
    files = [str(file) for file in units.glob("chorus*.*") if file.is_file()]
    done = analyze(units, "verify", *files)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_refuses_units_with_a_wrong_word(units):
    (units / "chorus-web.service").write_text("[Service]\nExecStart=/nowhere\nMemoryMax=much\n")
    assert analyze(units, "verify", str(units / "chorus-web.service")).stderr


@pytest.mark.parametrize("service", [service.name for service in services()])
def test_services_may_do_little(units, service):
    words = ("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(units / service))
    done = analyze(units, *words)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", services(), ids=lambda service: service.stem)
def test_services_start_what_there_is(service):
    match command_of(service):
        case ["-m", module, *_]:
            assert find_spec(module)
        case ["manage.py", name, *words]:
            command = load_command_class(get_commands()[name], name)
            command.create_parser("manage.py", name).parse_args(words)
        case words:
            pytest.fail(f"Neither a module nor a command: {words}")


def test_a_server_runs_the_processes_that_make_run_runs():
    lines = (ROOT / "Procfile").read_text().splitlines()
    processes = dict(line.split(": ", 1) for line in lines)
    for name, command in processes.items():
        expected = command.replace("${CHORUS_PORT:-8000}", "8000").removeprefix(".venv/bin/python ")
        assert shlex.join(command_of(UNITS / f"chorus-{name}.service")) == expected


def test_the_example_is_read_alike_by_systemd_and_by_a_shell():
    example = (ROOT / "deploy/env.example").read_text()
    lines = [line for line in example.splitlines() if line and not line.startswith("#")]
    # What is quoted has no quote, and nothing is outside of quotes: both take it as it stands.
    assert [line for line in lines if not re.fullmatch(r"[A-Z_]+='[^'\\]*'", line)] == []
