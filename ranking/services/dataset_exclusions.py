"""What a dataset says of the people whose judgments reviewers left out."""

from collections import Counter
from typing import Any

from annotator.models import Project
from ranking.models import Exclusion, Judgment, UnpairedPreference


def excluded_from_datasets(project: Project) -> dict[str, Any]:
    """How many people's judgments and thumbs a dataset taken now leaves out, and for which reasons.

    Who never gave any that would be in it does not count.
    """
    judgments = Judgment.objects.of_project(project).filter(comparison__prompt__withdrawn_at=None).excluded()
    thumbs = UnpairedPreference.objects.of_project(project).filter(completion__prompt__withdrawn_at=None)
    thumbs = thumbs.excluded()
    given = [*judgments.values_list("volunteer", flat=True), *thumbs.values_list("volunteer", flat=True)]
    left_out = Exclusion.objects.active().filter(project=project, volunteer__in=set(given))
    reasons = Counter(left_out.order_by().values_list("reason", flat=True))
    return {
        "people": reasons.total(),
        "judgments": judgments.count(),
        "thumbs": thumbs.count(),
        "reasons": dict(sorted(reasons.items())),
    }
