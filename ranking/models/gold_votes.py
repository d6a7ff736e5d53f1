"""What people answered to a project's gold questions."""

from dataclasses import replace

import numpy as np

from annotator.models import Project
from ranking.statistics.gold import GoldVotes

from .collected import ballots_in
from .gold import GoldAnswer
from .judgments import Judgment
from .rounds import Comparison


def gold_votes_of(project: Project) -> GoldVotes:
    """The votes of people who are not excluded on gold questions that are in use."""
    judgments = Judgment.objects.on_gold(project).without_excluded()
    ballots = ballots_in(judgments.filter(comparison__gold__is_in_use=True))
    copies = Comparison.objects.filter(gold__project=project).values_list("pk", "gold")
    question_of = dict(copies)
    questions = np.array([question_of[pk] for pk in ballots.comparison.tolist()], dtype=np.int64)
    known = GoldAnswer.objects.filter(question__project=project)
    ranks = {
        (question, completion): rank
        for question, completion, rank in known.values_list("question", "completion", "rank")
    }
    return GoldVotes.of(replace(ballots, comparison=questions), ranks)
