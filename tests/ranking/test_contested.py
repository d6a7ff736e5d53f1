"""Contested comparisons: what is contested, and what reviewers decide about it."""

import json
import uuid
from typing import Any

import pytest
from scipy.special import expit, logit

from annotator.models import AuditEvent, Project, Role, User
from ranking.errors import DecidedSinceError, InvalidJudgmentError, KeyReusedError, RankingError
from ranking.models import AnswerReview, Assignment, Comparison, Dataset, Judgment, Reliability, Round, Tally
from ranking.models.agreement_figures import agreement_in
from ranking.models.collected import ballots_in
from ranking.models.contested import waiting_for_decision
from ranking.models.leaderboard import leaderboard_of
from ranking.models.reliability import fit_of
from ranking.services import (
    add_test_comparisons,
    claim_next,
    close_round,
    correct_judgment,
    leave_project,
    open_round,
    personal_data,
    skip_comparison,
    snapshot_preferences,
)
from ranking.services.choosing import Group
from ranking.services.fits.worker import fit_project
from ranking.services.review.contested import (
    ask_for_votes,
    decide_comparison,
    place_of,
    take_decision_back,
)
from ranking.services.review.flagged import decide_answer
from ranking.services.review.people import exclude_person
from ranking.statistics.consensus import REVIEWERS_WEIGHT, find_consensus
from ranking.statistics.reliability import LIKELIEST
from tests.factories import coordinator_of, make_member
from tests.racing import at_once
from training.services.lineage.votes import left_out_of

from .making import assert_refused, make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db

FIRST, SECOND, TIE = (1, 2), (2, 1), (1, 1)


def judged(current: Round, *rankings: tuple[int, ...], place: int = 0) -> Comparison:
    """A comparison of a round, ranked by so many people, and the votes of all fitted."""
    comparison = current.comparisons.order_by("pk")[place]
    for ranks in rankings:
        person = make_member(current.project)
        while (assignment := make_assignment(current, person)).comparison != comparison:
            skip_comparison(assignment=assignment, volunteer=person)
        make_judgment(assignment, *ranks)
    fit_project(current.project)
    comparison.refresh_from_db()
    return comparison


@pytest.fixture
def current() -> Round:
    """Two comparisons of two answers, each for two people."""
    return make_round(prompts=2, answers=2, judgments_per_comparison=2)


@pytest.fixture
def project(current) -> Project:
    return current.project


@pytest.fixture
def contested(current) -> Comparison:
    return judged(current, FIRST, SECOND)


@pytest.fixture
def reviewer(project) -> User:
    return make_member(project, Role.REVIEWER, name="Rita")


def decide(comparison: Comparison, reviewer: User, *ranks: int, **fields: Any) -> Judgment:
    """The reviewer gives these ranks to the answers in order of their ids."""
    place = place_of(reviewer, comparison)
    given = dict(zip(sorted(place.order), ranks, strict=bool(ranks)))
    key = fields.pop("key", place.key)
    return decide_comparison(comparison=comparison, reviewer=reviewer, key=key, ranks=given, **fields)


def waiting(project: Project) -> list[Comparison]:
    return list(waiting_for_decision(project))


def probability(comparison: Comparison) -> float:
    """How likely people prefer the first answer, by all judgments of the comparison."""
    judgments = Judgment.objects.filter(comparison=comparison, is_current=True)
    return float(find_consensus(ballots_in(judgments), fit_of(comparison.round.project)).first[0])


# What is contested


@pytest.mark.parametrize(
    ("rankings", "is_contested"),
    [
        ([], False),
        ([FIRST], False),
        ([FIRST, FIRST], False),
        ([TIE, TIE], False),
        ([FIRST, SECOND], True),
        ([FIRST, TIE], False),
        ([FIRST, SECOND, FIRST], False),
        ([FIRST, SECOND, TIE], True),
        ([FIRST, SECOND, FIRST, SECOND], True),
        ([FIRST, SECOND] * 5, False),  # that is taste, which nobody settles
    ],
)
def test_contested_is_what_several_votes_neither_settle_nor_decide(rankings, is_contested):
    current = make_round(answers=2, judgments_per_comparison=max(1, len(rankings)))
    comparison = judged(current, *rankings)
    assert (comparison.contest is not None) == is_contested
    assert waiting(current.project) == [comparison] * is_contested


