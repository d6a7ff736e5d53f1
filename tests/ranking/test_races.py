"""People who act at the same moment, each with a database connection of their own."""

import pytest
from django.utils import timezone

from annotator.services.consent import give_consent
from annotator.services.guidelines import read_guidelines, write_guidelines
from ranking.errors import (
    CorrectedSinceError,
    KeyReusedError,
    NotWaitingError,
    RankingError,
    RoundClosedError,
)
from ranking.models import (
    Assignment,
    Dataset,
    Demonstration,
    Judgment,
    PracticeAttempt,
    RankedCompletion,
    Tally,
)
from ranking.practice_files import practice_from_record
from ranking.services import (
    claim_ahead,
    claim_next,
    leave_project,
    open_round,
    renew_assignments,
    snapshot_preferences,
    submit_judgment,
)
from ranking.services.onboarding import continue_onboarding
from ranking.services.practice import (
    add_practice,
    allow_another_attempt,
    answer_practice,
    begin_practice,
    let_in,
)
from tests.factories import coordinator_of, make_member, make_newcomer, make_project
from tests.racing import at_once

from .making import let_lapse, make_assignment, make_correction, make_judgment, make_round

VOLUNTEERS = 8
pytestmark = pytest.mark.django_db(transaction=True)


def test_nobody_gets_an_assignment_that_someone_else_got():
    current = make_round(prompts=5, answers=2, judgments_per_comparison=1)
    volunteers = [make_member(current.project) for _ in range(VOLUNTEERS)]
    assignments = at_once(lambda one: claim_next(project=current.project, volunteer=one), volunteers)
    held = [assignment.pk for assignment in assignments if assignment is not None]
    assert len(held) == len(set(held)) == 5
    assert Assignment.objects.filter(state=Assignment.State.HELD).count() == 5


def test_judging_to_the_end_no_comparison_gets_more_judgments_than_assignments():
    current = make_round(prompts=6, answers=2, judgments_per_comparison=3)
    volunteers = [make_member(current.project) for _ in range(VOLUNTEERS)]

    def judge_all(volunteer):
        count = 0
        while assignment := claim_next(project=current.project, volunteer=volunteer):
            ranks = dict(zip(assignment.order, (1, 2), strict=True))
            submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)
            count += 1
        return count

    counts = at_once(judge_all, volunteers)
    assert sum(counts) == Judgment.objects.count() == 6 * 3
    for comparison in current.comparisons.all():
        assert comparison.judgments.values("volunteer").distinct().count() == 3


def test_late_judgments_at_once_with_those_in_time_take_no_assignment_from_them():
    current = make_round(answers=2, judgments_per_comparison=2)
    late = [make_assignment(current, make_member(current.project)) for _ in range(2)]
    for assignment in late:
        let_lapse(assignment)
    in_time = [make_assignment(current, make_member(current.project)) for _ in range(2)]
    judgments = at_once(lambda assignment: make_judgment(assignment, 1, 2), [*late, *in_time])
    assert [one.late for one in judgments] == [True, True, False, False]
    assert Judgment.objects.filter(assignment__isnull=False).count() == 2
    assert Tally.objects.progress(current, late[0].volunteer).done == 2


def test_one_person_in_many_tabs_gets_one_assignment():
    current = make_round(prompts=9, answers=2)
    volunteer = make_member(current.project)
    assignments = at_once(
        lambda _tab: claim_next(project=current.project, volunteer=volunteer), range(VOLUNTEERS)
    )
    assert len({assignment.pk for assignment in assignments}) == 1
    assert Assignment.objects.filter(state=Assignment.State.HELD).count() == 1


def test_one_person_in_many_tabs_holds_three_assignments_at_most():
    current = make_round(prompts=9, answers=2)
    volunteer = make_member(current.project)
    tabs = at_once(lambda _tab: claim_ahead(current=current, volunteer=volunteer), range(VOLUNTEERS))
    held = Assignment.objects.held_by(volunteer)
    assert sorted(held.values_list("place", flat=True)) == [0, 1, 2]
    keys = set(held.values_list("key", flat=True))
    assert all({assignment.key for assignment in assignments} == keys for assignments in tabs)


