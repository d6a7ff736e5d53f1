"""The base models that a new project may have: those that the site has, and those that are allowed."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from annotator.models import Project
from training.demonstration import content
from training.models import UnpackedBase
from training.rlhf.model.gguf_file import is_one_file

from .cards import describe_base


@dataclass(frozen=True)
class BaseChoice:
    """A base model as `prepare_base_model` takes it, what people call it, and where it comes from."""

    given: str
    name: str
    origin: StrOrPromise


def base_choices() -> list[BaseChoice]:
    """Each base model once, those that projects use first."""
    found: dict[str, BaseChoice] = {}
    for choice in (*_used(), *_unpacked(), *_allowed()):
        found.setdefault(choice.given, choice)
    return list(found.values())


def _used() -> Iterator[BaseChoice]:
    """Those of other projects, but for what is not unpacked."""
    not_there = UnpackedBase.objects.not_there().values("location")
    projects = Project.objects.exclude(base_model__in=not_there).order_by("created_at")
    for base_model, project in projects.values_list("base_model", "name"):
        yield BaseChoice(base_model, describe_base(base_model).name, _("used by %s") % project)


def _unpacked() -> Iterator[BaseChoice]:
    for base in UnpackedBase.objects.filter(state=UnpackedBase.State.SUCCEEDED):
        if base.model_folder.is_dir():
            yield BaseChoice(base.location, base.model_folder.name, _("on this server"))


def _allowed() -> Iterator[BaseChoice]:
    """Those that CHORUS_BASE_MODELS names, and the one that comes with Chorus, unless they are unpacked."""
    bases = UnpackedBase.objects.exclude(state=UnpackedBase.State.FAILED)
    unpacked = {base.file for base in bases if base.is_active or base.model_folder.is_dir()}
    for given in settings.BASE_MODELS:
        for place in _models_at(Path(given).expanduser()):
            if str(place) not in unpacked:
                yield BaseChoice(
                    str(place), place.stem if is_one_file(place) else place.name, _("on this server")
                )
        if not given.startswith((".", "/", "~")) and not Path(given).exists():
            yield BaseChoice(given, given, _("from the Hugging Face hub"))
    with suppress(FileNotFoundError):
        if (file := content.base_file()).is_file() and str(file.resolve()) not in unpacked:
            yield BaseChoice(str(file.resolve()), file.stem, _("comes with Chorus"))


def _models_at(place: Path) -> Iterator[Path]:
    """The model that a path is, or the models in a folder of several."""
    places = [place]
    if place.is_dir() and not (place / "config.json").is_file():
        places = sorted(place.iterdir())
    for each in places:
        is_model = (each / "config.json").is_file() or (each.suffix.lower() == ".gguf" and each.is_file())
        if is_model:
            yield each.resolve()
