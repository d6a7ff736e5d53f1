"""The pages of contested comparisons: judged blind first, with what volunteers said after that."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import Project, Role, User
from annotator.pseudonyms import pseudonym_of
from ranking.models import Assignment, Comparison, Judgment, Round
from ranking.models.contested import waiting_for_decision
from ranking.services import close_round, submit_judgment
from ranking.services.fits.worker import fit_project
from ranking.services.review.contested import decide_comparison, place_of
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_project
from tests.pressing import filled

from .desk import at, words_of
from .making import make_assignment, make_round

pytestmark = pytest.mark.django_db

REASONS = ("It names its source.", "It is too long.")


@pytest.fixture
def current() -> Round:
    """Two comparisons of two answers, which two volunteers contest."""
    current = make_round(prompts=2, answers=2, judgments_per_comparison=2)
    for ranks, reason in zip(((1, 2), (2, 1)), REASONS, strict=True):
        person = make_member(current.project)
        for _comparison in range(2):
            assignment = make_assignment(current, person)
            given = dict(zip(sorted(assignment.order), ranks, strict=True))
            submit_judgment(
                assignment=assignment, volunteer=person, key=assignment.key, ranks=given, rationale=reason
            )
    fit_project(current.project)
    return current


@pytest.fixture
def project(current) -> Project:
    return current.project


@pytest.fixture
def contested(project) -> Comparison:
    """The one that comes first."""
    first = waiting_for_decision(project).first()
    assert first is not None
    return first


@pytest.fixture
def reviewer(project) -> User:
    return make_member(project, Role.REVIEWER, name="Rita")


@pytest.fixture
def reviewing(client, reviewer) -> Client:
    client.force_login(reviewer)
    return client


def decided(comparison: Comparison, reviewer: User, *ranks: int) -> Judgment:
    place = place_of(reviewer, comparison)
    given = dict(zip(sorted(place.order), ranks or (1, 2), strict=True))
    return decide_comparison(comparison=comparison, reviewer=reviewer, key=place.key, ranks=given)


def press(client: Client, project: Project, contested: Comparison, **fields: str) -> str:
    """Send the form as the queue shows it, and read where that leads to."""
    page, address = at("review-contested", project), at("decide-comparison", project, contested.pk)
    return client.post(address, filled(client, page, address, **fields), follow=True).text


def test_the_first_one_is_judged_blind_and_then_what_volunteers_said_is_seen(reviewing, project, contested):
    page = reviewing.get(at("review-contested", project))
    assert page.context["contested"] == contested and "answer-2" in page.text
    people = list(contested.judgments.values_list("volunteer", flat=True))
    names = [pseudonym_of(project.pk, pk) for pk in people]
    for told in (*REASONS, *names):
        assert told not in page.text
    after = press(reviewing, project, contested, preferred="a", rationale="Mine.")
    assert all(told in after for told in (*REASONS, *names, "Mine.", "You decided"))
    assert "It counts as 2 votes" in after
    order = Judgment.objects.get(by_reviewer=True).assignment.order
    said = words_of(after)
    for judgment in contested.judgments.filter(by_reviewer=False):
        first = order.index(judgment.ranks.get(rank=1).completion_id) == 0
        name = pseudonym_of(project.pk, judgment.volunteer_id)
        assert f"Person {name} Ranked {'A &gt; B' if first else 'B &gt; A'}" in said


def test_done_is_done(reviewing, project, contested, reviewer):
    assert [count for kind, count in kinds_of(reviewing, project) if kind == "review-contested"] == [2]
    press(reviewing, project, contested, preferred="equal")
    (other,) = waiting_for_decision(project)
    assert reviewing.get(at("review-contested", project)).context["contested"] == other
    done = press(reviewing, project, other, verdict="all_bad")
    assert "2 decisions in the last 7 days, by you: 2" in done
    empty = reviewing.get(at("review-contested", project))
    assert "Nothing waits for you" in empty.text and "contested" not in empty.context
    everything = reviewing.get(at("review-contested", project), {"show": "all"})
    assert [one.comparison for one in everything.context["page"]] == [other, contested]
    assert "Rita" in everything.text


def kinds_of(client: Client, project: Project) -> list[tuple[str, int]]:
    return [(kind.page, count) for kind, count in client.get(at("review", project)).context["kinds"]]


def test_later_shows_the_next_one_and_then_the_first_again(reviewing, project, contested):
    address = at("review-contested", project)
    other = reviewing.get(address, {"after": contested.pk}).context["contested"]
    assert other != contested
    for after in (other.pk, "x", "9" * 5000, "²", ""):
        assert reviewing.get(address, {"after": after}).context["contested"] == contested


def test_a_decision_is_taken_back_and_the_form_is_there_again(reviewing, project, contested):
    press(reviewing, project, contested, preferred="a")
    (decision,) = Judgment.objects.filter(by_reviewer=True)
    address = at("take-decision-back", project, decision.pk)
    page = reviewing.post(address, follow=True)
    assert "no longer counts" in page.text and page.context["contested"] == contested
    assert REASONS[0] not in page.text
    press(reviewing, project, contested, preferred="b")
    shown = reviewing.get(at("browse-judgment", project, decision.pk)).text
    assert "taken back" in words_of(shown) and "It was corrected" in shown


def test_one_more_volunteer_is_asked_in_its_place(reviewing, project, contested):
    page = at("ask-for-votes", project, contested.pk)
    assert page in reviewing.get(at("review-contested", project)).text
    after = reviewing.post(page, follow=True)
    assert "One more volunteer" in after.text and after.context["contested"] != contested
    assert Assignment.objects.filter(comparison=contested, state="free").count() == 1
    assert "Meanwhile" in reviewing.post(page, follow=True).text


def test_where_nobody_can_be_asked_the_page_says_why(reviewing, project, contested):
    project.most_judgments_per_comparison = 2
    project.save()
    page = reviewing.get(at("review-contested", project)).text
    assert "2 people judge a comparison at most" in page and "Ask one more" not in page
    assert "at most" in reviewing.post(at("ask-for-votes", project, contested.pk), follow=True).text
    close_round(project=project)
    assert "round is closed" in reviewing.get(at("review-contested", project)).text


def test_a_form_that_says_too_little_comes_back_with_what_was_entered(reviewing, project, contested):
    address = at("decide-comparison", project, contested.pk)
    sent = filled(reviewing, address, address, rationale="Because.")
    for wrong in ({}, {"preferred": "x"}, {"preferred": "a", "key": "x"}, {"verdict": "cannot_rank"}):
        answer = reviewing.post(address, sent | wrong)
        assert answer.status_code == 422 and "Because." in answer.text
        assert REASONS[0] not in answer.text
    assert not Judgment.objects.filter(by_reviewer=True).exists()


def test_who_comes_second_is_told_and_sees_how_it_stands(reviewing, project, contested):
    address = at("decide-comparison", project, contested.pk)
    sent = filled(reviewing, address, address, preferred="a")
    decided(contested, make_member(project, Role.REVIEWER, name="Remy"), 1, 2)
    answer = reviewing.post(address, sent, follow=True)
    assert "Meanwhile" in answer.text and "Remy" in answer.text and REASONS[0] in answer.text
    assert Judgment.objects.filter(by_reviewer=True).count() == 1


def test_what_was_given_to_the_reviewer_as_a_volunteer_is_left_to_others(client, project, contested):
    for judgment in contested.judgments.all():
        judgment.volunteer.memberships.update(role=Role.REVIEWER)
    client.force_login(judgment.volunteer)
    page = client.get(at("review-contested", project))
    assert "2 more wait for another reviewer" in page.text and "contested" not in page.context
    assert f'href="{at("review-contested", project)}">Go on' not in page.text
    assert client.get(at("decide-comparison", project, contested.pk)).status_code == 404


def test_the_browser_finds_contested_comparisons_and_marks_decisions(reviewing, project, contested, reviewer):
    address = at("browse-judgments", project)
    decision = decided(contested, reviewer)
    found = {
        value: {line.judgment.pk for line in reviewing.get(address, given).context["lines"]}
        for value, given in {
            "yes": {"contested": "yes"},
            "decided": {"contested": "decided"},
            "reviewers": {"by": "reviewers"},
            "people": {"by": "people"},
        }.items()
    }
    assert len(found["yes"]) == 5 and len(found["decided"]) == 3
    assert found["reviewers"] == {decision.pk} and len(found["people"]) == 4
    page = reviewing.get(address, {"by": "reviewers"}).text
    assert '<span class="badge ok">reviewer</span>' in page
    exported = b"".join(reviewing.get(at("export-judgments", project)).streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [row["judgment"] for row in rows if row["reviewer"] == "1"] == [f"{decision.pk}"]


def test_programs_learn_which_preferences_are_reviewers(project, contested, reviewer):
    decision = decided(contested, reviewer)
    rows = client_of(coordinator_of(project)).get(at("api-preferences", project)).json()["results"]
    assert [row["judgment"] for row in rows if row["by_reviewer"]] == [decision.pk]


def test_the_pages_are_for_reviewers_and_coordinators_of_the_project(client, project, contested, reviewer):
    decision = decided(waiting_for_decision(project).exclude(pk=contested.pk).get(), reviewer)
    reads = [at("review-contested", project), at("decide-comparison", project, contested.pk)]
    acts = [
        at("decide-comparison", project, contested.pk),
        at("ask-for-votes", project, contested.pk),
        at("take-decision-back", project, decision.pk),
    ]
    for person, status in ((make_member(project), 403), (coordinator_of(make_project()), 404)):
        client.force_login(person)
        assert [client.get(address).status_code for address in reads] == [status] * 2
        assert [client.post(address).status_code for address in acts] == [status] * 3
    client.force_login(coordinator_of(project))
    assert [client.get(address).status_code for address in reads] == [200] * 2
    assert client.post(reads[0]).status_code == 405
    assert [client.get(address).status_code for address in acts[1:]] == [405] * 2
    assert client.put(acts[0]).status_code == 405
    elsewhere = make_project(slug="elsewhere")
    client.force_login(coordinator_of(elsewhere))
    for name in ("decide-comparison", "ask-for-votes"):
        assert client.post(reverse(name, args=["elsewhere", contested.pk])).status_code == 404
    assert client.get(reverse("decide-comparison", args=["elsewhere", contested.pk])).status_code == 404
    assert client.post(reverse("take-decision-back", args=["elsewhere", decision.pk])).status_code == 404


def test_a_vote_is_not_taken_back_as_a_decision(reviewing, project, contested):
    vote = contested.judgments.first()
    assert reviewing.post(at("take-decision-back", project, vote.pk)).status_code == 404
    assert reviewing.get(at("decide-comparison", project, 10**18)).status_code == 404