def test_of_several_answers_most_pairs_have_to_be_undecided():
    current = make_round(answers=3, judgments_per_comparison=2)
    assert judged(current, (1, 2, 3), (2, 1, 3)).contest is None
    current = make_round(answers=3, judgments_per_comparison=2)
    assert judged(current, (1, 2, 3), (3, 2, 1)).contest is not None


def test_while_a_volunteer_may_still_judge_it_no_reviewer_has_to():
    current = make_round(answers=2, judgments_per_comparison=3)
    contested = judged(current, FIRST, SECOND)
    assert contested.contest and not waiting(current.project)
    close_round(project=current.project)
    assert waiting(current.project) == [contested]


def test_what_has_more_and_more_even_votes_comes_first():
    current = make_round(prompts=2, answers=2, judgments_per_comparison=4)
    few, many = judged(current, FIRST, SECOND), judged(current, *[FIRST, SECOND] * 2, place=1)
    close_round(project=current.project)
    assert waiting(current.project) == [many, few]


def test_marks_go_with_the_votes_and_with_newer_rounds(contested, current, project):
    make_correction(contested.judgments.last(), *FIRST)
    fit_project(project)
    assert not waiting(project)
    make_correction(Judgment.objects.filter(comparison=contested, is_current=True).last(), *SECOND)
    for _number in range(2):
        fit_project(project)
        assert waiting(project) == [contested]
        open_round(project=project, author=current.author)
    fit_project(project)
    assert not waiting(project)


def test_what_no_dataset_will_hold_needs_no_decision(contested, project, reviewer):
    answer = contested.completions.earliest("pk")
    decide_answer(completion=answer, decision=AnswerReview.Decision.WITHDRAWN, actor=reviewer)
    assert not waiting(project)


def test_a_blind_test_is_never_contested(current, project, reviewer):
    first = current.comparisons.earliest("pk")
    group = Group(first.prompt_id, [one.pk for one in first.completions.all()])
    (test,) = add_test_comparisons(current=current, groups=[group], votes=2)
    for ranks in (FIRST, SECOND):
        person = make_member(project)
        while (assignment := make_assignment(current, person)).comparison != test:
            skip_comparison(assignment=assignment, volunteer=person)
        make_judgment(assignment, *ranks)
    fit_project(project)
    assert not waiting(project)
    for act in (
        lambda: decide(test, reviewer, *FIRST),
        lambda: ask_for_votes(comparison=test, actor=reviewer),
    ):
        with pytest.raises(DecidedSinceError):
            act()
    assert test.judgments.count() == 2


# Decisions


def test_a_reviewers_decision_is_an_attributed_judgment_that_weighs_more(contested, project, reviewer):
    decision = decide(contested, reviewer, *FIRST, rationale="It names its source.", seconds=12.5)
    assert (decision.by_reviewer, decision.weight, decision.is_current) == (True, REVIEWERS_WEIGHT, True)
    assert (decision.volunteer, decision.seconds, decision.late) == (reviewer, 12.5, False)
    event = AuditEvent.objects.get(verb="comparison.decided")
    assert (event.actor, event.target) == (reviewer, f"judgment:{decision.pk}")
    assert not waiting(project)


def test_a_decision_moves_the_probability_as_several_votes_do(contested, reviewer):
    assert probability(contested) == pytest.approx(1 / 2)
    decide(contested, reviewer, *FIRST)
    temperature = fit_of(contested.round.project).temperature
    assert probability(contested) == pytest.approx(expit(REVIEWERS_WEIGHT * logit(LIKELIEST) / temperature))


