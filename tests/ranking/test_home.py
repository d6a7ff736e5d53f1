"""The home page of a project for volunteers: the round, their own part, the leaderboard."""

import re

import pytest
from django.urls import reverse

from annotator.models import Membership, Role
from annotator.services.projects import change_settings
from ranking.services import close_round, open_round
from tests.factories import coordinator_of, make_member, make_project, make_user
from tests.pressing import filled, press

from .desk import words_of
from .making import make_answers, make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def current():
    return make_round(prompts=6, answers=2)


def rank(current, person, times=1):
    for _ in range(times):
        make_judgment(make_assignment(current, person), 1, 2)


def url(project, name="project", *more):
    return reverse(name, args=[project.slug, *more])


def home(client, project, user):
    client.force_login(user)
    page = client.get(url(project))
    assert page.status_code == 200
    return words_of(page.text)


# The round and the own part


def test_a_first_visit_says_what_there_is_to_do(client, current):
    vera = make_member(current.project, name="Vera Lind")
    text = home(client, current.project, vera)
    assert "Welcome, Vera Lind." in text and "say which one is better" in text
    assert "You in all" not in text
    rank(current, vera)
    text = home(client, current.project, vera)
    assert "Welcome" not in text
    assert "1 of 6 rankings are in. 1 is yours, thank you." in text


def test_of_more_answers_one_is_told_to_order_them(client):
    current = make_round(answers=4)
    assert "up to 4 answers to it, and put them in order" in home(
        client, current.project, make_member(current.project)
    )


def test_the_own_part_is_counted_over_all_rounds(client, current):
    vera = make_member(current.project)
    rank(current, vera, 2)
    project = current.project
    rank(open_round(project=project, author=make_answers(project, name="Version 2", answers=2)), vera)
    assert "You today 3 You in all 3 Days 1" in home(client, project, vera)


def test_between_rounds_one_reads_what_the_last_one_brought(client, current):
    vera = make_member(current.project)
    rank(current, vera, 2)
    close_round(project=current.project)
    text = home(client, current.project, vera)
    assert "Round 1 is closed" in text
    assert "2 of 6 rankings are in. 2 are yours, thank you." in text
    assert "The rankings now train the chatbot's next version" in text.replace("&#x27;", "'")
    assert "Rank answers" not in text


def test_before_the_first_round_volunteers_are_told_to_wait(client):
    project = make_project()
    assert "There is nothing to rank yet." in home(client, project, make_member(project))


def test_the_page_asks_no_more_of_the_database_when_more_was_judged(
    client, current, django_assert_max_num_queries
):
    vera = make_member(current.project)
    rank(current, vera, 4)
    for user, queries in ((vera, 20), (coordinator_of(current.project), 33)):
        client.force_login(user)
        with django_assert_max_num_queries(queries) as asked:
            client.get(url(current.project))
        asked = [one["sql"] for one in asked.captured_queries]
        # Agreement looks at the reader's last ones, whether an update is worth it at so many new ones, and
        # what waits for a reviewer at the first one.
        bounded = re.compile(r"LIMIT (200|20|1)\b")
        assert [sql for sql in asked if "ranking_judgment" in sql and not bounded.search(sql)] == []


# The leaderboard


@pytest.fixture
def board(current):
    """A project that shows its leaderboard; Vera has ranked more than Sam."""
    project = current.project
    change_settings(project=project, values={"leaderboard": True}, actor=coordinator_of(project))
    people = {name: make_member(project, name=name) for name in ("Vera Lind", "Sam Roe")}
    rank(current, people["Vera Lind"], 3)
    rank(current, people["Sam Roe"])
    return people


def leaders(client, project, user):
    client.force_login(user)
    return [(one.name, one.given, one.is_reader) for one in client.get(url(project)).context["leaders"]]


def test_nobody_is_ranked_by_default(client, current):
    vera = make_member(current.project, name="Vera Lind")
    rank(current, vera)
    assert "Most rankings" not in home(client, current.project, vera)


