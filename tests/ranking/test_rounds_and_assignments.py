"""Opening rounds and claiming assignments."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotator.models import Author, Split
from annotator.services.completions import add_completions, get_or_create_author
from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.errors import NothingToRankError
from ranking.models import Assignment, Comparison, ComparisonItem, Round
from ranking.services import claim_next, close_round, open_round
from tests.factories import coordinator_of, make_completion, make_member, make_project, make_prompt

from .making import make_answers, make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


def test_a_round_has_one_comparison_a_prompt_of_so_many_completions_with_all_assignments():
    project = make_project(completions_per_comparison=3, judgments_per_comparison=2)
    author = make_answers(project, prompts=5, answers=7)
    opened = open_round(project=project, author=author)
    assert opened.number == 1 and opened.is_open and opened.author == author
    assert opened.comparisons.count() == 5
    for comparison in opened.comparisons.all():
        assert comparison.completions.count() == 3
        assert {one.prompt for one in comparison.completions.all()} == {comparison.prompt}
        assert set(comparison.assignments.values_list("number", "state")) == {(0, "free"), (1, "free")}


def test_prompts_that_are_withdrawn_or_too_long_are_in_no_new_round():
    project = make_project()
    author = make_answers(project, prompts=3)
    withdrawn, too_long, asked = project.prompts.all()
    withdraw_prompts(project=project, prompt_ids=[withdrawn.pk], actor=None)
    project.prompts.filter(pk=too_long.pk).update(too_long=True)
    opened = open_round(project=project, author=author)
    assert [comparison.prompt for comparison in opened.comparisons.all()] == [asked]
    withdraw_prompts(project=project, prompt_ids=[asked.pk], actor=None)
    with pytest.raises(NothingToRankError):
        open_round(project=project, author=author)


def test_several_comparisons_of_a_prompt_share_no_completion():
    project = make_project(completions_per_comparison=3)
    author = make_answers(project, answers=8)
    opened = open_round(project=project, author=author, comparisons_per_prompt=5)
    sizes = sorted(comparison.items.count() for comparison in opened.comparisons.all())
    assert sizes == [2, 3, 3]
    assert ComparisonItem.objects.values("completion").distinct().count() == 8


def test_a_left_over_single_completion_is_not_compared():
    project = make_project(completions_per_comparison=3)
    opened = open_round(project=project, author=make_answers(project, answers=4), comparisons_per_prompt=2)
    assert [comparison.items.count() for comparison in opened.comparisons.all()] == [3]


def test_the_same_seed_draws_the_same_comparisons():
    project = make_project(completions_per_comparison=2)
    author = make_answers(project, prompts=6, answers=6)

    def drawn(seed):
        opened = open_round(project=project, author=author, seed=seed)
        items = ComparisonItem.objects.filter(comparison__round=opened).order_by("comparison", "pk")
        return list(items.values_list("completion", flat=True))

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_held_out_prompts_are_ranked_too():
    project = make_project()
    author = make_answers(project, prompts=40, answers=2)
    opened = open_round(project=project, author=author)
    assert set(opened.comparisons.values_list("prompt__split", flat=True)) == set(Split.values)


def test_opening_closes_the_round_before_and_counts_on():
    first = make_round()
    second = open_round(project=first.project, author=first.author, actor=coordinator_of(first.project))
    first.refresh_from_db()
    assert not first.is_open and second.is_open and second.number == 2
    verbs = first.project.audit_events.filter(verb__startswith="round.").values_list("verb", flat=True)
    assert sorted(verbs) == ["round.closed", "round.moved", "round.moved", "round.opened", "round.opened"]


def test_only_that_authors_completions_are_compared():
    project = make_project()
    prompt = make_prompt(project)
    make_completion(prompt, author="Somebody else")
    author = make_answers(project)
    opened = open_round(project=project, author=author)
    assert opened.comparisons.filter(prompt=prompt).count() == 0


def test_without_two_distinct_texts_nothing_opens_and_the_open_round_stays():
    current = make_round()
    author = get_or_create_author(project=current.project, kind=Author.Kind.MODEL, name="Version 2")
    add_completions(author=author, texts=[(make_prompt(current.project), "The only answer.")])
    with pytest.raises(NothingToRankError):
        open_round(project=current.project, author=author)
    assert Round.objects.get().is_open


def test_a_thousand_comparisons_take_few_queries():
    project = make_project(completions_per_comparison=4, judgments_per_comparison=3)
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    prompts = [make_prompt(project) for _ in range(3)]
    add_completions(author=author, texts=[(prompts[n % 3], f"Text {n}") for n in range(3000)])
    with CaptureQueriesContext(connection) as queries:
        opened = open_round(project=project, author=author, comparisons_per_prompt=250)
    assert opened.comparisons.count() == 750
    assert len(queries) < 65


def test_closing_closes_the_open_round_and_nothing_when_none_is_open():
    project = make_round().project
    closed = close_round(project=project)
    assert closed is not None and not closed.is_open
    assert close_round(project=project) is None


def test_a_claimed_assignment_is_held_for_the_projects_term_with_a_shuffled_order():
    current = make_round(prompts=12, answers=8)
    now = timezone.now()
    assignments = [
        claim_next(project=current.project, volunteer=make_member(current.project), now=now)
        for _ in range(12)
    ]
    for assignment in assignments:
        assignment.refresh_from_db()
        assert assignment.state == Assignment.State.HELD
        assert assignment.held_until == now + timedelta(minutes=30)
        assert sorted(assignment.order) == sorted(
            assignment.comparison.items.values_list("completion_id", flat=True)
        )
    assert any(assignment.order != sorted(assignment.order) for assignment in assignments)
    assert len({assignment.key for assignment in assignments}) == 12


def test_claiming_again_returns_the_same_assignment():
    current = make_round(prompts=3)
    volunteer = make_member(current.project)
    first, second = make_assignment(current, volunteer), make_assignment(current, volunteer)
    assert (first.pk, first.key, first.order) == (second.pk, second.key, second.order)


def test_ones_own_assignment_is_found_however_many_others_have_lapsed():
    current = make_round(prompts=40, answers=2)
    volunteer = make_member(current.project)
    for _ in range(20):
        make_assignment(current, make_member(current.project))
    own = make_assignment(current, volunteer)
    later = timezone.now() + timedelta(hours=2)
    assert claim_next(project=current.project, volunteer=volunteer, now=later) == own


def test_a_lapsed_assignment_is_offered_to_those_only_to_whom_its_comparison_is_new():
    current = make_round(prompts=1, answers=2, judgments_per_comparison=2)
    judge, other = make_member(current.project), make_member(current.project)
    make_judgment(make_assignment(current, judge), 1, 2)
    left = make_assignment(current, other)
    later = timezone.now() + timedelta(hours=2)
    assert claim_next(project=current.project, volunteer=judge, now=later) is None
    assert claim_next(project=current.project, volunteer=make_member(current.project), now=later) == left


def test_coming_back_late_one_finds_the_assignment_again_if_nobody_took_it():
    current = make_round(prompts=3)
    volunteer = make_member(current.project)
    assignment = make_assignment(current, volunteer)
    later = timezone.now() + timedelta(hours=2)
    again = claim_next(project=current.project, volunteer=volunteer, now=later)
    assert (again.pk, again.key, again.order) == (assignment.pk, assignment.key, assignment.order)
    assert again.held_until > later and again.claimed_at == later


def test_no_comparison_is_judged_again_before_all_have_been_judged_as_often():
    current = make_round(prompts=4, judgments_per_comparison=3)
    for _ in range(3):
        volunteer = make_member(current.project)
        for _ in range(4):
            make_judgment(make_assignment(current, volunteer), 1, 2, 3, 4)
        counts = Counter(
            Assignment.objects.filter(state="done").values_list("comparison", flat=True)
        ).values()
        assert len(set(counts)) == 1


def test_a_volunteer_never_sees_a_comparison_twice():
    current = make_round(prompts=3, judgments_per_comparison=5)
    volunteer = make_member(current.project)
    seen = set()
    while assignment := claim_next(project=current.project, volunteer=volunteer):
        seen.add(assignment.comparison_id)
        make_judgment(assignment, 1, 2, 3, 4)
    assert len(seen) == 3 == Comparison.objects.count()


def test_an_assignment_whose_holder_was_deleted_goes_to_someone_else_when_its_time_is_over():
    current = make_round(prompts=1)
    volunteer, other = make_member(current.project), make_member(current.project)
    assignment = make_assignment(current, volunteer)
    volunteer.delete()
    assert claim_next(project=current.project, volunteer=other) is None
    later = timezone.now() + timedelta(hours=1)
    assert claim_next(project=current.project, volunteer=other, now=later) == assignment


def test_nothing_is_offered_without_an_open_round_or_when_all_is_taken():
    current = make_round(prompts=1)
    volunteer, other = make_member(current.project), make_member(current.project)
    make_assignment(current, volunteer)
    assert claim_next(project=current.project, volunteer=other) is None
    close_round(project=current.project)
    assert claim_next(project=current.project, volunteer=volunteer) is None


def test_assignments_of_other_projects_are_never_offered():
    make_round(prompts=2)
    current = make_round()
    volunteer = make_member(current.project)
    make_judgment(make_assignment(current, volunteer), 1, 2, 3, 4)
    assert claim_next(project=current.project, volunteer=volunteer) is None


def test_claiming_costs_few_queries_however_many_assignments_there_are():
    current = make_round(prompts=30)
    volunteer = make_member(current.project)
    with CaptureQueriesContext(connection) as queries:
        make_assignment(current, volunteer)
    assert len(queries) <= 8