def test_the_next_dataset_has_the_pair_and_says_how_many_votes_were_reviewers(contested, project, reviewer):
    decide(contested, reviewer, *SECOND)
    dataset = snapshot_preferences(project=project)
    (row,) = rows_of(dataset)
    worse, better = contested.completions.order_by("pk")
    assert row["chosen"][0]["content"] == better.text and row["rejected"][0]["content"] == worse.text
    assert row["votes"] == {"chosen": 2, "rejected": 1, "ties": 0} and row["reviewer_votes"] == 1
    assert row["weight"] > 0.5 and not row["divided"]
    assert dataset.manifest["counts"]["reviewer_judgments"] == 1


def rows_of(dataset: Dataset) -> list[dict[str, Any]]:
    lines = (
        dataset.open_file(f"{split}.jsonl").read().decode().splitlines() for split in ("train", "held_out")
    )
    return [json.loads(line) for each in lines for line in each]


def test_a_decision_is_taken_back_and_made_again_also_in_a_closed_round(contested, project, reviewer):
    close_round(project=project)
    first = decide(contested, reviewer, *FIRST)
    held = snapshot_preferences(project=project)
    files = held.open_file("manifest.json").read()
    take_decision_back(judgment=first, actor=reviewer)
    take_decision_back(judgment=first, actor=reviewer)
    assert probability(contested) == pytest.approx(1 / 2) and waiting(project) == [contested]
    assert AuditEvent.objects.filter(verb="comparison.undecided", actor=reviewer).count() == 1
    second = decide(contested, reviewer, *SECOND)
    assert (second.corrects, second.assignment, second.is_current) == (first, first.assignment, True)
    assert probability(contested) < 0.3 and not waiting(project)
    assert held.open_file("manifest.json").read() == files
    assert list(Judgment.objects.counted_in(held).filter(by_reviewer=True)) == [first]
    (row,) = rows_of(snapshot_preferences(project=project))
    assert row["reviewer_votes"] == 1 and row["votes"]["chosen"] == 2


def test_a_decision_that_was_taken_back_can_be_made_again_when_newer_rounds_have_opened(
    contested, current, project, reviewer
):
    decision = decide(contested, reviewer, *FIRST)
    for _number in range(2):
        open_round(project=project, author=current.author)
    fit_project(project)
    take_decision_back(judgment=decision, actor=reviewer)
    assert not waiting(project)
    assert decide(contested, reviewer, *SECOND).is_current


def test_somebody_else_decides_after_it_was_taken_back(contested, project, reviewer):
    take_decision_back(judgment=decide(contested, reviewer, *FIRST), actor=reviewer)
    other = make_member(project, Role.REVIEWER)
    decision = decide(contested, other, *SECOND)
    assert decision.corrects is None
    with pytest.raises(DecidedSinceError):
        decide(contested, reviewer, *FIRST)
    assert contested.judgments.filter(by_reviewer=True, is_current=True).get() == decision


def test_what_somebody_decided_whose_judgments_are_left_out_waits_for_another_reviewer(
    contested, project, reviewer
):
    first = decide(contested, reviewer, *FIRST)
    exclude_person(
        project=project, volunteer=reviewer, reason="careless", note="", actor=coordinator_of(project)
    )
    assert waiting(project) == [contested]
    second = decide(contested, make_member(project, Role.REVIEWER), *SECOND)
    first.refresh_from_db()
    assert first.taken_back_at and second.is_current and not waiting(project)


def test_the_form_of_a_decision_is_the_same_each_time_and_known_when_it_is_sent_twice(contested, reviewer):
    one, again = place_of(reviewer, contested), place_of(reviewer, contested)
    assert (one.key, one.order) == (again.key, again.order)
    decision = decide(contested, reviewer, *FIRST, key=one.key)
    assert decide(contested, reviewer, *FIRST, key=one.key) == decision
    with pytest.raises(KeyReusedError):
        decide(contested, reviewer, *SECOND, key=one.key)
    take_decision_back(judgment=decision, actor=reviewer)
    assert place_of(reviewer, contested).order == one.order
    for key in (one.key, uuid.uuid4()):
        with pytest.raises(DecidedSinceError):
            decide(contested, reviewer, *FIRST, key=key)
    assert Judgment.objects.filter(by_reviewer=True).count() == 1


