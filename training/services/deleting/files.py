"""Deleting files of a project or a version that nobody needs any more."""

import logging
import shutil
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def put_aside(folder: Path, project_id: int) -> Path:
    """Give a folder another name, so that a project with the same address finds none; returns where it is."""
    aside = folder.with_name(f".deleted-{project_id}")
    try:
        folder.rename(aside)
    except FileNotFoundError:
        pass
    except OSError:
        logger.exception("%s could not be put aside", folder)
        return folder
    return aside


def remove_files(places: list[str]) -> None:
    """Delete files and folders below the data folder; those that are gone are passed over."""
    data = Path(settings.DATA_DIR)
    for place in places:
        path = data / place
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        if path.exists():
            logger.error("%s could not be deleted", path)