def test_people_who_fetch_ahead_at_once_share_the_assignments_and_none_is_held_twice():
    current = make_round(prompts=7, answers=2, judgments_per_comparison=2)
    volunteers = [make_member(current.project) for _ in range(VOLUNTEERS)]
    given = at_once(lambda one: claim_ahead(current=current, volunteer=one), volunteers)
    assignments = [assignment.pk for assignments in given for assignment in assignments]
    assert len(assignments) == len(set(assignments)) == 7 * 2
    for own in given:
        assert len({assignment.comparison_id for assignment in own}) == len(own) <= 3


def test_renewing_at_once_with_others_who_claim_keeps_no_assignment_that_went_on():
    current = make_round(prompts=3, answers=2)
    volunteer, other = make_member(current.project), make_member(current.project)
    for assignment in claim_ahead(current=current, volunteer=volunteer):
        let_lapse(assignment)

    def act(one):
        if one == other:
            return claim_ahead(current=current, volunteer=other)
        return renew_assignments(project=current.project, volunteer=volunteer)

    kept, taken = at_once(act, [volunteer, other])
    assert {assignment.pk for assignment in kept}.isdisjoint(assignment.pk for assignment in taken)
    assert len(kept) + len(taken) == 3
    assert not Assignment.objects.filter(held_until__lte=timezone.now()).exists()


def test_a_judgment_sent_many_times_at_once_is_stored_once():
    current = make_round(answers=3)
    assignment = make_assignment(current, make_member(current.project))
    ranks = dict(zip(assignment.order, (1, 2, 3), strict=True))
    judgments = at_once(
        lambda _click: submit_judgment(
            assignment=assignment, volunteer=assignment.volunteer, key=assignment.key, ranks=ranks
        ),
        range(VOLUNTEERS),
    )
    assert len({judgment.pk for judgment in judgments}) == 1
    assert Judgment.objects.count() == 1 and RankedCompletion.objects.count() == 3


def test_of_different_answers_with_one_key_the_first_stays():
    current = make_round(answers=2)
    assignment = make_assignment(current, make_member(current.project))

    def submit(ranks):
        try:
            return submit_judgment(
                assignment=assignment,
                volunteer=assignment.volunteer,
                key=assignment.key,
                ranks=dict(zip(assignment.order, ranks, strict=True)),
            )
        except KeyReusedError:
            return None

    stored = [one for one in at_once(submit, [(1, 2), (2, 1), (1, 1)]) if one]
    assert stored == list(Judgment.objects.all()) and len(stored) == 1


def test_of_corrections_made_at_once_one_counts():
    current = make_round(answers=2)
    judgment = make_judgment(make_assignment(current, make_member(current.project)), 1, 2)

    def correct(rationale):
        try:
            return make_correction(judgment, 2, 1, rationale=rationale)
        except CorrectedSinceError:
            return None

    stored = [one for one in at_once(correct, ["one", "two", "three"]) if one]
    assert len(stored) == 1 and stored == list(Judgment.objects.filter(is_current=True))
    assert Judgment.objects.count() == 2


def test_of_rounds_opened_at_once_each_has_its_number_and_one_is_open():
    first = make_round(answers=2)
    opened = at_once(lambda _: open_round(project=first.project, author=first.author), range(3))
    assert sorted(one.number for one in opened) == [2, 3, 4]
    assert [one.number for one in first.project.rounds.open()] == [4]
    assert all(one.comparisons.count() == 1 for one in opened)


def test_a_correction_with_an_answer_of_ones_own_and_the_next_round_wait_for_each_other():
    current = make_round(prompts=4, answers=2)
    volunteers = [make_member(current.project) for _ in range(4)]
    judgments = [make_judgment(make_assignment(current, one), 1, 2) for one in volunteers]

    def act(judgment):
        if judgment is None:
            return open_round(project=current.project, author=current.author)
        rewrite = {"original": judgment.shown_assignment.order[0], "text": "A better one."}
        try:
            return make_correction(judgment, 1, 2, rewrite=rewrite)
        except RoundClosedError:
            return None

    opened, *corrections = at_once(act, [None, *judgments])
    assert opened.is_open and opened.number == 2
    assert Demonstration.objects.count() == sum(one is not None for one in corrections)


