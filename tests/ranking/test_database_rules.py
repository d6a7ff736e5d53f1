"""What the database refuses by itself, tried through the raw ORM."""

import uuid

import pytest
from django.utils import timezone

from ranking.models import (
    PLACES,
    Assignment,
    Comparison,
    ComparisonItem,
    Flag,
    Judgment,
    RankedCompletion,
    Round,
)
from ranking.models.round_states import RoundState
from ranking.services import claim_ahead
from ranking.services.chat import add_chat_judgment
from tests.factories import make_completion, make_member, make_prompt

from .making import assert_refused, make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def judgment():
    current = make_round(prompts=2, judgments_per_comparison=2)
    assignment = make_assignment(current, make_member(current.project))
    return make_judgment(assignment, 1, 2, 2, 2, flags={min(assignment.order): ["spam"]})


@pytest.fixture
def foreign(judgment):
    """A completion of the same prompt that is not part of the comparison."""
    return make_completion(judgment.comparison.prompt)


def test_a_rank_for_a_foreign_completion_is_refused(judgment, foreign):
    assert_refused(RankedCompletion.objects.create, judgment=judgment, completion=foreign, rank=1)


def test_two_ranks_for_one_completion_are_refused(judgment):
    own = judgment.comparison.completions.first()
    assert_refused(RankedCompletion.objects.create, judgment=judgment, completion=own, rank=3)


def test_a_flag_on_a_foreign_completion_is_refused(judgment, foreign):
    assert_refused(Flag.objects.create, judgment=judgment, completion=foreign, kind="spam")


def test_a_rating_is_1_to_5_once_for_a_criterion_and_of_a_compared_completion(judgment, foreign):
    own = judgment.comparison.completions.first()
    rate = judgment.ratings.create
    for score in (0, 6):
        assert_refused(rate, completion=own, criterion="Tone", score=score)
    assert_refused(rate, completion=foreign, criterion="Tone", score=3)
    rate(completion=own, criterion="Tone", score=3)
    assert_refused(rate, completion=own, criterion="Tone", score=4)
    for change in ({"score": 5}, {"criterion": "Accuracy"}, {"completion": foreign}):
        assert_refused(judgment.ratings.update, **change)


def test_what_was_judged_cannot_be_changed(judgment, foreign):
    other = Comparison.objects.exclude(pk=judgment.comparison_id).get()
    assert_refused(judgment.ranks.update, completion=foreign)
    assert_refused(judgment.ranks.filter(rank=2).update, rank=3)
    assert_refused(judgment.flags.update, completion=foreign)
    rows = Judgment.objects.filter(pk=judgment.pk)
    assert_refused(rows.update, comparison=other)
    assert_refused(rows.update, volunteer=make_member(other.round.project))
    assert_refused(rows.update, verdict=Judgment.Verdict.ALL_BAD)


def test_the_rest_of_a_judgment_may_be_saved(judgment):
    judgment.rationale = "corrected a typing error"
    judgment.save()
    judgment.refresh_from_db()
    assert judgment.rationale == "corrected a typing error"


def test_a_completion_of_another_prompt_cannot_be_compared(judgment):
    other = Comparison.objects.exclude(pk=judgment.comparison_id).get()
    foreign = make_completion(make_prompt(other.round.project))
    assert_refused(ComparisonItem.objects.create, comparison=other, completion=foreign)
    assert_refused(other.items.update, completion=foreign)


def test_a_judged_comparison_gets_no_further_completion(judgment, foreign):
    assert_refused(ComparisonItem.objects.create, comparison=judgment.comparison, completion=foreign)


def judge(assignment, **fields):
    values = {
        "assignment": assignment,
        "comparison": assignment.comparison,
        "volunteer": assignment.volunteer,
        "verdict": Judgment.Verdict.RANKED,
        "seconds": 1,
        "key": uuid.uuid4(),
    }
    return Judgment.objects.create(**values | fields)


def test_a_judgment_needs_an_assignment_of_its_own_volunteer_at_its_own_comparison(judgment):
    current = judgment.comparison.round
    assignment = make_assignment(current, make_member(current.project))
    other = Comparison.objects.exclude(pk=assignment.comparison_id).get()
    assert_refused(judge, assignment, volunteer=make_member(current.project))
    assert_refused(judge, assignment, comparison=other)
    assert_refused(judge, assignment, key=judgment.key)
    assert judge(assignment).pk


def finish(assignment):
    """What the last steps of taking a judgment are."""
    Judgment.objects.filter(assignment=assignment, corrects=None).update(is_current=True)
    Assignment.objects.filter(pk=assignment.pk).update(state=Assignment.State.DONE, held_until=None)


def test_an_assignment_is_done_only_once_its_judgment_ranks_every_completion(judgment):
    current = judgment.comparison.round
    assignment = make_assignment(current, make_member(current.project))
    assert_refused(finish, assignment)
    unfinished = judge(assignment)
    for rank, completion in enumerate(assignment.order, start=1):
        assert_refused(finish, assignment)
        unfinished.ranks.create(completion_id=completion, rank=rank)
    finish(assignment)


def test_an_assignment_is_done_by_all_bad_without_ranks(judgment):
    current = judgment.comparison.round
    assignment = make_assignment(current, make_member(current.project))
    judge(assignment, verdict=Judgment.Verdict.ALL_BAD)
    finish(assignment)


@pytest.fixture
def pair():
    current = make_round(answers=2)
    return make_assignment(current, make_member(current.project))