def test_an_answer_that_is_not_whole_is_refused(contested, reviewer):
    with pytest.raises(InvalidJudgmentError):
        decide(contested, reviewer)
    assert not Assignment.objects.filter(volunteer=reviewer).exists()


def test_who_was_given_it_as_a_volunteer_does_not_decide_about_it(current, project):
    reviewer = make_member(project, Role.REVIEWER)
    assignment = make_assignment(current, reviewer)
    make_judgment(assignment, *FIRST)
    make_judgment(make_assignment(current, make_member(project)), *TIE)
    comparison = assignment.comparison
    Comparison.objects.filter(pk=comparison.pk).update(contest=2.0)
    other = next(each for each in current.comparisons.all() if each != comparison)
    Comparison.objects.filter(pk=other.pk).update(contest=2.0)
    close_round(project=project)
    with pytest.raises(DecidedSinceError):
        decide(comparison, reviewer, *FIRST)
    assert decide(other, reviewer, *FIRST).is_current


def test_who_decided_is_never_given_it_as_a_volunteer(contested, current, project, reviewer):
    take_decision_back(judgment=decide(contested, reviewer, *FIRST), actor=reviewer)
    ask_for_votes(comparison=contested, actor=reviewer)
    while assignment := claim_next(project=project, volunteer=reviewer):
        assert assignment.comparison != contested
        make_judgment(assignment, *FIRST)


def test_a_decision_is_not_corrected_like_a_volunteers_judgment(contested, project, reviewer):
    decision = decide(contested, reviewer, *FIRST)
    assert not Judgment.objects.correctable_by(reviewer, project).exists()
    with pytest.raises(RankingError):
        make_correction(decision, *SECOND)


# What a decision is no part of


def test_a_decision_fills_no_place_of_the_round(current, contested, project, reviewer):
    before = Tally.objects.progress(Round.objects.get(pk=current.pk), reviewer)
    decide(contested, reviewer, *FIRST)
    assert Tally.objects.progress(Round.objects.get(pk=current.pk), reviewer) == before
    project.most_judgments_per_comparison = 3
    project.save()
    take_decision_back(judgment=contested.judgments.get(by_reviewer=True), actor=reviewer)
    added = ask_for_votes(comparison=contested, actor=reviewer)
    assert Assignment.objects.of_volunteers().filter(comparison=contested).count() == 3
    assert added.state == Assignment.State.FREE


def test_agreement_groups_reliability_and_leaderboard_are_those_of_volunteers(contested, project, reviewer):
    judgments = Judgment.objects.of_project(project)
    figures, board = agreement_in(judgments), leaderboard_of(judgments, fit_of(project))
    people = set(Reliability.objects.values_list("volunteer", "if_first", "if_second"))
    decide(contested, reviewer, *FIRST)
    fit_project(project)
    assert agreement_in(judgments.all()) == figures
    assert leaderboard_of(judgments.all(), fit_of(project)) == board
    assert set(Reliability.objects.values_list("volunteer", "if_first", "if_second")) == people


def test_a_doubted_reviewers_decision_counts_as_anybodys(contested, project, reviewer):
    decide(contested, reviewer, *FIRST)
    before = probability(contested)
    Reliability.objects.create(
        project=project, volunteer=reviewer, if_first=0.2, if_second=0.2, deviation=0.1, in_second=0
    )
    assert probability(contested) == before


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_at_once_one_decides(contested, project):
    reviewers = [make_member(project, Role.REVIEWER) for _ in range(2)]

    def act(reviewer: User) -> bool:
        try:
            return decide(Comparison.objects.get(pk=contested.pk), reviewer, *FIRST).is_current
        except DecidedSinceError:
            return False

    assert sorted(at_once(act, reviewers)) == [False, True]
    assert contested.judgments.filter(by_reviewer=True).count() == 1


# More votes


