"""What is installed is named with its version and its hashes, and nothing else."""

import re
from pathlib import Path

import pytest
from django.conf import settings

FILES = sorted(Path(settings.BASE_DIR).glob("requirements*.txt"))
REQUIREMENT = re.compile(r"(#.*\n)*[a-z0-9.-]+==[a-z0-9.+]+( \\\n    --hash=sha256:[0-9a-f]{64})+\n")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_requirement_has_one_version_and_its_hashes(file):
    text = file.read_text()
    assert text and REQUIREMENT.sub("", text) == ""


def test_the_web_site_needs_a_part_of_what_everything_needs():
    everything, web = (
        set(re.findall(r"^\S+==\S+", Path(settings.BASE_DIR, name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-web.txt")
    )
    assert web < everything


def test_what_checks_the_project_is_not_installed_with_it():
    root = Path(settings.BASE_DIR)
    checks = re.findall(r"^[a-z][a-z-]+", (root / "requirements-dev.in").read_text(), re.MULTILINE)
    installed = re.findall(r"^([a-z0-9.-]+)==", (root / "requirements.txt").read_text(), re.MULTILINE)
    assert len(checks) > 10 and set(checks) & set(installed) == {"psutil"}  # accelerate's


def test_both_builds_of_torch_have_one_version():
    versions = [
        re.findall(r"^torch==([0-9.]+)", Path(settings.BASE_DIR, name).read_text(), re.MULTILINE)
        for name in ("requirements-cpu.txt", "requirements-cuda.txt", "requirements.in")
    ]
    assert versions[0] and versions[0] == versions[1] == versions[2]
