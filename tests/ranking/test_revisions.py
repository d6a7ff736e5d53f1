"""Correcting a judgment: by the service, on the page and by the API."""

import re
import uuid

import pytest
from django.urls import reverse

from ranking.errors import (
    CorrectedSinceError,
    InvalidJudgmentError,
    KeyReusedError,
    NotYourAssignmentError,
    RoundClosedError,
)
from ranking.models import Flag, Judgment, RankedCompletion, Rating, Tally
from ranking.services import close_round, snapshot_preferences
from ranking.services.withdrawal import withdraw_judgments
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_user

from .making import make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def judgment():
    current = make_round(prompts=3, answers=3)
    project = current.project
    project.criteria = ["Tone"]
    project.save()
    assignment = make_assignment(current, make_member(project))
    first = min(assignment.order)
    given = {"flags": {first: ["spam"]}, "ratings": {first: {"Tone": 2}}, "rationale": "too short"}
    return make_judgment(assignment, 1, 2, 3, **given)


def current_of(judgment):
    return Judgment.objects.get(comparison=judgment.comparison, is_current=True)


def chosen(project):
    client = client_of(coordinator_of(project))
    rows = client.get(reverse("api-preferences", args=[project.slug])).json()["results"]
    return [(row["chosen"]["id"], row["rejected"]["id"]) for row in rows]


def test_a_correction_takes_the_place_of_what_it_corrects_which_is_kept(judgment):
    project = judgment.comparison.round.project
    a, b, c = sorted(judgment.assignment.order)
    revision = make_correction(judgment, 3, 2, 1, rationale="read again")
    assert (revision.corrects, revision.assignment) == (judgment, judgment.assignment)
    assert current_of(judgment) == revision
    assert set(chosen(project)) == {(c, b), (c, a), (b, a)}
    kept = Judgment.objects.get(pk=judgment.pk)
    assert (kept.rationale, kept.is_current) == ("too short", False)
    assert [one.rank for one in kept.ranks.order_by("completion")] == [1, 2, 3]
    assert len(kept.preferences()) == kept.flags.count() + 2 == kept.ratings.count() + 2 == 3
    counted = Judgment.objects.of_project(project)
    assert list(counted) == list(Judgment.objects.in_round(judgment.comparison.round)) == [revision]
    assert Tally.objects.progress(judgment.comparison.round, judgment.volunteer).done == 1


def test_any_answer_may_take_the_place_of_any_other_again_and_again(judgment):
    second = make_correction(judgment, verdict="cannot_rank", reason="unclear")
    third = make_correction(second, verdict="all_bad")
    fourth = make_correction(third, 2, 2, 1)
    assert current_of(judgment) == fourth
    assert Judgment.objects.count() == 4
    assert len(fourth.preferences()) == 2


def test_a_dataset_holds_corrections_and_knows_them_for_new(judgment):
    project = judgment.comparison.round.project
    before = snapshot_preferences(project=project)
    revision = make_correction(judgment, verdict="all_bad")
    make_judgment(make_assignment(judgment.comparison.round, make_member(project)), 1, 2, 3)
    after = snapshot_preferences(project=project)
    assert (before.pairs, after.pairs, after.judgments) == (3, 3, 2)
    assert after.manifest["counts"]["all_bad"] == 1
    assert before.last_judgment_id < revision.pk <= after.last_judgment_id


def test_a_correction_sent_twice_is_stored_once(judgment):
    key = uuid.uuid4()
    first = make_correction(judgment, 2, 1, 3, key=key)
    assert make_correction(judgment, 2, 1, 3, key=key) == first
    close_round(project=judgment.comparison.round.project)
    assert make_correction(judgment, 2, 1, 3, key=key) == first
    with pytest.raises(KeyReusedError):
        make_correction(judgment, 3, 1, 2, key=key)
    with pytest.raises(KeyReusedError):
        make_correction(judgment, 3, 1, 2, key=judgment.key)
    assert Judgment.objects.count() == 2


def test_the_same_answer_again_is_no_revision(judgment):
    first = min(judgment.assignment.order)
    given = {"flags": {first: ["spam"]}, "ratings": {first: {"Tone": 2}}, "rationale": "too short"}
    assert make_correction(judgment, 1, 2, 3, **given) == judgment
    assert Judgment.objects.count() == 1


def test_the_key_of_a_correction_cannot_be_that_of_a_judgment(judgment):
    revision = make_correction(judgment, 3, 2, 1)
    assignment = make_assignment(judgment.comparison.round, judgment.volunteer)
    with pytest.raises(KeyReusedError):
        make_judgment(assignment, 3, 2, 1, key=revision.key)


def assert_unchanged(judgment):
    assert current_of(judgment) == judgment
    assert Judgment.objects.count() == 1
    assert (RankedCompletion.objects.count(), Flag.objects.count(), Rating.objects.count()) == (3, 1, 1)


