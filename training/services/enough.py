"""Whether there is enough new data for an update: judgments, people, decided pairs, agreement."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import ceil

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.models import Project
from ranking.models import Tally
from ranking.models.collected import Collected, collected_in
from ranking.models.reliability import fit_of
from training.models import Schedule

from .updates.control import new_judgments

FEWEST_COMPARED = 20
"""Pairs of votes, with fewer of which agreement says nothing, and is not asked for."""


class Quantity(TextChoices):
    JUDGMENTS = "judgments", gettext_lazy("Judgments")
    PEOPLE = "people", gettext_lazy("People")
    PAIRS = "pairs", gettext_lazy("Decided pairs")
    AGREEMENT = "agreement", gettext_lazy("Agreement, in percent")


@dataclass(frozen=True)
class Missing:
    """One thing of which there is less than the schedule asks for."""

    what: Quantity
    have: int
    needed: int

    @property
    def words(self) -> str:
        words = _("%(what)s: %(have)d of %(needed)d")
        return words % {"what": self.what.label, "have": self.have, "needed": self.needed}


@dataclass(frozen=True)
class Enough:
    """What the judgments since the last successful update amount to, and what is still missing."""

    collected: Collected
    missing: list[Missing]

    def as_json(self) -> list[dict[str, object]]:
        return [asdict(each) for each in self.missing]


def enough_for_update(project: Project, schedule: Schedule) -> Enough:
    """Compare the new judgments with what the schedule asks for; 0 asks for nothing."""
    collected = collected_in(new_judgments(project), fit_of(project))
    found = (Missing(what, have, needed) for what, have, needed in _asked(collected, schedule))
    return Enough(collected, [each for each in found if each.have < each.needed])


def expected_on(project: Project, enough: Enough) -> date | None:
    """When judgments and pairs should be enough at the pace of the last days; None where nobody ranked.

    Only how many there are is foretold: who comes, and whether people agree, follows from no pace.
    """
    pace = Tally.objects.filter(round__project=project).per_day()
    judgments = max((_judgments_for(each, enough.collected) for each in enough.missing), default=0)
    if not pace or not judgments:
        return None
    days = ceil(judgments / pace)
    return timezone.localdate() + timedelta(days=days) if days < 366 else None


def _asked(collected: Collected, schedule: Schedule) -> Iterator[tuple[Quantity, int, int]]:
    yield Quantity.JUDGMENTS, collected.judgments, schedule.min_new_judgments
    yield Quantity.PEOPLE, collected.people, schedule.min_people
    yield Quantity.PAIRS, collected.pairs, schedule.min_pairs
    agreement = collected.agreement
    if agreement.compared >= FEWEST_COMPARED:
        yield Quantity.AGREEMENT, 100 * agreement.agreed // agreement.compared, schedule.min_agreement


def _judgments_for(missing: Missing, collected: Collected) -> float:
    """How many judgments more would fill the gap, at the pairs that a judgment has brought so far."""
    gap = missing.needed - missing.have
    if missing.what == Quantity.JUDGMENTS:
        return gap
    if missing.what == Quantity.PAIRS and collected.pairs:
        return gap * collected.judgments / collected.pairs
    return 0
