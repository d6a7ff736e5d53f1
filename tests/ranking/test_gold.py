"""Gold questions: marked, mixed in so that nobody can tell, asked once, and counted nowhere."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotator.models import Completion, Project
from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.errors import InvalidJudgmentError, NoPreferencesError, RankingError
from ranking.models import (
    AnswerReview,
    Assignment,
    Comparison,
    Dataset,
    Demonstration,
    GoldQuestion,
    Judgment,
    Round,
    Tally,
)
from ranking.models.agreement_figures import agreement_in
from ranking.models.collected import collected_in
from ranking.models.contested import standing_of
from ranking.models.position_bias import first_positions
from ranking.models.reliability import fit_of
from ranking.services import (
    add_assignment,
    claim_ahead,
    claim_next,
    close_round,
    open_round,
    skip_comparison,
    snapshot_preferences,
)
from ranking.services.gold.marking import mark_gold, take_out_gold
from ranking.services.gold.turns import is_due
from ranking.services.withdrawal import withdraw_judgments
from tests.api import client_of
from tests.factories import coordinator_of, make_member
from tests.racing import at_once

from .making import (
    better_first,
    let_lapse,
    make_answers,
    make_assignment,
    make_correction,
    make_gold_round,
    make_judgment,
    make_round,
)

pytestmark = pytest.mark.django_db


def copies_in(current):
    return current.comparisons.filter(source=Comparison.Source.GOLD)


def mark(comparison, **fields):
    fields.setdefault("ranks", better_first(comparison))
    return mark_gold(comparison=comparison, actor=coordinator_of(comparison.round.project), **fields)


def test_a_marked_comparison_is_asked_in_the_next_round_with_the_same_answers():
    current = make_round(prompts=2, answers=3)
    marked = current.comparisons.first()
    question = mark(marked, why="The first one is true.")
    assert not copies_in(current).exists()
    opened = open_round(
        project=current.project, author=make_answers(current.project, 2, name="Version 2"), seed=1
    )
    (copy,) = copies_in(opened)
    assert copy.gold == question and copy.prompt == marked.prompt
    assert set(copy.completions.all()) == set(marked.completions.all())
    assert opened.gold_count == 1 and opened.comparisons.ordinary().count() == 2


def test_without_gold_questions_or_with_a_rate_of_0_a_round_has_none():
    current = make_round(answers=2)
    assert not copies_in(current).exists()
    mark(current.comparisons.get())
    Project.objects.filter(pk=current.project_id).update(gold_every=0)
    opened = open_round(project=current.project, author=make_answers(current.project, name="Version 2"))
    assert not copies_in(opened).exists() and opened.gold_count == 0


def test_a_round_that_compares_the_same_answers_does_not_ask_about_them_twice():
    current = make_round(answers=2)
    mark(current.comparisons.get())
    opened = open_round(project=current.project, author=current.author)
    assert opened.comparisons.count() == 1 and not copies_in(opened).exists()


def test_what_was_withdrawn_taken_out_or_is_in_another_language_is_not_asked():
    current = make_round(prompts=3, answers=2)
    withdrawn, out, other = current.comparisons.all()
    questions = [mark(one) for one in (withdrawn, out, other)]
    coordinator = coordinator_of(current.project)
    withdraw_prompts(project=current.project, prompt_ids=[withdrawn.prompt_id], actor=coordinator)
    take_out_gold(question=questions[1], actor=coordinator)
    other.prompt.relabel(language="fr", source="", tags=[])
    opened = open_round(project=current.project, author=make_answers(current.project, name="Version 2"))
    assert opened.languages == ["en"] and not copies_in(opened).exists()


def test_each_person_is_asked_a_gold_question_once_in_all_rounds():
    current = make_gold_round(questions=2)
    member = make_member(current.project)
    for _ in range(2):
        make_judgment(make_assignment(current, member), 1, 2)
    judged = Judgment.objects.on_gold(current.project).filter(volunteer=member)
    assert len({one.comparison.gold_id for one in judged}) == 2 == judged.count()
    assert not make_assignment(current, member).is_gold
    again = open_round(project=current.project, author=make_answers(current.project, 3, 2, "Version 3"))
    assert copies_in(again).count() == 2 and not make_assignment(again, member).is_gold
    assert make_assignment(again, make_member(current.project)).is_gold


def test_who_has_judged_or_skipped_its_answers_before_is_not_asked():
    first = make_round(prompts=2, answers=2, judgments_per_comparison=3)
    judge, skipper, nobody = (make_member(first.project) for _ in range(3))
    make_judgment(make_assignment(first, judge), 1, 2)
    skip_comparison(assignment=make_assignment(first, skipper), volunteer=skipper)
    judged = judge.judgments.get().comparison
    skipped = skipper.skips.get().comparison
    for one in {judged, skipped}:
        mark(one)
    Project.objects.update(gold_every=1)
    opened = open_round(project=first.project, author=make_answers(first.project, 4, 2, "Version 2"))
    asked = {
        person.pk: {one.comparison.gold.prompt_id for one in everything_given(opened, person) if one.is_gold}
        for person in (judge, skipper, nobody)
    }
    assert judged.prompt_id not in asked[judge.pk] and skipped.prompt_id not in asked[skipper.pk]
    assert asked[nobody.pk] == {judged.prompt_id, skipped.prompt_id}


def everything_given(current, person):
    """All that a person is given in a round, each judged in its turn."""
    given = []
    while assignment := claim_next(project=current.project, volunteer=person):
        given.append(assignment)
        make_judgment(assignment, 1, 2)
    return given


def test_one_comparison_in_twenty_is_a_gold_one_for_everybody(settings):
    settings.SECRET_KEY = "the same in each run of this test"
    turns = [[is_due(7, person, position, 20) for position in range(100)] for person in range(200)]
    assert 900 < sum(map(sum, turns)) < 1100  # of 20,000, within three deviations of 1000
    assert max(map(sum, turns)) < 20
    by_position = [sum(column) for column in zip(*turns, strict=True)]
    assert max(by_position) < 30  # no position where many are asked
    assert turns == [[is_due(7, person, position, 20) for position in range(100)] for person in range(200)]


def test_what_is_given_is_what_the_turns_say(monkeypatch):
    current = make_gold_round(questions=4, prompts=12)
    member = make_member(current.project)
    monkeypatch.setattr("ranking.services.gold.turns.is_due", lambda _round, _who, n, _every: n in (1, 4, 9))
    assert [one.is_gold for one in everything_given(current, member)][:11] == [
        n in (1, 4, 9) for n in range(11)
    ]


def test_a_skipped_gold_question_is_not_followed_by_another_in_its_place(monkeypatch):
    current = make_gold_round(questions=2)
    member = make_member(current.project)
    monkeypatch.setattr("ranking.services.gold.turns.is_due", lambda _round, _who, n, _every: n == 0)
    gold = make_assignment(current, member)
    skip_comparison(assignment=gold, volunteer=member)
    assert gold.is_gold and not make_assignment(current, member).is_gold


def test_comparisons_held_ahead_have_it_at_its_place(monkeypatch):
    current = make_gold_round(questions=2, prompts=5)
    monkeypatch.setattr("ranking.services.gold.turns.is_due", lambda _round, _who, n, _every: n == 1)
    held = claim_ahead(current=current, volunteer=make_member(current.project))
    assert [one.is_gold for one in held] == [False, True, False]


def test_whose_turn_it_is_costs_two_queries_and_none_without_gold_questions(
    django_assert_num_queries, monkeypatch
):
    current = make_gold_round()
    first, second, third = (make_member(current.project) for _ in range(3))
    current = Round.objects.select_related("project").get(pk=current.pk)
    monkeypatch.setattr("ranking.services.gold.turns.is_due", lambda *_about: False)
    make_assignment(current, first)
    with CaptureQueriesContext(connection) as asked:
        claim_ahead(current=current, volunteer=second, wanted=1)
    current.gold_count = 0
    with django_assert_num_queries(len(asked) - 2):
        claim_ahead(current=current, volunteer=third, wanted=1)


@pytest.mark.django_db(transaction=True)
def test_people_who_come_at_once_get_places_of_their_own_at_a_gold_question():
    current = make_gold_round(questions=1, prompts=6)
    people = [make_member(current.project) for _ in range(6)]
    given = at_once(lambda person: make_assignment(current, person), people)
    assert len({one.pk for one in given}) == 6
    # Who was not quick enough for the place that they wanted is given an ordinary comparison.
    assert any(one.is_gold for one in given)


def test_once_all_places_are_taken_people_are_given_ordinary_comparisons():
    current = make_gold_round(questions=1, prompts=6)
    places = copies_in(current).get().assignments.count()
    assert places == 14 and current.assignment_count == 6  # twice what is expected, and two
    given = [make_assignment(current, make_member(current.project)) for _ in range(places + 1)]
    assert [one.is_gold for one in given] == [True] * places + [False]


def test_simulated_volunteers_are_not_asked():
    current = make_gold_round()
    simulated = make_member(current.project)
    simulated.is_simulated = True
    assert not make_assignment(current, simulated).is_gold


def test_where_nothing_else_is_left_none_is_asked():
    current = make_gold_round(questions=2, prompts=1)
    member = make_member(current.project)
    assert [one.is_gold for one in everything_given(current, member)] == [True, True, False]
    late = make_member(current.project)
    assert claim_next(project=current.project, volunteer=late) is None


def test_one_with_an_answer_that_was_withheld_is_given_to_nobody():
    current = make_gold_round()
    answer = copies_in(current).get().completions.first()
    AnswerReview.objects.create(
        completion=answer, project=current.project, decision=AnswerReview.Decision.WITHDRAWN
    )
    assert not make_assignment(current, make_member(current.project)).is_gold


def without_particulars(text, assignment):
    """A comparison's page or payload without what differs between any two comparisons."""
    texts = [*assignment.comparison.completions.values_list("text", flat=True)]
    for each in [*texts, assignment.comparison.prompt.question]:
        text = text.replace(each, "TEXT")
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|csrfmiddlewaretoken\S* value=\S+|\d+", "", text)


