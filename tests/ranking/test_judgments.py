"""Taking a judgment."""

import uuid

import pytest

from ranking.errors import (
    AlreadyJudgedError,
    InvalidJudgmentError,
    KeyReusedError,
    NotYourAssignmentError,
    RoundClosedError,
    WrongKeyError,
)
from ranking.models import Assignment, Flag, Judgment, RankedCompletion
from ranking.services import claim_next, close_round, skip_comparison, submit_judgment
from tests.factories import make_member

from .making import make_assignment, make_judgment, make_round, pairs_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def assignment():
    current = make_round()
    return make_assignment(current, make_member(current.project))


def assert_nothing_stored():
    for model in (Judgment, RankedCompletion, Flag):
        assert not model.objects.exists()
    assert not Assignment.objects.filter(state=Assignment.State.DONE).exists()


def test_a_judgment_is_stored_with_ranks_flags_and_preferences_and_the_assignment_is_done(assignment):
    a, b, c, d = sorted(assignment.order)
    judgment = make_judgment(
        assignment, 2, 1, 4, 3, flags={c: ["spam", "harmful"]}, rationale="  b is short "
    )
    assert {row.completion_id: row.rank for row in judgment.ranks.all()} == {a: 2, b: 1, c: 4, d: 3}
    assert pairs_of(judgment) == {(b, a), (b, d), (b, c), (a, d), (a, c), (d, c)}
    assert set(judgment.flags.values_list("completion", "kind")) == {(c, "spam"), (c, "harmful")}
    assert judgment.rationale == "b is short"
    assert judgment.seconds >= 0
    assignment.refresh_from_db()
    assert (assignment.state, assignment.held_until) == (Assignment.State.DONE, None)


def test_equal_ranks_are_ties_and_give_no_preference(assignment):
    a, b, c, d = sorted(assignment.order)
    judgment = make_judgment(assignment, 1, 1, 3, 3)
    assert {row.completion_id: row.rank for row in judgment.ranks.all()} == {a: 1, b: 1, c: 2, d: 2}
    assert pairs_of(judgment) == {(a, c), (a, d), (b, c), (b, d)}


def test_all_bad_stores_the_verdict_without_preferences(assignment):
    judgment = make_judgment(assignment, verdict=Judgment.Verdict.ALL_BAD)
    assert judgment.verdict == Judgment.Verdict.ALL_BAD
    assert not judgment.preferences()


def test_all_bad_keeps_ranks_that_were_given_but_draws_no_preference(assignment):
    judgment = make_judgment(assignment, 1, 2, 3, 4, verdict=Judgment.Verdict.ALL_BAD)
    assert judgment.ranks.count() == 4
    assert not judgment.preferences()


def test_cannot_be_ranked_is_an_answer_with_a_reason_that_finishes_the_assignment(assignment):
    given = {"verdict": "cannot_rank", "reason": "unclear", "rationale": "Which sea?"}
    judgment = make_judgment(assignment, flags={assignment.order[0]: ["spam"]}, **given)
    judgment.refresh_from_db()
    assert (judgment.verdict, judgment.reason, judgment.rationale) == tuple(given.values())
    assert judgment.flags.count() == 1
    assert not judgment.ranks.exists() and not judgment.preferences()
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.DONE


@pytest.mark.parametrize(
    ("ranks", "given", "words"),
    [
        ((), {"verdict": "cannot_rank"}, "Choose a reason"),
        ((), {"verdict": "cannot_rank", "reason": "\0"}, "Choose a reason"),
        ((1, 2, 3, 4), {"verdict": "cannot_rank", "reason": "other"}, "has no ranks"),
        ((1, 2, 3, 4), {"reason": "other"}, "cannot be ranked"),
        ((1, 2, 3, 4), {"verdict": "all_bad", "reason": "other"}, "cannot be ranked"),
        ((1, 2, 3, 4), {"verdict": "\ud800"}, "no such verdict"),
    ],
)
def test_a_verdict_that_does_not_fit_is_refused(assignment, ranks, given, words):
    with pytest.raises(InvalidJudgmentError, match=words):
        make_judgment(assignment, *ranks, **given)
    assert_nothing_stored()


