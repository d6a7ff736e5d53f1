"""What happens in the twelve weeks: people rank, the site updates itself, people test, versions go live."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import mean
from typing import Any

from training.models import BlindTest, ModelVersion, Update
from training.services.clock import tick
from training.services.evaluations import rows_of
from training.services.gate.conditions import Rule, conditions_of
from training.services.sampling.control import sample_live_version
from training.services.timeline import Expense
from training.services.versions.releases import reject_version, release_version, roll_back

from .site import ZONE, Site

FOUNDED = datetime(2026, 9, 8, 9, tzinfo=ZONE)  # a Tuesday
FIRST_SLOT = datetime(2026, 9, 14, 3, tzinfo=ZONE)  # the clocks are set back before the seventh one
WEEKS = 12
RANKINGS, TOO_FEW = 240, 40
FIRST_QUESTIONS, QUESTIONS = 144, 65
VOTES_AT_ONCE, MOST_VOTES = 40, 600


@dataclass(frozen=True)
class Week:
    """What is special about one; `tried` are settings of PPO that a coordinator tries."""

    rankings: int = RANKINGS
    tried: dict[str, Any] = field(default_factory=dict)
    is_killed: bool = False
    is_rolled_back: bool = False


# No price for leaving the model before it, and steps ten times too large.
GREEDY = {"kl_coef": 0.0, "kl_stop": 1000.0, "learning_rate": 1e-2}
# The votes of a blind test are judgments, too. The greedy candidate comes to no test, so two weeks with few
# rankings after it have few judgments.
SPECIAL = {
    5: Week(tried=GREEDY),
    6: Week(rankings=TOO_FEW),
    7: Week(rankings=TOO_FEW),
    8: Week(is_rolled_back=True),
    10: Week(is_killed=True),
}


@dataclass(frozen=True)
class WeekEnd:
    """The live version after a week, its share of accurate answers, and the electricity so far."""

    week: int
    version: int
    accurate: float
    watt_hours: float


def run_weeks(site: Site, seed: int, weeks: int = WEEKS) -> Iterator[WeekEnd]:
    """Run the weeks one after the other.

    What is accurate is told by the labels, on the held-out questions of the first day.
    """
    chance = random.Random(seed)
    first_day = {str(pk) for pk in site.project.prompts.held_out().values_list("pk", flat=True)}
    accurate: dict[int, float] = {}
    site.schedule()
    sample_live_version(project=site.project, actor=site.coordinator)
    site.work()
    for number in range(1, weeks + 1):
        week = SPECIAL.get(number, Week())
        slot = FIRST_SLOT + timedelta(weeks=number - 1)
        _collect(site, week, slot, chance)
        if update := _learn(site, week, slot):
            accurate |= _accurate(site, update, first_day)
            _decide(site, slot, chance)
        if week.is_rolled_back:
            site.go_to(slot + timedelta(days=1, hours=9))
            roll_back(project=site.project, actor=site.coordinator)
        site.work()
        live = ModelVersion.objects.live().get(project=site.project).number
        kwh = Expense.of(site.project.runs.all()).kwh
        yield WeekEnd(number, live, accurate[live], 1000 * (kwh or 0.0))


def _collect(site: Site, week: Week, slot: datetime, chance: random.Random) -> None:
    """People rank on five evenings before the update, and new questions come in."""
    for evening in range(5):
        site.go_to(slot.replace(hour=19) + timedelta(days=evening - 5))
        site.rank(week.rankings // 5, chance)
    site.ask(QUESTIONS)


def _learn(site: Site, week: Week, slot: datetime) -> Update | None:
    """What the clock starts at the week's time, and the worker does; None where it was passed over."""
    if week.tried:
        site.schedule(week.tried)
    site.go_to(slot + timedelta(seconds=20))
    (site.work_and_be_killed if week.is_killed else site.work)()
    if week.tried:
        site.schedule()
    return site.project.updates.filter(slot=slot).first()


def _decide(site: Site, slot: datetime, chance: random.Random) -> None:
    """People test the candidate in the evening, until the rule has decided; else a coordinator does.

    No test begins where both versions answer too few new questions differently.
    """
    site.go_to(slot.replace(hour=19))
    votes = 0
    while True:
        tick()
        candidate = site.project.versions.filter(state=ModelVersion.State.CANDIDATE).first()
        if candidate is None:
            return
        votes += VOTES_AT_ONCE
        if votes > MOST_VOTES or not site.rank(VOTES_AT_ONCE, chance):
            _decide_by_hand(site, candidate)
            return


def _decide_by_hand(site: Site, candidate: ModelVersion) -> None:
    """Release what nobody tested if its evaluation passes, and reject what people could not decide about."""
    passes = all(each.holds for each in conditions_of(candidate) if each.rule != Rule.PEOPLE)
    is_tested = BlindTest.objects.filter(candidate=candidate).exists()
    decide = release_version if passes and not is_tested else reject_version
    decide(version=candidate, actor=site.coordinator)


def _accurate(site: Site, update: Update, prompts: set[str]) -> dict[int, float]:
    """The share of accurate answers of both versions of an update's evaluation, by version."""
    questions = {str(prompt.pk): prompt.question for prompt in site.project.prompts.all()}
    rows = [row for row in rows_of(update) if row.prompt_id in prompts]
    if update.candidate is None:
        return {}
    sides = {update.parent.number: "before", update.candidate.number: "after"}
    return {
        number: mean(
            site.gold.label(questions[row.prompt_id], getattr(row, side)).is_accurate for row in rows
        )
        for number, side in sides.items()
    }