@pytest.fixture
def gold_and_ordinary(monkeypatch):
    """A gold and an ordinary assignment of one person."""
    current = make_gold_round(questions=1, prompts=3)
    monkeypatch.setattr("ranking.services.gold.turns.is_due", lambda _round, _who, n, _every: n == 0)
    return claim_ahead(current=current, volunteer=make_member(current.project), wanted=2)


def test_pages_held_ahead_are_alike(client, gold_and_ordinary):
    gold, ordinary = gold_and_ordinary
    assert (gold.is_gold, ordinary.is_gold) == (True, False)
    client.force_login(gold.volunteer)
    first, second, _third = client.get(reverse("ahead", args=[gold.round.project.slug])).json()["ahead"]
    assert first.keys() == second.keys() and first["key"] == str(gold.key)
    assert without_particulars(first["html"], gold) == without_particulars(second["html"], ordinary)


def test_the_api_gives_the_same_of_both(gold_and_ordinary):
    gold, ordinary = gold_and_ordinary
    api = client_of(gold.volunteer)
    url = reverse("api-next-assignment", args=[gold.round.project.slug])
    first = api.post(url).json()
    make_judgment(gold, 1, 2)
    second = api.post(url).json()
    assert (first["id"], second["id"]) == (gold.pk, ordinary.pk)
    assert shape(first) == shape(second)


