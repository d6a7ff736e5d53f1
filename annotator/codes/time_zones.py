"""Time zones: those that this machine knows, and those to choose from."""

from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Names of whole places, without the zones that exist for compatibility with old software.
AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@cache
def zone_names() -> frozenset[str]:
    """Every time zone this machine knows."""
    return frozenset(available_timezones())


def zone_choices() -> list[tuple[str, str]]:
    zones = sorted(name for name in zone_names() if name.partition("/")[0] in AREAS)
    return [(name, name.replace("_", " ")) for name in ["UTC", *zones]]


def no_such_zone(name: str) -> str:
    return _("There is no time zone %(name)s.") % {"name": f"{name!r:.60}"}


def check_zone(name: str) -> None:
    """Raise ValidationError for a time zone that this machine does not know."""
    if name not in zone_names():
        raise ValidationError(no_such_zone(name))