def test_more_votes_send_it_back_until_somebody_has_judged_it(contested, current, project, reviewer):
    added = ask_for_votes(comparison=contested, actor=reviewer)
    event = AuditEvent.objects.get(verb="comparison.sent_back")
    assert (event.actor, event.target) == (reviewer, f"comparison:{contested.pk}")
    assert not waiting(project)
    with pytest.raises(DecidedSinceError):
        ask_for_votes(comparison=contested, actor=reviewer)
    person = make_member(project)
    while (assignment := make_assignment(current, person)) != added:
        skip_comparison(assignment=assignment, volunteer=person)
    make_judgment(assignment, *TIE)
    fit_project(project)
    assert waiting(project) == [contested]


def test_no_more_are_asked_than_the_project_allows_nor_in_a_closed_round(contested, project, reviewer):
    project.most_judgments_per_comparison = 2
    project.save()
    contested = Comparison.objects.get(pk=contested.pk)
    with pytest.raises(RankingError, match="2 people"):
        ask_for_votes(comparison=contested, actor=reviewer)
    project.most_judgments_per_comparison = 3
    project.save()
    close_round(project=project)
    with pytest.raises(RankingError, match="closed"):
        ask_for_votes(comparison=Comparison.objects.get(pk=contested.pk), actor=reviewer)
    assert waiting(project) == [contested]


# Withdrawal


def test_who_withdraws_takes_decisions_along_and_leaves_no_place_behind(contested, project, reviewer):
    decision = decide(contested, reviewer, *FIRST)
    take_decision_back(judgment=decision, actor=reviewer)
    decide(contested, reviewer, *SECOND)
    dataset = snapshot_preferences(project=project)
    places = Assignment.objects.count()
    leave_project(membership=reviewer.memberships.get(), withdraw=True)
    assert not Judgment.objects.filter(by_reviewer=True).exists()
    assert Assignment.objects.count() == places - 1
    assert not Assignment.objects.filter(comparison=contested, state="free").exists()
    assert dataset.withdrawn_judgments == 1 and waiting(project) == [contested]


def test_a_persons_own_data_says_what_they_decided_and_took_back(contested, reviewer):
    take_decision_back(judgment=decide(contested, reviewer, *FIRST), actor=reviewer)
    decide(contested, reviewer, *SECOND)
    first, second = personal_data.judgments(reviewer)
    assert (first["by_reviewer"], first["counts"], second["counts"]) == (True, False, True)
    assert first["taken_back_at"] and second["taken_back_at"] is None and second["weight"] == REVIEWERS_WEIGHT
    (vote,) = personal_data.judgments(contested.judgments.earliest("pk").volunteer)
    assert (vote["by_reviewer"], vote["weight"]) == (False, 1)


def test_a_dataset_lacks_what_was_taken_back_before_as_it_lacks_what_was_corrected(
    contested, current, project, reviewer
):
    take_decision_back(judgment=decide(contested, reviewer, *FIRST), actor=reviewer)
    judged(current, FIRST, FIRST, place=1)
    left = left_out_of(snapshot_preferences(project=project))
    assert (left.corrected, left.moment) == (1, 0)


# The rules that the database keeps


def test_the_database_keeps_decisions_apart_from_votes(contested, project, reviewer):
    vote, decision = contested.judgments.first(), decide(contested, reviewer, *FIRST)
    of_vote, of_decision = (Judgment.objects.filter(pk=one.pk) for one in (vote, decision))
    for refused in ({"weight": 3}, {"by_reviewer": True, "weight": 3}, {"taken_back_at": vote.created_at}):
        assert_refused(of_vote.update, is_current=False, **refused)
    assert_refused(of_vote.update, weight=3)
    assert_refused(of_decision.update, weight=5)
    assert_refused(of_decision.update, is_current=False)
    assert_refused(of_decision.update, taken_back_at=decision.created_at)
    take_decision_back(judgment=decision, actor=reviewer)
    assert_refused(of_decision.update, taken_back_at=None)
    assert_refused(of_decision.update, is_current=True)
    with pytest.raises(RankingError):
        correct_judgment(judgment=decision, volunteer=reviewer, key=uuid.uuid4(), ranks={})
