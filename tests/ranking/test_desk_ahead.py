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
from .making import let_lapse, make_judgment, make_round, make_seat

pytestmark = pytest.mark.django_db


def held(volunteer):
    return Assignment.objects.held_by(volunteer)


def fetch(client, current, *have, **fields):
    """The answer to a page that has these seats."""
    fields["have"] = ",".join(str(seat.key) for seat in have)
    return client.get(to_all("ahead", current), fields)


# Ahead


def test_a_page_gets_two_comparisons_ahead_and_the_progress(client, current, seat):
    answer = fetch(client, current, seat).json()
    assert len(answer["ahead"]) == 2
    own = {str(one.key): one for one in held(seat.volunteer)}
    assert len(own) == 3
    for one in answer["ahead"]:
        assert f'action="{to("judgment", own[one["key"]])}"' in one["html"]
        assert f'name="key" value="{one["key"]}"' in one["html"]
        assert "csrfmiddlewaretoken" in one["html"] and "<html" not in one["html"]
        assert 1700 < one["seconds_left"] <= 1800
    assert "0 of 4" in answer["progress"] and answer["nothing_left"] == ""


def test_asked_again_it_gives_what_is_missing_and_holds_no_more(client, current, seat):
    first = fetch(client, current, seat).json()["ahead"]
    kept = held(seat.volunteer).get(key=first[0]["key"])
    again = fetch(client, current, seat, kept).json()["ahead"]
    assert [one["key"] for one in again] == [first[1]["key"]]
    assert held(seat.volunteer).count() == 3


def test_after_a_reload_the_one_held_longest_comes_first(client, current, seat):
    fetch(client, current, seat)
    assert str(seat.key) in client.get(desk(current)).content.decode()
    assert claim_next(project=current.project, volunteer=seat.volunteer).pk == seat.pk


def test_seats_at_one_comparison_are_not_held_together():
    current = make_round(prompts=1, judgments_per_comparison=3)
    seats = claim_ahead(current=current, volunteer=make_member(current.project))
    assert len(seats) == 1


def test_when_nothing_is_left_ahead_the_page_has_words_for_it(client):
    current = make_round()
    volunteer = make_member(current.project)
    client.force_login(volunteer)
    seat = make_seat(current, volunteer)
    answer = fetch(client, current, seat).json()
    assert answer["ahead"] == [] and "Nothing is left for you just now" in answer["nothing_left"]


def test_without_a_round_there_is_nothing_ahead(client, current, volunteer):
    close_round(project=current.project)
    answer = fetch(client, current).json()
    assert answer["ahead"] == [] and "No round is open" in answer["nothing_left"]


@pytest.mark.parametrize("have", ["", "no key", "\0", "," * 5000, "1" * 100_000])
def test_keys_that_are_none_are_passed_over(client, current, seat, have):
    assert len(client.get(to_all("ahead", current), {"have": have}).json()["ahead"]) == 3


def test_fetching_ahead_costs_few_queries(client, current, seat, django_assert_max_num_queries):
    with django_assert_max_num_queries(19):
        fetch(client, current, seat)


def test_what_one_holds_in_another_project_is_neither_given_nor_renewed(client, current, volunteer, seat):
    elsewhere = make_round(answers=2)
    Membership.objects.create(user=volunteer, project=elsewhere.project, role=Role.VOLUNTEER)
    other = make_seat(elsewhere, volunteer)
    assert str(other.key) not in {one["key"] for one in fetch(client, current).json()["ahead"]}
    assert str(other.key) not in client.post(to_all("renew-seats", current)).json()["held"]
    assert Assignment.objects.get(pk=other.pk).held_until == other.held_until


def test_what_the_page_shows_and_was_judged_already_is_named(client, current):
    """A service worker may have sent it while the page was loading."""
    seat = make_seat(current, make_member(current.project))
    client.force_login(seat.volunteer)
    make_judgment(seat, 1, 2, 3)
    other = make_seat(current, seat.volunteer)
    address = reverse("ahead", args=[current.project.slug])
    assert client.get(address, {"have": f"{seat.key},{other.key}"}).json()["judged"] == [str(seat.key)]
    client.force_login(make_member(current.project))
    assert client.get(address, {"have": str(seat.key)}).json()["judged"] == []


# Judging


def test_a_judgment_is_answered_by_what_to_hold_in_its_place(client, current, seat):
    ahead = claim_ahead(current=current, volunteer=seat.volunteer, have=[seat.key])
    data = filled(client, seat, 1, 2, 3, have=",".join(str(one.key) for one in ahead))
    answer = client.post(to("judgment", seat), data, **JSON).json()
    assert answer["words"] == "Saved. 1 today."
    [new] = answer["ahead"]
    assert new["key"] not in {str(one.key) for one in ahead}
    assert held(seat.volunteer).count() == 3
    assert "1 of 4" in answer["progress"] and "1 by you" in answer["progress"]


def test_sent_when_no_page_is_there_it_holds_nothing_ahead(client, seat):
    data = filled(client, seat, 1, 2, 3)
    assert client.post(to("judgment", seat), data, **JSON).json() == {"words": "Saved. 1 today."}
    assert not held(seat.volunteer).exists()