def test_what_does_not_fit_is_refused_with_nothing_stored(judgment):
    a = min(judgment.assignment.order)
    for ranks, given in [
        ((), {}),
        ((0, 1, 2), {}),
        ((1, 2, 3), {"flags": {a: ["ugly"]}}),
        ((1, 2, 3), {"flags": {10**15: ["spam"]}}),
        ((1, 2, 3), {"ratings": {a: {"Wit": 3}}}),
        ((1, 2, 3), {"rationale": "\ud800"}),
    ]:
        with pytest.raises(InvalidJudgmentError):
            make_correction(judgment, *ranks, **given)
    with pytest.raises(NotYourAssignmentError):
        make_correction(judgment, 3, 2, 1, volunteer=make_member(judgment.comparison.round.project))
    assert_unchanged(judgment)


def test_a_closed_round_takes_no_correction(judgment):
    close_round(project=judgment.comparison.round.project)
    with pytest.raises(RoundClosedError):
        make_correction(judgment, 3, 2, 1)
    assert_unchanged(judgment)


def test_what_was_withdrawn_at_the_same_moment_is_not_corrected(judgment):
    withdraw_judgments(volunteer=judgment.volunteer, project=judgment.comparison.round.project)
    with pytest.raises(NotYourAssignmentError):
        make_correction(judgment, 3, 2, 1)
    assert not Judgment.objects.exists()


def test_what_was_corrected_since_is_not_corrected_again(judgment):
    revision = make_correction(judgment, 3, 2, 1)
    with pytest.raises(CorrectedSinceError):
        make_correction(judgment, 2, 1, 3)
    assert current_of(judgment) == revision


def test_a_rating_by_a_criterion_that_is_gone_may_stay(judgment):
    project = judgment.comparison.round.project
    project.criteria = []
    project.save()
    revision = make_correction(judgment, 3, 2, 1, ratings={min(judgment.assignment.order): {"Tone": 5}})
    assert revision.ratings.get().score == 5


# The pages


@pytest.fixture
def as_volunteer(client, judgment):
    client.force_login(judgment.volunteer)
    return client


def page(judgment, name="correct-judgment"):
    rest = [judgment.pk] if name == "correct-judgment" else []
    return reverse(name, args=[judgment.comparison.round.project.slug, *rest])


