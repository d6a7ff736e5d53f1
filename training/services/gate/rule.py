"""What happens to candidates by themselves: blind tests begin, end, and decide where a project wants it."""

from contextlib import suppress

from django.db import transaction

from annotator.errors import RefusedError
from annotator.services.audit import record
from training.models import BlindTest, Gate, ModelVersion, Schedule
from training.services.versions.releases import reject_version, release_version

from .blind_test import look_at, start_blind_test
from .conditions import Rule, conditions_of


def tend(version: ModelVersion) -> None:
    """Take a candidate as far through the gate as it comes now; the clock calls this again and again.

    By rule a candidate that fails in its evaluation is rejected at once: no votes are spent on it. Where a
    condition was not measured, or a test cannot begin, a coordinator decides.
    """
    schedule = Schedule.objects.filter(project=version.project_id).first()
    gate = schedule.gate if schedule else Gate.COORDINATOR
    test = (
        BlindTest.objects.select_related("candidate__project", "baseline", "round")
        .filter(candidate=version)
        .first()
    )
    if test and test.is_open:
        look_at(test)
    if gate == Gate.COORDINATOR or version.state != ModelVersion.State.CANDIDATE:
        return
    conditions = conditions_of(version)
    failed = [each.rule for each in conditions if each.holds is False]
    if gate == Gate.RULE and failed:
        with transaction.atomic():  # whoever is too late to decide leaves no row that says so
            record("gate.failed", actor=None, project=version.project, target=version, rules=list(failed))
            reject_version(version=version, actor=None)
    elif gate == Gate.RULE and conditions and all(each.holds for each in conditions):
        with transaction.atomic():
            record("gate.passed", actor=None, project=version.project, target=version)
            release_version(version=version, actor=None)
    elif test is None and [each.rule for each in conditions if each.holds is None] == [Rule.PEOPLE]:
        with suppress(RefusedError):  # a coordinator decides, and is told why on asking people
            start_blind_test(version=version, actor=None)
