"""How numbers of training are written."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """0.724 as `72 %`; empty when there is no number."""
    return "" if share is None else f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


@register.filter
def watt_hours(kwh: float) -> str:
    """Kilowatt-hours as `8.2 Wh`."""
    unit = _("Wh")
    return f"{number_format(kwh * 1000, 1)}\N{NO-BREAK SPACE}{unit}"


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds in the two units that matter: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return ""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)s min %(rest)s s") % {"minutes": minutes, "rest": rest}
    return _("%(rest)s s") % {"rest": rest}