def test_sent_twice_it_is_stored_once_and_answered_alike(client, seat):
    data = filled(client, seat, 1, 2, 3, have="")
    first = client.post(to("judgment", seat), data, **JSON).json()
    again = client.post(to("judgment", seat), data, **JSON).json()
    assert first["words"] == again["words"] == "Saved. 1 today."
    assert Judgment.objects.count() == 1
    assert [one["key"] for one in first["ahead"]] == [one["key"] for one in again["ahead"]]


def test_a_refused_one_is_answered_by_the_reason_and_the_next(client, current, seat):
    data = filled(client, seat, 1, 2, 3, have="")
    client.post(to("judgment", seat), data)
    response = client.post(to("judgment", seat), data | {"rank_1": 3}, **JSON)
    assert response.status_code == 409
    answer = response.json()
    assert "the first one stays" in answer["words"] and len(answer["ahead"]) == 3


@pytest.mark.parametrize(("sent", "stored"), [("4.5", 4.5), ("99999", 600), ("", 600), ("0", 0)], ids=str)
def test_the_time_it_took_counts_from_when_it_was_shown_and_never_more_than_it_was_held(
    client, seat, sent, stored
):
    Assignment.objects.filter(pk=seat.pk).update(claimed_at=timezone.now() - timedelta(minutes=10))
    client.post(to("judgment", seat), filled(client, seat, 1, 2, 3, seconds=sent), **JSON)
    assert Judgment.objects.get().seconds == pytest.approx(stored, abs=5)


@pytest.mark.parametrize("seconds", ["-1", "NaN", "inf", "soon", "\0", "1e999"])
def test_a_time_that_is_none_is_refused_with_nothing_stored(client, seat, seconds):
    data = filled(client, seat, 1, 2, 3, seconds=seconds)
    assert client.post(to("judgment", seat), data, **JSON).status_code == 422
    assert not Judgment.objects.exists()


@pytest.mark.parametrize("name", ["judgment", "skip"])
def test_what_another_person_left_in_the_browser_is_not_taken_from_whoever_is_signed_in(
    client, current, seat, name
):
    data = filled(client, seat, 1, 2, 3, volunteer=seat.volunteer.pk)
    client.force_login(make_member(current.project))
    assert client.post(to(name, seat), data, **JSON).status_code == 403
    client.force_login(seat.volunteer)
    assert client.post(to(name, seat), data, **JSON).status_code == 200


def test_a_page_of_another_person_gets_nothing_ahead(client, current, seat):
    client.force_login(make_member(current.project))
    assert fetch(client, current, volunteer=seat.volunteer.pk).status_code == 403
    assert client.post(to_all("renew-seats", current), {"volunteer": seat.volunteer.pk}).status_code == 403


@pytest.mark.parametrize("name", ["judgment", "skip"])
def test_what_is_sent_again_after_its_round_closed_is_answered_by_the_next_round(client, current, seat, name):
    data = filled(client, seat, 1, 2, 3, have="")
    assert client.post(to(name, seat), data).status_code == 302
    following = open_round(project=current.project, author=current.author)
    answer = client.post(to(name, seat), data, **JSON)
    assert answer.status_code == 200 and len(answer.json()["ahead"]) == 3
    assert set(held(seat.volunteer).values_list("round", flat=True)) == {following.pk}
    assert "Round 2" in answer.json()["progress"]


# Renewing


def test_one_call_renews_all_that_is_held(client, current, seat):
    seats = [seat, *claim_ahead(current=current, volunteer=seat.volunteer, have=[seat.key])]
    let_lapse(seat)
    answer = client.post(to_all("renew-seats", current)).json()["held"]
    assert set(answer) == {str(one.key) for one in seats} and min(answer.values()) > 1700
    for one in held(seat.volunteer):
        assert one.held_until > timezone.now() + timedelta(minutes=29)


def test_what_went_to_someone_else_is_not_renewed(client, current, seat):
    let_lapse(seat)
    Assignment.objects.exclude(pk=seat.pk).delete()
    taken = make_seat(current, make_member(current.project))
    assert client.post(to_all("renew-seats", current)).json() == {"held": {}}
    seat.refresh_from_db()
    assert seat.held_until == taken.held_until


def test_nothing_is_renewed_in_a_closed_round(client, current, seat):
    close_round(project=current.project)
    assert client.post(to_all("renew-seats", current)).json() == {"held": {}}


def test_renewing_costs_few_queries(client, current, seat, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        client.post(to_all("renew-seats", current))


# Who may


@pytest.mark.parametrize(("name", "act", "other"), [("ahead", "get", "post"), ("renew-seats", "post", "get")])
def test_strangers_get_404_guests_sign_in_and_the_other_method_is_refused(client, current, name, act, other):
    address = to_all(name, current)
    assert getattr(client, act)(address).status_code == 302
    client.force_login(make_user())
    assert getattr(client, act)(address).status_code == 404
    client.force_login(make_member(current.project))
    assert getattr(client, act)(address).status_code == 200
    assert getattr(client, other)(address).status_code == 405


def test_nothing_is_stored_without_a_token(seat):
    client = Client(enforce_csrf_checks=True)
    client.force_login(seat.volunteer)
    assert client.post(to("judgment", seat), {"key": seat.key}, **JSON).status_code == 403
    token = client.get(reverse("sender")).json()["token"]
    data = {"key": seat.key, "verdict": "all_bad", "volunteer": seat.volunteer.pk}
    stored = client.post(to("judgment", seat), data, **JSON, headers={"X-CSRFToken": token})
    assert stored.status_code == 200
