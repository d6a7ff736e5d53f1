"""What came of judgments, as volunteers read it on their home page."""

import pytest
from django.urls import reverse

from annotator.models import Author
from annotator.services.completions import get_or_create_author
from ranking.models import Judgment, Outcome
from ranking.services import (
    close_round,
    decide_outcome,
    record_outcome,
    snapshot_preferences,
)
from tests.factories import coordinator_of, make_member, make_project

from .making import assert_refused, make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db
Decision, Judge = Outcome.Decision, Outcome.Judge


def version(project, number):
    return get_or_create_author(project=project, kind=Author.Kind.MODEL, name=f"Version {number}")


def make_outcome(project, number=7, judge=Judge.PEOPLE, decision=None, **counts):
    counts = {"wins": 260, "ties": 32, "losses": 120} | counts
    outcome = record_outcome(
        dataset=snapshot_preferences(project=project),
        candidate=version(project, number),
        baseline=version(project, number - 1),
        judge=judge,
        **counts,
    )
    if decision:
        decide_outcome(candidate=outcome.candidate, decision=decision)
        outcome.refresh_from_db()
    return outcome


@pytest.fixture
def current():
    return make_round(prompts=8, answers=2)


@pytest.fixture
def vera(current):
    return make_member(current.project, name="Vera")


def rank(current, *people):
    return [make_judgment(make_assignment(current, person), 1, 2) for person in people]


def home(client, project, user):
    client.force_login(user)
    page = client.get(reverse("project", args=[project.slug]))
    assert page.status_code == 200
    return " ".join(page.text.split())


def test_one_reads_how_the_version_did_and_that_one_was_among_those_who_taught_it(client, current, vera):
    rank(current, vera, vera, make_member(current.project), make_member(current.project))
    make_outcome(current.project, decision=Decision.RELEASED)
    html = home(client, current.project, vera)
    assert (
        "Version 7 has a win rate of 67 % against Version 6</strong> in 412 blind comparisons: 260 won"
        in html
    )
    assert "You were one of 3 people who taught it, with 2 rankings. Thank you." in html
    assert "What your rankings changed" in html
    assert "It was released on" in html


def test_who_taught_nothing_reads_of_the_others_only(client, current, vera):
    rank(current, vera, make_member(current.project))
    make_outcome(current.project, decision=Decision.RELEASED)
    html = home(client, current.project, make_member(current.project))
    assert "2 people taught it with their rankings." in html
    assert "What the rankings changed" in html
    assert "You were" not in html


def test_a_version_that_was_not_released_is_told_as_plainly(client, current, vera):
    rank(current, vera)
    make_outcome(current.project, decision=Decision.NOT_RELEASED, wins=10, ties=0, losses=30)
    html = home(client, current.project, vera)
    assert (
        "has a win rate of 25 % against Version 6</strong> in 40 blind comparisons: 10 won, 30 lost, 0 tied"
        in html
    )
    assert "It was not released: the current version stays." in html


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        (Judge.PEOPLE, "People judged, and did not know"),
        (Judge.REWARD_MODEL, "A program that has learned from rankings"),
        (Judge.MODEL, "Another language model"),
    ],
)
def test_who_judged_is_said_and_only_people_are_called_blind(client, current, vera, judge, words):
    rank(current, vera)
    make_outcome(current.project, judge=judge, decision=Decision.RELEASED)
    html = home(client, current.project, vera)
    assert words in html
    assert ("blind comparisons" in html) == (judge == Judge.PEOPLE)


def test_before_it_is_decided_no_figure_is_told(client, current, vera):
    rank(current, vera)
    make_outcome(current.project)
    html = home(client, current.project, vera)
    assert "will decide whether it replaces" in html
    assert "67 %" not in html


def test_earlier_versions_are_listed_below_the_newest(client, current, vera):
    rank(current, vera)
    make_outcome(current.project, number=7, decision=Decision.TAKEN_BACK)
    make_outcome(current.project, number=8, wins=1, ties=0, losses=1, decision=Decision.RELEASED)
    html = home(client, current.project, vera)
    newest, _, earlier = html.partition("Earlier versions")
    assert "Version 8 has a win rate of 50 % against Version 7" in newest
    assert (
        "Version 7 has a win rate of 67 % against Version 6" in earlier
        and "replaced by an earlier version" in earlier
    )


def test_an_earlier_version_that_was_not_decided_is_not_listed(client, current, vera):
    rank(current, vera)
    make_outcome(current.project, number=7)
    make_outcome(current.project, number=8, decision=Decision.RELEASED)
    html = home(client, current.project, vera)
    assert "Version 8 has a win rate" in html and "Version 7 has a win rate" not in html


def test_another_projects_outcome_is_not_shown(client, current, vera):
    rank(current, vera)
    make_outcome(current.project, decision=Decision.RELEASED)
    other = make_project()
    assert "rankings changed" not in home(client, other, coordinator_of(other))


def test_simulated_volunteers_are_no_people_and_their_share_is_told(client, current, vera):
    robot = make_member(current.project)
    robot.is_simulated = True
    robot.save()
    rank(current, vera, robot, robot)
    assert make_outcome(current.project, decision=Decision.RELEASED).volunteers == 1
    html = home(client, current.project, vera)
    assert "You were the one person who taught it, with 1 ranking." in html
    assert "2 of the 3 rankings that it learned from came from simulated volunteers." in html


def test_what_was_in_the_dataset_is_what_counted_when_it_was_taken(current, vera):
    """Corrected before: the correction. Corrected after: what was said first. Not ranked: no ranking."""
    before, after, unranked = rank(current, vera, vera, vera)
    fixed = make_correction(before, 2, 1)
    make_correction(unranked, verdict=Judgment.Verdict.ALL_BAD)
    dataset = snapshot_preferences(project=current.project)
    make_correction(after, 2, 1)
    rank(current, vera)
    assert set(Judgment.objects.in_dataset(dataset)) == {fixed, after}


@pytest.mark.usefixtures("taken_unread")
def test_an_answer_that_somebody_wrote_teaches_as_a_ranking_does(current, vera):
    assignment = make_assignment(current, vera)
    rewrite = {"original": assignment.order[0], "text": "Because water expands as it warms."}
    make_judgment(assignment, verdict=Judgment.Verdict.ALL_BAD, rewrite=rewrite)
    assert make_outcome(current.project).volunteers == 1


def test_the_decision_can_change_and_keeps_its_time_when_told_twice(current, vera):
    rank(current, vera)
    outcome = make_outcome(current.project, decision=Decision.RELEASED)
    decided = outcome.decided_at
    decide_outcome(candidate=outcome.candidate, decision=Decision.RELEASED)
    outcome.refresh_from_db()
    assert outcome.decided_at == decided
    decide_outcome(candidate=outcome.candidate, decision=Decision.TAKEN_BACK)
    outcome.refresh_from_db()
    assert outcome.decision == Decision.TAKEN_BACK and outcome.decided_at > decided


def test_the_base_version_has_nothing_to_decide(current):
    decide_outcome(candidate=version(current.project, 0), decision=Decision.RELEASED)
    assert not Outcome.objects.exists()


def test_the_database_refuses_a_decision_without_its_time(current, vera):
    rank(current, vera)
    outcome = make_outcome(current.project)
    assert_refused(Outcome.objects.filter(pk=outcome.pk).update, decision=Decision.RELEASED)


def test_between_rounds_the_home_page_still_tells_it(client, current, vera):
    rank(current, vera)
    close_round(project=current.project)
    make_outcome(current.project, decision=Decision.RELEASED)
    assert "Version 7 has a win rate" in home(client, current.project, vera)