def test_what_cannot_be_ranked_has_a_reason_and_no_ranks(judgment, pair):
    assert_refused(judge, pair, verdict="cannot_rank")
    assert_refused(judge, pair, reason="other")
    stored = judge(pair, verdict="cannot_rank", reason="other")
    assert_refused(stored.ranks.create, completion_id=pair.order[0], rank=1)
    assert_refused(Judgment.objects.filter(pk=stored.pk).update, reason="unclear")
    finish(pair)


def test_nothing_is_current_before_it_is_whole_and_an_assignment_needs_something_current(judgment):
    current = judgment.comparison.round
    assignment = make_assignment(current, make_member(current.project))
    assert_refused(judge, assignment, verdict="all_bad", is_current=True)
    begun = Judgment.objects.filter(pk=judge(assignment).pk)
    assert_refused(begun.update, is_current=True)
    assert_refused(Assignment.objects.filter(pk=assignment.pk).update, state="done", held_until=None)


def correct(judgment, **fields):
    fields = {"corrects": judgment, "verdict": "all_bad", "volunteer": judgment.volunteer} | fields
    return judge(judgment.assignment, **fields)


def test_a_correction_is_of_ones_own_current_judgment_in_an_open_round(judgment):
    current = judgment.comparison.round
    assignment = make_assignment(current, make_member(current.project))
    other = judge(assignment, verdict="all_bad")
    assert_refused(correct, judgment, corrects=other)
    assert_refused(judge, assignment, verdict="all_bad", corrects=judgment)
    current.close()
    assert_refused(correct, judgment)


def test_a_judgment_is_corrected_once_and_then_never_current_again(judgment):
    old = Judgment.objects.filter(pk=judgment.pk)
    assert_refused(old.update, is_current=False)
    revision = Judgment.objects.filter(pk=correct(judgment).pk)
    assert_refused(correct, judgment)
    assert_refused(revision.update, is_current=True)  # while the old one still is
    old.update(is_current=False)
    assert_refused(old.update, is_current=True)
    revision.update(is_current=True)
    assert_refused(revision.update, corrects=None)


def test_a_volunteer_judges_a_comparison_once_and_an_assignment_is_judged_once(judgment):
    assignment = judgment.assignment
    assert_refused(judge, assignment)
    free = judgment.comparison.assignments.get(state=Assignment.State.FREE)
    assert_refused(Assignment.objects.filter(pk=free.pk).update, volunteer=judgment.volunteer)


def test_a_volunteer_holds_one_assignment_of_a_round(judgment):
    current = judgment.comparison.round
    assignment = make_assignment(current, make_member(current.project))
    free = current.assignments.filter(state="free").exclude(comparison=assignment.comparison_id).first()
    assert_refused(
        Assignment.objects.filter(pk=free.pk).update,
        state="held",
        volunteer=assignment.volunteer,
        held_until=assignment.held_until,
    )


def test_a_comparison_from_the_chat_is_given_to_nobody(judgment):
    prompt, volunteer = judgment.comparison.prompt, make_member(judgment.comparison.round.project)
    shown = [make_completion(prompt), make_completion(prompt)]
    ranks = {completion.pk: 1 for completion in shown}
    chat = add_chat_judgment(prompt=prompt, shown=shown, volunteer=volunteer, ranks=ranks)
    done, free = chat.assignments.all(), Assignment.objects.filter(state=Assignment.State.FREE)
    held = {"state": Assignment.State.HELD, "held_until": timezone.now()}
    assert_refused(done.free)
    assert_refused(done.update, **held)
    assert_refused(Assignment.objects.create, comparison=chat, round=chat.round, number=1)
    assert_refused(free.filter(pk=free[0].pk).update, comparison=chat, number=1)
    assert Assignment.objects.filter(volunteer=judgment.volunteer).free() == 1, "at the desk it may be"


def test_an_assignment_belongs_to_its_comparisons_round(judgment):
    current = judgment.comparison.round
    at = current.opened_at
    other = Round.objects.create(
        project=current.project, number=9, author=current.author, opened_at=at, closed_at=at
    )
    assert_refused(Assignment.objects.create, round=other, comparison=judgment.comparison, number=5)


def test_one_round_is_open_and_one_prepared_at_a_time(judgment):
    current = judgment.comparison.round
    other = {"project": current.project, "author": current.author}
    assert_refused(Round.objects.create, number=9, opened_at=current.opened_at, **other)
    Round.objects.create(number=9, state=RoundState.PREPARING, **other)
    assert_refused(Round.objects.create, number=10, state=RoundState.PREPARING, **other)


def test_a_round_was_opened_unless_it_is_being_prepared(judgment):
    at = judgment.comparison.round.opened_at
    other = {"project": judgment.comparison.round.project, "author": judgment.comparison.round.author}
    assert_refused(Round.objects.create, number=9, closed_at=at, **other)
    assert_refused(Round.objects.create, number=9, opened_at=at, state=RoundState.PREPARING, **other)


def test_a_volunteer_holds_a_few_assignments_in_a_round_and_no_more():
    current = make_round(prompts=5, answers=2)
    volunteer = make_member(current.project)
    claim_ahead(current=current, volunteer=volunteer)
    assert Assignment.objects.held_by(volunteer).count() == PLACES
    free = Assignment.objects.filter(state="free", round=current)[:1]
    hold = {"state": "held", "volunteer": volunteer, "held_until": timezone.now()}
    for place in (*range(PLACES), PLACES, -1):
        assert_refused(Assignment.objects.filter(pk__in=free.values("pk")).update, place=place, **hold)
