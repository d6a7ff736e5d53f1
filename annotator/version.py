"""The version of Chorus."""

import tomllib
from pathlib import Path

from django.conf import settings


def chorus_version() -> str:
    with (Path(settings.BASE_DIR) / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])
