"""Answers that people flag as harmful or wrong: taking them off the desk, and reviewers' decisions."""

from django.db import transaction
from django.db.models import F

from annotator.models import Completion, FlagKind, Project, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from ranking.facts import answer_facts
from ranking.models import AnswerReview, Assignment, Comparison, Round
from ranking.models.answer_reviews import people_who_flag

Decision = AnswerReview.Decision


def withhold_harmful(flags: list[tuple[int, str]], project: Project) -> None:
    """Withhold answers from the desk that enough people find harmful; `flags` are those just stored.

    Part of the act that stores the judgment, whose transaction it shares.
    """
    for completion in sorted(pk for pk, kind in flags if kind == FlagKind.HARMFUL):
        if people_who_flag(completion, FlagKind.HARMFUL) >= project.harmful_flags_bound:
            review = _lock(completion, project)
            if review.decision == Decision.OPEN and review.withheld_at is None:
                review.withhold()
                record("answer.withheld", actor=None, project=project, target=review.completion)


@transaction.atomic
def decide_answer(
    *, completion: Completion, decision: str, actor: User, shown: Shown | None = None
) -> AnswerReview:
    """Keep a flagged answer on the desk, or take it out: then it is given to nobody, and no later dataset
    prefers it to another one.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=completion.prompt.project_id)
    review = _lock(completion.pk, project)
    check_shown(shown, answer_facts(review))
    before = review.decision
    review.decide(decision, actor)
    if (before == Decision.WITHDRAWN) != (decision == Decision.WITHDRAWN):
        _count_assignments(review, -1 if decision == Decision.WITHDRAWN else 1)
    verb = "answer.withdrawn" if decision == Decision.WITHDRAWN else "answer.kept"
    record(verb, actor=actor, project=project, target=completion)
    return review


def _lock(completion: int, project: Project) -> AnswerReview:
    reviews = AnswerReview.objects.select_for_update(of=("self",)).select_related("completion__prompt")
    return reviews.get_or_create(completion_id=completion, defaults={"project": project})[0]


def _count_assignments(review: AnswerReview, sign: int) -> None:
    """Count the free assignments at comparisons with the answer out of the open round, or in again."""
    withdrawn = AnswerReview.objects.filter(decision=Decision.WITHDRAWN).exclude(pk=review.pk)
    out_anyway = Comparison.objects.filter(completions__in=withdrawn.values("completion"))
    for current in Round.objects.open().filter(project=review.project_id):
        free = Assignment.objects.ordinary().filter(
            round=current, state=Assignment.State.FREE, comparison__completions=review.completion_id
        )
        count = free.exclude(comparison__in=out_anyway).count()
        Round.objects.filter(pk=current.pk).update(assignment_count=F("assignment_count") + sign * count)
