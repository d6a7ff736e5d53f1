"""What an update costs in the project's money. It is an estimate, since the electricity is one."""

from decimal import Decimal

from annotator.models import Project
from training.templatetags.figures import money

SECONDS_AN_HOUR = 3600


def cost_of(project: Project, *, seconds: float, kwh: float | None) -> str:
    """The cost of so many seconds of the machine and kilowatt-hours, as people read it.

    Empty where the project has no price, or one for electricity while nobody knows how much it was: the
    rest alone would be too little.
    """
    by_kwh, by_hour = project.price_per_kwh, project.price_per_hour
    if (by_kwh is None and by_hour is None) or (by_kwh is not None and kwh is None):
        return ""
    electricity = (by_kwh or Decimal()) * Decimal(kwh or 0)
    machine = (by_hour or Decimal()) * Decimal(seconds) / SECONDS_AN_HOUR
    return money(electricity + machine, project.currency)
