"""Founding a project on a base model that the engine has checked whole: for the page and for the command."""

from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.projects import create_project
from training.models import UnpackedBase
from training.rlhf.model.gguf_file import is_one_file
from training.services.base_models.check import check_base_model
from training.services.base_models.unpacking import register_gguf, unpack_now
from training.services.versions.base_version import register_base_version


def prepare_base_model(
    given: str,
    *,
    system_prompt: str = "",
    unpack: Callable[[UnpackedBase], None] = unpack_now,
    beat: Callable[[], object] = lambda: None,
) -> str:
    """Fetch, unpack and check a base model; returns it as a project names it. It may take minutes.

    `given` is a folder, a GGUF file, or a model of the Hugging Face hub. `beat` is called every
    few seconds while it is checked. Raises RefusedError with what is wrong with it.
    """
    file = Path(given).expanduser()
    if is_one_file(file):
        base = register_gguf(file.resolve())
        unpack(base)
        location = base.location
    else:
        location = _whole(given)
    check_base_model(location, system_prompt=system_prompt, beat=beat)
    return location


@transaction.atomic
def found_project(
    *,
    name: str,
    slug: str,
    base_model: str,
    coordinator: User,
    description: str = "",
    guidelines: str = "",
    system_prompt: str = "",
) -> Project:
    """Found a project on a base model that `prepare_base_model` gave; the base is live as version 0.

    Raises RefusedError for values that no form would take.
    """
    try:
        project = create_project(
            name=name,
            slug=slug,
            base_model=base_model,
            coordinator=coordinator,
            description=description,
            guidelines=guidelines,
            system_prompt=system_prompt,
        )
    except ValidationError as error:
        raise RefusedError(_words(error)) from error
    register_base_version(project=project, actor=coordinator)
    return project


def _whole(base_model: str) -> str:
    """The whole path of a model folder, which must be there; a hub name as it is."""
    folder = Path(base_model).expanduser()
    if (folder / "config.json").is_file():
        return str(folder.resolve())
    if base_model.startswith((".", "/", "~")) or folder.is_dir():
        raise RefusedError(f"The folder {base_model} holds no model: it has no config.json.")
    return base_model


def _words(error: ValidationError) -> str:
    """Each message with the field that it is about."""
    return " ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
