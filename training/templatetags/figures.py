"""How numbers of training are written."""

from decimal import ROUND_HALF_UP, Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotator.codes.currencies import digits_of
from annotator.limits import FEWEST_PEOPLE

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """0.724 as `72 %`; empty when there is no number."""
    return "" if share is None else f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


@register.filter
def decimal(value: float, places: int = 1) -> str:
    """A rounded number as the reader's language writes it; Django's `number_format` alone cuts digits off."""
    return number_format(round(value, places), places)


@register.filter
def public_count(people: int) -> str:
    """A number of people as the public may know it: none, so many, or that they are few."""
    if 0 < people < FEWEST_PEOPLE:
        return _("fewer than %(number)d") % {"number": FEWEST_PEOPLE}
    return number_format(people, force_grouping=True)


@register.filter
def watt_hours(kwh: float) -> str:
    """Kilowatt-hours as `8.2 Wh`."""
    unit = _("Wh")
    return f"{decimal(kwh * 1000)}\N{NO-BREAK SPACE}{unit}"


def money(amount: Decimal, currency: str) -> str:
    """An amount as the reader's language writes it, with the currency's code: `1,234.50 EUR`."""
    digits = digits_of(currency)
    smallest = Decimal(1).scaleb(-digits)
    if 0 < amount < smallest:
        words = _("less than %(amount)s")
        return words % {"amount": f"{number_format(smallest, digits)}\N{NO-BREAK SPACE}{currency}"}
    rounded = amount.quantize(smallest, ROUND_HALF_UP)
    return f"{number_format(rounded, digits, force_grouping=True)}\N{NO-BREAK SPACE}{currency}"


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds in the two units that matter: `45 s`, `3 min 20 s`, `2 h 5 min`, `8 h`."""
    if seconds is None:
        return ""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours and minutes:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if hours:
        return _("%(hours)s h") % {"hours": hours}
    if minutes and rest:
        return _("%(minutes)s min %(rest)s s") % {"minutes": minutes, "rest": rest}
    if minutes:
        return _("%(minutes)s min") % {"minutes": minutes}
    return _("%(rest)s s") % {"rest": rest}


@register.filter
def rough_duration(seconds: float) -> str:
    """Seconds as an estimate has them, from two minutes on in whole ones: `90 s`, `17 min`, `2 h 5 min`."""
    return duration(seconds if seconds < 120 else 60 * round(seconds / 60))
