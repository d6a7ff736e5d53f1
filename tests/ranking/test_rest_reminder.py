"""Who has ranked long without a pause is thanked, and reminded once that stopping is fine."""

import time

import pytest
from django.contrib.auth import get_user
from django.urls import reverse

from ranking.models import Judgment
from ranking.views.rest_reminder import COOKIE, LONG, LONGEST, PAUSE
from tests.factories import make_member, make_user

from .desk import filled, to, words_of
from .making import make_assignment, make_round

pytestmark = pytest.mark.django_db
LATER = 5 * 60


@pytest.fixture
def current(client):
    current = make_round(prompts=6, answers=3)
    client.force_login(make_member(current.project))
    return current


def sit_since(client, seconds, reminder=""):
    client.cookies[COOKIE] = f"{int(time.time() - seconds)}{reminder}"


def judge(client, current):
    """Rank one comparison as a browser without scripts does; returns the words on the next page."""
    assignment = make_assignment(current, get_user(client))
    page = client.post(to("judgment", assignment), filled(client, assignment, 1, 2, 3), follow=True)
    return words_of(page.text)


def home(client, current):
    return client.get(reverse("project", args=[current.project.slug])).text


def test_the_first_judgment_begins_a_sitting_that_ends_with_a_pause(client, current):
    assert "without a pause" not in judge(client, current)
    cookie = client.cookies[COOKIE]
    assert abs(int(cookie.value) - time.time()) < 60
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (PAUSE, True, "Lax")


def test_a_sitting_goes_on_with_each_judgment(client, current):
    sit_since(client, LATER)
    began = client.cookies[COOKIE].value
    judge(client, current)
    assert client.cookies[COOKIE].value == began


def test_after_a_long_sitting_it_is_said_once(client, current):
    sit_since(client, LONG + LATER)
    assert "You have ranked for 50 minutes without a pause: thank you." in judge(client, current)
    assert "without a pause" not in judge(client, current)


def test_before_it_is_long_nothing_is_said(client, current):
    sit_since(client, LONG - LATER)
    assert "without a pause" not in judge(client, current)
    assert "without a pause" not in home(client, current)


def test_the_home_page_says_it_too_with_what_was_ranked_today(client, current):
    sit_since(client, LONG + LATER)
    assert "without a pause" not in home(client, current), "nothing was ranked here today"
    judge(client, current)
    assert "50 minutes without a pause, and 1 today: thank you" in home(client, current)


def test_it_can_be_closed_for_this_sitting(client, current):
    sit_since(client, LONG + LATER)
    judge(client, current)
    page = client.post(reverse("close-rest", args=[current.project.slug]), follow=True)
    assert "without a pause" not in page.text
    assert "without a pause" not in judge(client, current) + home(client, current)


def test_closing_it_is_for_members_and_for_posts(client, current):
    address = reverse("close-rest", args=[current.project.slug])
    assert client.get(address).status_code == 405
    client.force_login(make_user())
    assert client.post(address).status_code == 404


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "-5",
        "1e9",
        "٣٣٣".encode().decode("latin-1"),
        "9" * 11,
        "9" * 400,
        "\0",
        "0",
        ".desk",
    ],
    ids=ascii,
)
def test_a_cookie_that_is_wrong_begins_anew(client, current, value):
    client.cookies[COOKIE] = value
    assert "without a pause" not in judge(client, current)
    assert abs(int(client.cookies[COOKIE].value) - time.time()) < 60


def test_a_cookie_that_knows_more_than_there_is_begins_anew(client, current):
    sit_since(client, LONG + LATER, ".other")
    assert "without a pause" not in judge(client, current)


def test_what_began_the_day_before_is_no_sitting(client, current):
    sit_since(client, LONGEST + LATER)
    assert "without a pause" not in judge(client, current)


def test_a_judgment_that_was_refused_does_not_count_as_ranking(client, current):
    assignment = make_assignment(current, get_user(client))
    client.post(to("judgment", assignment), filled(client, assignment))
    assert COOKIE not in client.cookies
    assert not Judgment.objects.exists()
