"""What the desk's script is answered: the next comparisons, held ahead, and what keeps them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.models import Membership, Role
from ranking.models import Assignment, Judgment
from ranking.services import claim_ahead, claim_next, close_round, open_round
from tests.factories import make_member, make_user

from .desk import JSON, desk, filled, to, to_all
from .making import let_lapse, make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


def held(volunteer):
    return Assignment.objects.held_by(volunteer)


def fetch(client, current, *have, **fields):
    """The answer to a page that has these assignments."""
    fields["have"] = ",".join(str(assignment.key) for assignment in have)
    return client.get(to_all("ahead", current), fields)


# Ahead


def test_a_page_gets_two_comparisons_ahead_and_the_progress(client, current, assignment):
    answer = fetch(client, current, assignment).json()
    assert len(answer["ahead"]) == 2
    own = {str(one.key): one for one in held(assignment.volunteer)}
    assert len(own) == 3
    for one in answer["ahead"]:
        assert f'action="{to("judgment", own[one["key"]])}"' in one["html"]
        assert f'name="key" value="{one["key"]}"' in one["html"]
        assert "csrfmiddlewaretoken" in one["html"] and "<html" not in one["html"]
        assert 1700 < one["seconds_left"] <= 1800
    assert "0 of 4" in answer["progress"] and answer["nothing_left"] == ""


def test_asked_again_it_gives_what_is_missing_and_holds_no_more(client, current, assignment):
    first = fetch(client, current, assignment).json()["ahead"]
    kept = held(assignment.volunteer).get(key=first[0]["key"])
    again = fetch(client, current, assignment, kept).json()["ahead"]
    assert [one["key"] for one in again] == [first[1]["key"]]
    assert held(assignment.volunteer).count() == 3


def test_after_a_reload_the_one_held_longest_comes_first(client, current, assignment):
    fetch(client, current, assignment)
    assert str(assignment.key) in client.get(desk(current)).content.decode()
    assert claim_next(project=current.project, volunteer=assignment.volunteer).pk == assignment.pk


def test_assignments_at_one_comparison_are_not_held_together():
    current = make_round(prompts=1, judgments_per_comparison=3)
    assignments = claim_ahead(current=current, volunteer=make_member(current.project))
    assert len(assignments) == 1


def test_when_nothing_is_left_ahead_the_page_has_words_for_it(client):
    current = make_round()
    volunteer = make_member(current.project)
    client.force_login(volunteer)
    assignment = make_assignment(current, volunteer)
    answer = fetch(client, current, assignment).json()
    assert answer["ahead"] == [] and "Nothing is left for you just now" in answer["nothing_left"]
    assert "Thank you for" not in answer["nothing_left"], "nothing was ranked yet"


def test_without_a_round_there_is_nothing_ahead(client, current, volunteer):
    close_round(project=current.project)
    answer = fetch(client, current).json()
    assert answer["ahead"] == [] and "No round is open" in answer["nothing_left"]


@pytest.mark.parametrize("have", ["", "no key", "\0", "," * 5000, "1" * 45_000])
def test_keys_that_are_none_are_passed_over(client, current, assignment, have):
    assert len(client.get(to_all("ahead", current), {"have": have}).json()["ahead"]) == 3


def test_fetching_ahead_costs_few_queries(client, current, assignment, django_assert_max_num_queries):
    with django_assert_max_num_queries(19):
        fetch(client, current, assignment)


def test_what_one_holds_in_another_project_is_neither_given_nor_renewed(
    client, current, volunteer, assignment
):
    elsewhere = make_round(answers=2)
    Membership.objects.create(user=volunteer, project=elsewhere.project, role=Role.VOLUNTEER)
    other = make_assignment(elsewhere, volunteer)
    assert str(other.key) not in {one["key"] for one in fetch(client, current).json()["ahead"]}
    assert str(other.key) not in client.post(to_all("renew-assignments", current)).json()["held"]
    assert Assignment.objects.get(pk=other.pk).held_until == other.held_until


def test_what_the_page_shows_and_was_judged_already_is_named(client, current):
    """A service worker may have sent it while the page was loading."""
    assignment = make_assignment(current, make_member(current.project))
    client.force_login(assignment.volunteer)
    make_judgment(assignment, 1, 2, 3)
    other = make_assignment(current, assignment.volunteer)
    address = reverse("ahead", args=[current.project.slug])
    assert client.get(address, {"have": f"{assignment.key},{other.key}"}).json()["judged"] == [
        str(assignment.key)
    ]
    client.force_login(make_member(current.project))
    assert client.get(address, {"have": str(assignment.key)}).json()["judged"] == []


# Judging


def test_a_judgment_is_answered_by_what_to_hold_in_its_place(client, current, assignment):
    ahead = claim_ahead(current=current, volunteer=assignment.volunteer, have=[assignment.key])
    data = filled(client, assignment, 1, 2, 3, have=",".join(str(one.key) for one in ahead))
    answer = client.post(to("judgment", assignment), data, **JSON).json()
    assert answer["words"] == "Saved. 1 today."
    [new] = answer["ahead"]
    assert new["key"] not in {str(one.key) for one in ahead}
    assert held(assignment.volunteer).count() == 3
    assert "1 of 4" in answer["progress"] and "1 by you" in answer["progress"]


def test_sent_when_no_page_is_there_it_holds_nothing_ahead(client, assignment):
    data = filled(client, assignment, 1, 2, 3)
    assert client.post(to("judgment", assignment), data, **JSON).json() == {"words": "Saved. 1 today."}
    assert not held(assignment.volunteer).exists()


def test_sent_twice_it_is_stored_once_and_answered_alike(client, assignment):
    data = filled(client, assignment, 1, 2, 3, have="")
    first = client.post(to("judgment", assignment), data, **JSON).json()
    again = client.post(to("judgment", assignment), data, **JSON).json()
    assert first["words"] == again["words"] == "Saved. 1 today."
    assert Judgment.objects.count() == 1
    assert [one["key"] for one in first["ahead"]] == [one["key"] for one in again["ahead"]]


def test_a_refused_one_is_answered_by_the_reason_and_the_next(client, current, assignment):
    data = filled(client, assignment, 1, 2, 3, have="")
    client.post(to("judgment", assignment), data)
    response = client.post(to("judgment", assignment), data | {"rank_1": 3}, **JSON)
    assert response.status_code == 409
    answer = response.json()
    assert "the first one stays" in answer["words"] and len(answer["ahead"]) == 3


@pytest.mark.parametrize(("sent", "stored"), [("4.5", 4.5), ("99999", 600), ("", 600), ("0", 0)], ids=str)
def test_the_time_it_took_counts_from_when_it_was_shown_and_never_more_than_it_was_held(
    client, assignment, sent, stored
):
    Assignment.objects.filter(pk=assignment.pk).update(claimed_at=timezone.now() - timedelta(minutes=10))
    client.post(to("judgment", assignment), filled(client, assignment, 1, 2, 3, seconds=sent), **JSON)
    assert Judgment.objects.get().seconds == pytest.approx(stored, abs=5)


@pytest.mark.parametrize("seconds", ["-1", "NaN", "inf", "soon", "\0", "1e999"])
def test_a_time_that_is_none_is_refused_with_nothing_stored(client, assignment, seconds):
    data = filled(client, assignment, 1, 2, 3, seconds=seconds)
    assert client.post(to("judgment", assignment), data, **JSON).status_code == 422
    assert not Judgment.objects.exists()


@pytest.mark.parametrize("name", ["judgment", "skip"])
def test_what_another_person_left_in_the_browser_is_not_taken_from_whoever_is_signed_in(
    client, current, assignment, name
):
    data = filled(client, assignment, 1, 2, 3, volunteer=assignment.volunteer.pk)
    client.force_login(make_member(current.project))
    assert client.post(to(name, assignment), data, **JSON).status_code == 403
    client.force_login(assignment.volunteer)
    assert client.post(to(name, assignment), data, **JSON).status_code == 200


def test_a_page_of_another_person_gets_nothing_ahead(client, current, assignment):
    client.force_login(make_member(current.project))
    assert fetch(client, current, volunteer=assignment.volunteer.pk).status_code == 403
    assert (
        client.post(to_all("renew-assignments", current), {"volunteer": assignment.volunteer.pk}).status_code
        == 403
    )


@pytest.mark.parametrize("name", ["judgment", "skip"])
def test_what_is_sent_again_after_its_round_closed_is_answered_by_the_next_round(
    client, current, assignment, name
):
    data = filled(client, assignment, 1, 2, 3, have="")
    assert client.post(to(name, assignment), data).status_code == 302
    following = open_round(project=current.project, author=current.author)
    answer = client.post(to(name, assignment), data, **JSON)
    assert answer.status_code == 200 and len(answer.json()["ahead"]) == 3
    assert set(held(assignment.volunteer).values_list("round", flat=True)) == {following.pk}
    assert "Round 2" in answer.json()["progress"]


# Renewing


def test_one_call_renews_all_that_is_held(client, current, assignment):
    assignments = [
        assignment,
        *claim_ahead(current=current, volunteer=assignment.volunteer, have=[assignment.key]),
    ]
    let_lapse(assignment)
    answer = client.post(to_all("renew-assignments", current)).json()["held"]
    assert set(answer) == {str(one.key) for one in assignments} and min(answer.values()) > 1700
    for one in held(assignment.volunteer):
        assert one.held_until > timezone.now() + timedelta(minutes=29)


def test_what_went_to_someone_else_is_not_renewed(client, current, assignment):
    let_lapse(assignment)
    Assignment.objects.exclude(pk=assignment.pk).delete()
    taken = make_assignment(current, make_member(current.project))
    assert client.post(to_all("renew-assignments", current)).json() == {"held": {}}
    assignment.refresh_from_db()
    assert assignment.held_until == taken.held_until


def test_nothing_is_renewed_in_a_closed_round(client, current, assignment):
    close_round(project=current.project)
    assert client.post(to_all("renew-assignments", current)).json() == {"held": {}}


def test_renewing_costs_few_queries(client, current, assignment, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        client.post(to_all("renew-assignments", current))


# Who may


@pytest.mark.parametrize(
    ("name", "act", "other"), [("ahead", "get", "post"), ("renew-assignments", "post", "get")]
)
def test_strangers_get_404_guests_sign_in_and_the_other_method_is_refused(client, current, name, act, other):
    address = to_all(name, current)
    assert getattr(client, act)(address).status_code == 302
    client.force_login(make_user())
    assert getattr(client, act)(address).status_code == 404
    client.force_login(make_member(current.project))
    assert getattr(client, act)(address).status_code == 200
    assert getattr(client, other)(address).status_code == 405


def test_nothing_is_stored_without_a_token(assignment):
    client = Client(enforce_csrf_checks=True)
    client.force_login(assignment.volunteer)
    assert client.post(to("judgment", assignment), {"key": assignment.key}, **JSON).status_code == 403
    token = client.get(reverse("sender")).json()["token"]
    data = {"key": assignment.key, "verdict": "all_bad", "volunteer": assignment.volunteer.pk}
    stored = client.post(to("judgment", assignment), data, **JSON, headers={"X-CSRFToken": token})
    assert stored.status_code == 200