def shape(value):
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


def test_ids_of_gold_ones_are_among_the_others():
    current = make_gold_round(questions=6, prompts=6)
    ids = [pk for pk, _gold in current.comparisons.order_by("pk").values_list("pk", "gold")]
    places = [ids.index(pk) for pk in copies_in(current).values_list("pk", flat=True)]
    assert min(places) < 6 <= max(places) < 12 and places != list(range(6, 12))
    for kind in ({"number__gte": 2**14}, {"number__lt": 2**14}):
        found = current.assignments.filter(**kind).values_list("pk", flat=True)
        assert (
            min(found) < current.assignments.order_by("pk")[current.assignments.count() // 2].pk < max(found)
        )


def test_judging_one_looks_like_judging_any_to_who_did(client, gold_and_ordinary):
    gold, _ordinary = gold_and_ordinary
    project, member = gold.round.project, gold.volunteer
    seen = []
    for one in gold_and_ordinary:
        judgment = make_judgment(one, 1, 2)
        make_correction(judgment, 2, 1)
        progress = Tally.objects.progress(gold.round, member).as_seen
        seen.append((progress.done, progress.own, progress.total))
    assert seen == [(1, 1, 3), (2, 2, 3)]
    client.force_login(member)
    page = client.get(reverse("judged", args=[project.slug])).text
    for judgment in member.judgments.filter(is_current=True):
        assert reverse("correct-judgment", args=[project.slug, judgment.pk]) in page
    listed = client_of(member).get(reverse("api-judgments", args=[project.slug])).json()["results"]
    assert len(listed) == 2


def figures_of(current):
    """Everything that is counted of a round, and of its project."""
    project, fit = current.project, fit_of(current.project)
    in_round = Judgment.objects.in_round(current)
    of_project = Judgment.objects.of_project(project)
    coordinator = coordinator_of(project)
    tallies = Tally.objects.filter(round=current)
    api = client_of(coordinator)
    return {
        "progress": Tally.objects.progress(current, coordinator),
        "a day": tallies.per_day(),
        "by day": list(tallies.by_day()),
        "tallies": tallies.ordinary_total(),
        "in round": in_round.count(),
        "of project": of_project.count(),
        "for a dataset": Judgment.objects.for_dataset(project).count(),
        "by verdict": in_round.by_verdict(),
        "collected": collected_in(of_project, fit),
        "standing": standing_of(current, fit, 10),
        "agreement": agreement_in(of_project),
        "order of answers": list(first_positions(project)),
        "rewrites": Demonstration.objects.waiting_in(project).count(),
        "preferences": api.get(reverse("api-preferences", args=[project.slug])).json()["results"],
    }


def test_judgments_on_gold_questions_are_counted_nowhere():
    current = make_gold_round(questions=1, prompts=1, judgments_per_comparison=2)
    person, other = (make_member(current.project) for _ in range(2))
    before = figures_of(current)
    for each in (person, other):
        judge_and_rewrite(make_assignment(current, each))
    assert Judgment.objects.on_gold(current.project).count() == 2
    assert {name: value for name, value in figures_of(current).items() if value != before[name]} == {}
    with pytest.raises(NoPreferencesError):
        snapshot_preferences(project=current.project)
    for each in (person, other):  # the same on an ordinary comparison: each figure sees it
        judge_and_rewrite(make_assignment(current, each))
    after = figures_of(current)
    assert [name for name, value in before.items() if value == after[name]] == []
    snapshot_preferences(project=current.project)
    assert Dataset.objects.get().judgments == 2


def judge_and_rewrite(assignment):
    make_judgment(assignment, 2, 1, rewrite={"original": assignment.order[0], "text": "Better."})


def test_no_more_people_are_asked_about_one():
    current = make_gold_round(judgments_per_comparison=1, most_judgments_per_comparison=3)
    judgment = make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    places = copies_in(current).get().assignments.count()
    assert judgment.assignment.is_gold
    with pytest.raises(RankingError):
        add_assignment(comparison=judgment.comparison)
    assert copies_in(current).get().assignments.count() == places
    current.refresh_from_db()
    assert Tally.objects.progress(current, judgment.volunteer).total == current.assignment_count == 3


def test_closing_the_round_removes_what_nobody_was_asked():
    current = make_gold_round(questions=2)
    judgment = make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    held = make_assignment(current, make_member(current.project))
    close_round(project=current.project)
    left = Assignment.objects.filter(round=current, number__gte=2**14)
    assert set(left) == {judgment.assignment, held}
    assert {one.pk for one in copies_in(current)} == {judgment.comparison_id, held.comparison_id}
    assert current.comparisons.ordinary().count() == 3


def test_one_that_lapsed_can_be_judged_late_and_goes_only_to_who_may_be_asked():
    current = make_gold_round(questions=1)
    slow = make_member(current.project)
    lapsed = make_assignment(current, slow)
    copies_in(current).get().assignments.exclude(pk=lapsed.pk).delete()
    let_lapse(lapsed)
    assert make_assignment(current, make_member(current.project)) == lapsed
    assert make_judgment(lapsed, 1, 2).late and Judgment.objects.on_gold(current.project).count() == 1
    assert Tally.objects.progress(current, slow).done == 0


def test_whoever_withdraws_takes_their_answers_along():
    current = make_gold_round()
    member = make_member(current.project)
    assignment = make_judgment(make_assignment(current, member), 1, 2).assignment
    withdraw_judgments(volunteer=member, project=current.project)
    assignment.refresh_from_db()
    assert not Judgment.objects.exists() and assignment.state == Assignment.State.FREE
    assert GoldQuestion.objects.count() == 1


def test_one_that_was_taken_out_is_asked_nobody_any_more_and_can_be_marked_again():
    current = make_gold_round()
    question, copy = GoldQuestion.objects.get(), copies_in(current).get()
    held = make_assignment(current, make_member(current.project))
    assert take_out_gold(question=question, actor=coordinator_of(current.project))
    assert not take_out_gold(question=question, actor=coordinator_of(current.project))
    assert not make_assignment(current, make_member(current.project)).is_gold
    assert make_judgment(held, 1, 2).comparison == copy
    original = Comparison.objects.get(prompt=question.prompt, source=Comparison.Source.DESK)
    assert mark(original).pk != question.pk


def test_what_cannot_be_a_gold_question_is_refused():
    current = make_round(answers=2)
    comparison = current.comparisons.get()
    first, second = sorted(better_first(comparison))
    for ranks in ({}, {first: 1}, {first: 1, second: 3}, {first: 1, second: 2, 0: 1}):
        with pytest.raises(InvalidJudgmentError):
            mark(comparison, ranks=ranks)
    with pytest.raises(RankingError, match="different"):
        mark(comparison, ranks={first: 1, second: 1})
    mark(comparison)
    with pytest.raises(RankingError, match="already"):
        mark(comparison)
    assert GoldQuestion.objects.count() == 1 and Completion.objects.count() == 2


def test_a_copy_or_one_of_a_withdrawn_prompt_cannot_be_marked():
    current = make_gold_round()
    with pytest.raises(RankingError, match="volunteers were given"):
        mark(copies_in(current).get())
    one = current.comparisons.ordinary().first()
    withdraw_prompts(
        project=current.project, prompt_ids=[one.prompt_id], actor=coordinator_of(current.project)
    )
    one.refresh_from_db()
    with pytest.raises(RankingError, match="withdrawn"):
        mark(one)