def entered(html):
    """The fields of the rendered form with what it holds."""
    fields = dict(re.findall(r'name="(key)" value="([^"]+)"', html))
    fields |= dict(re.findall(r'type="radio" name="(\w+)" value="(\w+)"[^>]* checked', html))
    fields |= dict(re.findall(r'type="checkbox" name="(\w+)" value="(\w+)" checked', html))
    for name, options in re.findall(r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        fields[name] = "".join(re.findall(r'value="(\w+)" selected', options))
    return fields | dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', html, re.DOTALL))


def test_the_last_ones_are_listed_and_lead_to_their_correction(as_volunteer, judgment):
    current = judgment.comparison.round
    assert page(judgment) in as_volunteer.get(page(judgment, "judged")).content.decode()
    desk = as_volunteer.get(reverse("desk", args=[current.project.slug])).content.decode()
    assert page(judgment, "judged") in desk
    close_round(project=current.project)
    html = as_volunteer.get(page(judgment, "judged")).content.decode()
    assert page(judgment) not in html and 'class="empty"' in html


def test_only_the_last_ones_are_listed(as_volunteer, judgment, monkeypatch):
    monkeypatch.setattr("ranking.views.corrections.LAST", 1)
    newer = make_judgment(make_assignment(judgment.comparison.round, judgment.volunteer), 1, 2, 3)
    html = as_volunteer.get(page(judgment, "judged")).content.decode()
    assert page(newer) in html and page(judgment) not in html


def test_the_form_holds_what_was_given_and_sent_as_it_is_changes_nothing(as_volunteer, judgment):
    html = as_volunteer.get(page(judgment)).content.decode()
    assert judgment.comparison.prompt.question in html and "hx-post" not in html.split("<main")[1]
    response = as_volunteer.post(page(judgment), entered(html), follow=True)
    assert "this is what counts now" in response.content.decode()
    assert_unchanged(judgment)


@pytest.mark.parametrize("ranks", [(1, 2), (2, 1), (1, 1)])
def test_of_two_answers_too_the_form_holds_what_was_given(client, ranks):
    current = make_round(answers=2)
    stored = make_judgment(make_assignment(current, make_member(current.project)), *ranks)
    client.force_login(stored.volunteer)
    sent = entered(client.get(page(stored)).content.decode())
    assert client.post(page(stored), sent).status_code == 302
    assert Judgment.objects.get() == stored
    client.post(page(stored), sent | {"rationale": "changed"})
    assert current_of(stored).rationale == "changed"
    assert [one.rank for one in current_of(stored).ranks.order_by("completion")] == list(ranks)


def test_sent_twice_the_page_stores_one_correction(as_volunteer, judgment):
    sent = entered(as_volunteer.get(page(judgment)).content.decode()) | {"rank_1": "3", "rank_2": "3"}
    for _ in range(2):
        response = as_volunteer.post(page(judgment), sent, follow=True)
        assert "this is what counts now" in response.content.decode()
    assert Judgment.objects.count() == 2
    response = as_volunteer.post(page(judgment), sent | {"rank_1": "1"}, follow=True)
    assert "already sent with another answer" in response.content.decode()
    response = as_volunteer.post(page(judgment), sent | {"key": str(uuid.uuid4())}, follow=True)
    assert "corrected this judgment in the meantime" in response.content.decode()
    response = as_volunteer.get(page(judgment), follow=True)
    assert "corrected this judgment in the meantime" in response.content.decode()
    assert Judgment.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"rank_1": "9"},
        {"rank_1": ""},
        {"flags_1": "rude"},
        {"rating_1_Tone": "9" * 5000},
        {"key": ""},
        {"key": "no key"},
        {"verdict": "\0"},
        {"verdict": "cannot_rank", "reason": ""},
        {"rationale": "half done \0"},
        {"rationale": "x" * 5001},
    ],
    ids=str,
)
def test_bad_input_brings_the_correction_back_as_entered(as_volunteer, judgment, change):
    sent = entered(as_volunteer.get(page(judgment)).content.decode()) | {"rationale": "half done"} | change
    response = as_volunteer.post(page(judgment), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert "notice error" in html
    assert sent["rationale"].strip("\0 ")[:9] in html
    assert uuid.UUID(entered(html)["key"])
    assert_unchanged(judgment)


def test_in_a_closed_round_the_page_says_so(as_volunteer, judgment):
    sent = entered(as_volunteer.get(page(judgment)).content.decode()) | {"rationale": "new"}
    close_round(project=judgment.comparison.round.project)
    for response in (
        as_volunteer.post(page(judgment), sent, follow=True),
        as_volunteer.get(page(judgment), follow=True),
    ):
        assert "has been closed" in response.content.decode()
    assert_unchanged(judgment)


def test_only_ones_own_judgments_are_found(client, judgment):
    project = judgment.comparison.round.project
    for user in (make_member(project), coordinator_of(project), make_user()):
        client.force_login(user)
        assert client.get(page(judgment)).status_code == 404
        assert client.post(page(judgment), {"rank_1": "1"}).status_code == 404
    assert client.get(page(judgment, "judged")).status_code == 404  # a stranger
    elsewhere = make_round()
    client.force_login(make_member(elsewhere.project))
    assert (
        client.get(reverse("correct-judgment", args=[elsewhere.project.slug, judgment.pk])).status_code == 404
    )
    assert client.get(reverse("correct-judgment", args=[elsewhere.project.slug, 10**30])).status_code == 404
    assert_unchanged(judgment)


def test_pages_of_corrections_take_only_their_methods(as_volunteer, judgment):
    assert as_volunteer.post(page(judgment, "judged")).status_code == 405
    assert as_volunteer.put(page(judgment)).status_code == 405
    assert as_volunteer.delete(page(judgment)).status_code == 405


# The API


def api(judgment, name="api-correction"):
    rest = [judgment.pk] if name == "api-correction" else []
    return reverse(name, args=[judgment.comparison.round.project.slug, *rest])


def test_a_program_lists_its_judgments_and_corrects_one(judgment):
    client = client_of(judgment.volunteer)
    (listed,) = client.get(api(judgment, "api-judgments")).json()["results"]
    assert (listed["id"], listed["corrects"], listed["ratings"][0]["score"]) == (judgment.pk, None, 2)
    ranks = [one | {"rank": 4 - one["rank"]} for one in listed["ranks"]]
    body = {"key": str(uuid.uuid4()), "ranks": ranks}
    answers = [client.post(api(judgment), body) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["corrects"] == judgment.pk
    (listed,) = client.get(api(judgment, "api-judgments")).json()["results"]
    assert listed["id"] == current_of(judgment).pk
    assert client.post(api(judgment), body | {"rationale": "other"}).status_code == 409
    assert client.post(api(judgment), body | {"key": str(uuid.uuid4())}).status_code == 409


def test_a_program_gets_an_error_for_what_does_not_fit(judgment):
    client = client_of(judgment.volunteer)
    for body in ({}, {"key": "1", "ranks": []}, {"key": str(uuid.uuid4()), "ranks": []}, {"ranks": {"1": 2}}):
        answer = client.post(api(judgment), body)
        assert answer.status_code == 400 and answer.json()
    close_round(project=judgment.comparison.round.project)
    body = {"key": str(uuid.uuid4()), "verdict": "all_bad"}
    assert client.post(api(judgment), body).status_code == 409
    assert client.get(api(judgment, "api-judgments")).json()["results"] == []
    assert_unchanged(judgment)


def test_another_persons_judgment_is_not_found_by_a_program(judgment):
    project = judgment.comparison.round.project
    other = client_of(make_member(project))
    body = {"key": str(uuid.uuid4()), "verdict": "all_bad"}
    assert other.post(api(judgment), body).status_code == 404
    assert other.get(api(judgment, "api-judgments")).json()["results"] == []
