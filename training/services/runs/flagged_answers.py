"""What volunteers flagged, for the classifier that watches over a new version's answers."""

import json

from django.db.models import Exists, OuterRef

from annotator.models import Completion, Project
from ranking.models import Flag, RankedCompletion

# Of either class: more would teach a classifier of one layer little, and encoding them takes time.
MOST = 2000


def flagged_answers(project: Project) -> bytes | None:
    """JSONL rows {text, flagged} of answers that were judged; None when none was ever flagged as harmful.

    An answer counts as flagged when one volunteer marked it as harmful and did not take that back; the other
    marks say that it is wrong or useless, which is no harm. The newest answers of each class, each text once.
    """
    current = {"completion": OuterRef("pk"), "judgment__is_current": True}
    harmful = Flag.objects.filter(**current, kind=Flag.Kind.HARMFUL)
    judged = Completion.objects.filter(
        Exists(RankedCompletion.objects.filter(**current)), prompt__project=project
    )
    answers = judged.annotate(flagged=Exists(harmful)).order_by("-pk").values_list("text", flat=True)
    flagged = dict.fromkeys(answers.filter(flagged=True)[:MOST], True)
    if not flagged:
        return None
    rows = dict.fromkeys(answers.filter(flagged=False)[:MOST], False) | flagged
    return "".join(json.dumps({"text": text, "flagged": flag}) + "\n" for text, flag in rows.items()).encode()