def test_a_project_may_show_who_ranked_most_by_given_name(client, current, board):
    expected = [("Vera", 3, False), ("Sam", 1, True)]
    assert leaders(client, current.project, board["Sam Roe"]) == expected
    assert "Lind" not in client.get(url(current.project)).text


def test_only_the_first_are_listed(client, current, board, monkeypatch):
    monkeypatch.setattr("ranking.views.project_context.LEADERS", 1)
    assert leaders(client, current.project, board["Sam Roe"]) == [("Vera", 3, False)]


def test_one_can_take_the_own_name_off_and_put_it_back(client, current, board):
    client.force_login(board["Vera Lind"])
    client.post(url(current.project, "leaderboard-name"), {"shown": "0"})
    assert leaders(client, current.project, board["Sam Roe"])[0] == ("a volunteer", 3, False)
    assert "Vera" not in client.get(url(current.project)).text
    client.force_login(board["Vera Lind"])
    client.post(url(current.project, "leaderboard-name"), {"shown": "1"})
    assert leaders(client, current.project, board["Sam Roe"])[0] == ("Vera", 3, False)


def test_only_who_is_on_the_list_can_be_taken_off(client, current, board):
    assert "Take my name off" in home(client, current.project, board["Sam Roe"])
    page = home(client, current.project, make_member(current.project, name="Ann Lee"))
    assert "Take my name off" not in page and "Never show my name here" in page


def test_who_left_the_project_or_has_no_name_is_a_volunteer(client, current, board):
    Membership.objects.get(user=board["Vera Lind"]).delete()
    board["Sam Roe"].name = " "
    board["Sam Roe"].save()
    names = [name for name, _given, _is in leaders(client, current.project, coordinator_of(current.project))]
    assert names == ["a volunteer", "a volunteer"]


def test_simulated_volunteers_are_not_on_it(client, current, board):
    board["Vera Lind"].is_simulated = True
    board["Vera Lind"].save()
    assert leaders(client, current.project, board["Sam Roe"]) == [("Sam", 1, True)]


NO_YES = ["", "shown=", "shown=yes", "shown=%00", "shown=%ED%A0%80", f"shown={'9' * 5000}"]


@pytest.mark.parametrize("sent", NO_YES, ids=lambda sent: sent[:16])
def test_anything_but_a_clear_yes_takes_the_name_off(client, current, board, sent):
    client.force_login(board["Vera Lind"])
    form = "application/x-www-form-urlencoded"
    response = client.post(url(current.project, "leaderboard-name"), sent, form)
    assert response.status_code == 302
    assert not Membership.objects.get(user=board["Vera Lind"]).shows_name


def test_a_name_is_changed_by_its_member_and_by_posting(client, current):
    address = url(current.project, "leaderboard-name")
    client.force_login(make_user())
    assert client.post(address, {"shown": "0"}).status_code == 404
    client.force_login(make_member(current.project))
    assert client.get(address).status_code == 405
    assert not Membership.objects.filter(shows_name=False).exists()


def test_the_leaderboard_is_a_setting(client, current):
    coordinator = coordinator_of(current.project)
    client.force_login(coordinator)
    address = url(current.project, "settings-section", "volunteers")
    assert "leaderboard" not in filled(client, address)
    assert press(client, address, leaderboard="on").status_code == 302
    current.project.refresh_from_db()
    assert current.project.leaderboard


# Roles


@pytest.mark.parametrize(
    ("role", "seen"), [(Role.VOLUNTEER, False), (Role.REVIEWER, False), (Role.COORDINATOR, True)]
)
def test_only_coordinators_see_who_ranked(client, current, role, seen):
    rank(current, make_member(current.project, name="Vera Lind"))
    text = home(client, current.project, make_member(current.project, role=role))
    assert ("Vera Lind" in text) == seen


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_home_page_is_read_only_and_for_members(client, current, method):
    client.force_login(make_member(current.project))
    assert getattr(client, method)(url(current.project)).status_code == 405
    client.force_login(make_user())
    assert client.get(url(current.project)).status_code == 404