def test_snapshots_taken_at_once_have_numbers_and_whole_files_of_their_own():
    current = make_round(answers=2)
    make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    datasets = at_once(lambda _: snapshot_preferences(project=current.project), range(3))
    assert sorted(one.number for one in datasets) == [1, 2, 3]
    for dataset in datasets:
        assert {path.name for path in dataset.folder.iterdir()} == set(dataset.file_names)


@pytest.mark.parametrize("_attempt", range(4))
def test_whoever_leaves_while_a_judgment_or_a_correction_is_on_its_way_leaves_none_behind(_attempt):
    current = make_round(prompts=2, answers=2, judgments_per_comparison=1)
    volunteer = make_member(current.project)
    first = make_judgment(make_assignment(current, volunteer), 1, 2)
    assignment = make_assignment(current, volunteer)

    def act(name):
        try:
            if name == "judge":
                make_judgment(assignment, 1, 2)
            elif name == "correct":
                make_correction(first, 2, 1)
            else:
                leave_project(membership=volunteer.memberships.get(), withdraw=True)
        except (RankingError, Judgment.DoesNotExist) as error:
            return type(error)
        return None

    at_once(act, ["judge", "correct", "leave"])
    assert not Judgment.objects.exists() and not RankedCompletion.objects.exists()
    assert not Assignment.objects.exclude(state=Assignment.State.FREE).exists()
    assert not Tally.objects.exists()


def test_a_snapshot_taken_while_somebody_leaves_is_without_their_judgments_or_marked():
    current = make_round(prompts=6, answers=3, judgments_per_comparison=2)
    stays, leaves = make_member(current.project), make_member(current.project)
    for volunteer in (stays, leaves):
        for _ in range(6):
            make_judgment(make_assignment(current, volunteer), 1, 2, 3)

    def act(name):
        if name == "leave":
            leave_project(membership=leaves.memberships.get(), withdraw=True)
        else:
            snapshot_preferences(project=current.project)

    at_once(act, ["snapshot", "leave", "snapshot"])
    for dataset in Dataset.objects.all():
        assert dataset.judgments - dataset.withdrawn_judgments == 6


def make_practising():
    """Somebody new in a project whose practice is one comparison, and its coordinator."""
    project = make_project()
    actor = coordinator_of(project)
    known = {"prompt": "Is it?", "answers": ["Yes.", "No."], "ranks": [1, 2], "why": "It is."}
    add_practice(project=project, drafts=[practice_from_record(known)], actor=actor)
    return project.memberships.get(user=make_newcomer(project)), actor


def test_practice_begun_by_many_clicks_is_one_try_and_its_last_answer_ends_it_once():
    membership, _actor = make_practising()
    tries = at_once(lambda _click: begin_practice(membership=membership), range(4))
    assert {one.pk for one in tries} == {PracticeAttempt.objects.get().pk}
    assignment = tries[0].assignments.get()
    assignments = at_once(
        lambda ranks: answer_practice(assignment=assignment, ranks=ranks), [{0: 1, 1: 2}, {0: 2, 1: 1}]
    )
    assert assignments[0].is_right == assignments[1].is_right == PracticeAttempt.objects.get().passed


def test_of_two_coordinators_who_decide_at_once_about_who_waits_one_does_and_the_other_is_told():
    membership, actor = make_practising()
    membership.wait()

    def act(decide):
        try:
            decide(membership=membership, actor=actor)
        except NotWaitingError:
            return None
        return decide

    (done,) = [one for one in at_once(act, [let_in, allow_another_attempt]) if one]
    membership.refresh_from_db()
    assert (membership.first_ready_at is not None) == (done == let_in)
    assert membership.practice_attempts.count() == (done == allow_another_attempt)


@pytest.mark.parametrize("_attempt", range(3))
def test_whoever_comes_in_while_the_guidelines_change_reads_them_first(_attempt):
    project = make_project(guidelines="One.")
    membership = project.memberships.get(user=make_newcomer(project))
    give_consent(membership=membership, number=1)
    read_guidelines(membership=membership, number=1)

    def act(name):
        if name == "come in":
            continue_onboarding(membership=membership)
        else:
            write_guidelines(project=project, text="Two.", actor=coordinator_of(project))

    at_once(act, ["come in", "write"])
    membership.refresh_from_db()
    assert membership.ready_at is None