@pytest.fixture
def rated(assignment):
    project = assignment.round.project
    project.criteria = ["Accuracy", "Tone"]
    project.save()
    return assignment


def test_ratings_are_stored_with_the_judgment_as_many_as_were_given(rated):
    a, b, *_rest = rated.order
    given = {"ratings": {a: {"Accuracy": 5, "Tone": 1}, b: {"Tone": 3}}}
    judgment = make_judgment(rated, 1, 2, 3, 4, **given)
    stored = set(judgment.ratings.values_list("completion", "criterion", "score"))
    assert stored == {(a, "Accuracy", 5), (a, "Tone", 1), (b, "Tone", 3)}
    assert make_judgment(rated, 1, 2, 3, 4, **given) == judgment
    with pytest.raises(KeyReusedError):
        make_judgment(rated, 1, 2, 3, 4, ratings={a: {"Accuracy": 4, "Tone": 1}, b: {"Tone": 3}})


@pytest.mark.parametrize("score", [0, 6, True, 2.5, 3.0, "3", 10**30, None])
def test_a_score_outside_1_to_5_is_refused(rated, score):
    with pytest.raises(InvalidJudgmentError, match="1 to 5"):
        make_judgment(rated, 1, 2, 3, 4, ratings={rated.order[0]: {"Tone": score}})
    assert_nothing_stored()


def test_a_rating_by_another_criterion_or_of_a_foreign_completion_is_refused(rated):
    with pytest.raises(InvalidJudgmentError, match="no longer asks"):
        make_judgment(rated, 1, 2, 3, 4, ratings={rated.order[0]: {"tone\ud800": 3}})
    with pytest.raises(InvalidJudgmentError, match="not part of this comparison"):
        make_judgment(rated, 1, 2, 3, 4, ratings={max(rated.order) + 1: {"Tone": 3}})
    assert_nothing_stored()


def test_sent_twice_it_is_stored_once_and_answers_the_same(assignment):
    first = make_judgment(assignment, 1, 2, 3, 4, rationale="clear")
    again = make_judgment(assignment, 1, 2, 3, 4, rationale="clear")
    assert first == again
    assert Judgment.objects.count() == 1


def test_sent_again_after_the_round_closed_it_still_answers_the_stored_judgment(assignment):
    first = make_judgment(assignment, 1, 2, 3, 4)
    close_round(project=assignment.round.project)
    assert make_judgment(assignment, 1, 2, 3, 4) == first


def test_the_same_key_with_another_answer_is_refused(assignment):
    make_judgment(assignment, 1, 2, 3, 4)
    with pytest.raises(KeyReusedError):
        make_judgment(assignment, 4, 3, 2, 1)
    assert Judgment.objects.get().ranks.get(rank=1).completion_id == min(assignment.order)


def test_someone_elses_key_is_refused(assignment):
    make_judgment(assignment, 1, 2, 3, 4)
    other = make_member(assignment.round.project)
    with pytest.raises(KeyReusedError):
        submit_judgment(
            assignment=assignment,
            volunteer=other,
            key=assignment.key,
            ranks=dict(zip(sorted(assignment.order), (1, 2, 3, 4), strict=True)),
        )


def test_the_key_of_another_assignment_is_refused():
    current = make_round(prompts=2, answers=2)
    volunteer = make_member(current.project)
    first = make_judgment(make_assignment(current, volunteer), verdict=Judgment.Verdict.ALL_BAD)
    second = make_assignment(current, volunteer)
    with pytest.raises(KeyReusedError):
        make_judgment(second, verdict=Judgment.Verdict.ALL_BAD, key=first.key)
    second.refresh_from_db()
    assert second.state == Assignment.State.HELD


@pytest.mark.parametrize("ranks", [(0, 1, 2, 3), (1, 2, 3, 5), (1, 2, 3, True), (1, 2, 3, 1.5)])
def test_ranks_outside_one_to_k_are_refused(assignment, ranks):
    with pytest.raises(InvalidJudgmentError, match="1 to 4"):
        make_judgment(assignment, *ranks)
    assert_nothing_stored()


