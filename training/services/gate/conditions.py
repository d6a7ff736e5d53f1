"""What a candidate must pass before release, and which of it holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from training.models import BlindTest, Evaluation, ModelVersion

from .slices import Kind, slices_of


class Rule(StrEnum):
    ACCURACY = "accuracy"
    WIN_RATE = "win_rate"
    WATCHES = "watches"
    SAFETY = "safety"
    LANGUAGES = "languages"
    TAGS = "tags"
    GROUPS = "groups"
    PEOPLE = "people"


RULE_OF = {Kind.LANGUAGE: Rule.LANGUAGES, Kind.TAG: Rule.TAGS, Kind.GROUP: Rule.GROUPS}


@dataclass(frozen=True)
class Condition:
    """One thing that must hold; None where it was not measured, or not yet."""

    rule: Rule
    holds: bool | None


def conditions_of(version: ModelVersion) -> list[Condition]:
    """All conditions, in the order in which they can be known; none for a version without an evaluation."""
    evaluation = version.evaluations.first()
    if evaluation is None:
        return []
    test = BlindTest.objects.filter(candidate=version).first()
    decided = test is not None and test.verdict != BlindTest.Verdict.GO_ON
    by_people = test.verdict == BlindTest.Verdict.BETTER if test and decided else None
    return [*_of_evaluation(version, evaluation), Condition(Rule.PEOPLE, by_people)]


def _of_evaluation(version: ModelVersion, evaluation: Evaluation) -> Iterator[Condition]:
    """Those that need no people: better than chance by all of the interval, and nothing noticed."""
    accuracy = version.metrics.get("reward_accuracy_low")
    yield Condition(Rule.ACCURACY, None if accuracy is None else accuracy > 0.5)
    won = evaluation.metrics.get("win_rate_ties_half_low")
    yield Condition(Rule.WIN_RATE, None if won is None else won > 0.5)
    watches = evaluation.metrics.get("watches")
    yield Condition(Rule.WATCHES, None if watches is None else not watches)
    before, after = (evaluation.metrics.get(f"{side}_unsafe") for side in ("baseline", "candidate"))
    yield Condition(Rule.SAFETY, None if before is None or after is None else after <= before)
    slices = slices_of(version)
    for kind, rule in RULE_OF.items():
        if of_kind := [each for each in slices if each.kind == kind]:
            yield Condition(rule, not any(each.is_worse for each in of_kind))