def test_a_missing_rank_is_refused(assignment):
    with pytest.raises(InvalidJudgmentError, match="without one: 2"):
        submit_judgment(
            assignment=assignment,
            volunteer=assignment.volunteer,
            key=assignment.key,
            ranks=dict.fromkeys(assignment.order[:2], 1),
        )
    assert_nothing_stored()


def test_no_ranks_at_all_are_refused_unless_all_are_bad(assignment):
    with pytest.raises(InvalidJudgmentError):
        make_judgment(assignment)
    assert_nothing_stored()


def test_a_rank_for_a_foreign_completion_is_refused(assignment):
    ranks = dict.fromkeys([*assignment.order, max(assignment.order) + 1], 1)
    with pytest.raises(InvalidJudgmentError, match="not part of this comparison"):
        submit_judgment(
            assignment=assignment, volunteer=assignment.volunteer, key=assignment.key, ranks=ranks
        )
    assert_nothing_stored()


def test_a_flag_on_a_foreign_completion_is_refused(assignment):
    with pytest.raises(InvalidJudgmentError, match="not part of this comparison"):
        make_judgment(assignment, 1, 2, 3, 4, flags={max(assignment.order) + 1: ["spam"]})
    assert_nothing_stored()


def test_an_unknown_flag_is_refused(assignment):
    with pytest.raises(InvalidJudgmentError, match="no such flag"):
        make_judgment(assignment, 1, 2, 3, 4, flags={assignment.order[0]: ["ugly"]})
    assert_nothing_stored()


@pytest.mark.parametrize("rationale", ["\0", "lone \ud800", "x" * 5001])
def test_a_rationale_that_cannot_be_stored_is_refused(assignment, rationale):
    with pytest.raises(InvalidJudgmentError):
        make_judgment(assignment, 1, 2, 3, 4, rationale=rationale)
    assert_nothing_stored()


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1])
def test_a_time_that_is_no_time_is_refused(assignment, seconds):
    with pytest.raises(InvalidJudgmentError):
        make_judgment(assignment, 1, 2, 3, 4, seconds=seconds)
    assert_nothing_stored()


def test_another_volunteer_cannot_answer_for_the_holder(assignment):
    with pytest.raises(NotYourAssignmentError):
        submit_judgment(
            assignment=assignment,
            volunteer=make_member(assignment.round.project),
            key=assignment.key,
            ranks=dict.fromkeys(assignment.order, 1),
        )
    assert_nothing_stored()


def test_a_closed_round_takes_no_judgment(assignment):
    close_round(project=assignment.round.project)
    with pytest.raises(RoundClosedError):
        make_judgment(assignment, 1, 2, 3, 4)
    assert_nothing_stored()


def test_a_wrong_key_is_refused(assignment):
    with pytest.raises(WrongKeyError):
        make_judgment(assignment, 1, 2, 3, 4, key=uuid.uuid4())
    assert_nothing_stored()


def test_a_skipped_comparison_goes_to_others_and_never_comes_back(assignment):
    project, volunteer = assignment.round.project, assignment.volunteer
    skip_comparison(assignment=assignment, volunteer=volunteer)
    assert claim_next(project=project, volunteer=volunteer) is None
    assert make_assignment(assignment.round, make_member(project)).pk == assignment.pk


def test_skipping_again_is_answered_alike_and_leaves_the_assignment_to_its_new_holder(assignment):
    volunteer, other = assignment.volunteer, make_member(assignment.round.project)
    skip_comparison(assignment=assignment, volunteer=volunteer)
    skip_comparison(assignment=assignment, volunteer=volunteer)
    taken = make_assignment(assignment.round, other)
    skip_comparison(assignment=assignment, volunteer=volunteer)
    taken.refresh_from_db()
    assert (taken.volunteer, taken.state) == (other, Assignment.State.HELD)


def test_only_the_holder_can_skip(assignment):
    other = make_member(assignment.round.project)
    with pytest.raises(NotYourAssignmentError):
        skip_comparison(assignment=assignment, volunteer=other)
    assignment.refresh_from_db()
    assert assignment.volunteer != other


def test_a_judged_assignment_cannot_be_skipped(assignment):
    make_judgment(assignment, 1, 2, 3, 4)
    with pytest.raises(AlreadyJudgedError):
        skip_comparison(assignment=assignment, volunteer=assignment.volunteer)
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.DONE
