"""The leaderboard of versions: which votes are on it, what it says of them, and who may see it."""

from math import isfinite

import numpy as np
import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from annotator.models import Author, Project, Role
from ranking.models import Judgment, Reliability
from ranking.models.leaderboard import boards_of, leaderboard_of
from ranking.models.version_votes import VersionVotes, version_votes_in
from ranking.statistics.bradley_terry import Votes
from ranking.statistics.consensus import Fit
from ranking.views.leaderboard import Chart, about_first
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_user
from tests.linked_numbers import linked_numbers

from .making import make_compared, make_correction, make_round

NOTHING_KNOWN = Fit({})


@pytest.fixture
def project(db: None) -> Project:
    """A project with an open round, which is of one version's answers."""
    return make_round(answers=2, judgments_per_comparison=1).project


def board_of(project: Project):
    (board,) = boards_in(project)
    return board


def boards_in(project: Project, fit: Fit = NOTHING_KNOWN):
    return leaderboard_of(Judgment.objects.of_project(project), fit).boards


def page(client, project: Project, **query: str):
    client.force_login(coordinator_of(project))
    return client.get(reverse("leaderboard", args=[project.slug]), query)


def test_a_vote_is_one_judgment_on_two_versions(project):
    """Of answers A, A', B it ranks A before B and B before A': half a vote for either."""
    make_compared(project, "Version 1", "Version 2", "Version 1", ranks=[(1, 2, 3), (1, 3, 2)])
    found = version_votes_in(Judgment.objects.of_project(project))
    names = [Author.objects.get(pk=pk).name for pk in found.authors.tolist()]
    outcomes = found.votes.outcome if names[0] == "Version 1" else 1 - found.votes.outcome
    assert names == ["Version 1", "Version 2"] and sorted(outcomes.tolist()) == [0.5, 1.0]


def test_versions_stand_by_how_often_they_were_preferred(project):
    for _ in range(3):
        make_compared(
            project, "Version 1", "Version 2", "Version 3", ranks=[(3, 1, 2), (2, 1, 3), (3, 1, 1), (2, 1, 3)]
        )
    board = board_of(project)
    assert [str(each.author) for each in board.standings] == ["Version 2", "Version 3", "Version 1"]
    assert [(each.votes, each.people) for each in board.standings] == [(24, 12)] * 3
    assert sum(each.rating for each in board.standings) == pytest.approx(3000)
    best, _middle, worst = board.standings
    assert best.rank == 1 and worst.low < worst.rating < worst.high
    assert (board.votes, board.people, board.prompts, board.simulated_votes) == (36, 12, 3, 0)
    assert board.wins[0][2].percent == 100 and board.wins[2][0].percent == 0 and board.wins[0][0] is None
    assert (board.wins[0][1].points, board.wins[0][1].votes) == (10.5, 12)


def test_versions_that_no_votes_connect_are_told_apart(client, project):
    make_compared(project, "Version 1", "Version 2", "Version 3", ranks=[(1, 2, 3)])
    make_compared(project, "Version 8", "Version 9", ranks=[(1, 2)])
    boards = boards_in(project)
    assert [len(board.standings) for board in boards] == [3, 2]
    html = page(client, project).text
    assert "Set 1 of 2" in html and html.count("they cannot be compared") == 2


def test_only_judgments_that_count_are_on_it(project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2), (1, 2)])
    assert board_of(project).standings[0].author.name == "Version 1"
    for judgment in (
        Judgment.objects.of_project(project)
        .filter(comparison__items__completion__author__name="Version 2")
        .distinct()
    ):
        make_correction(judgment, 2, 1)
    board = board_of(project)
    assert board.standings[0].author.name == "Version 2" and board.votes == 2


def test_simulated_votes_are_named(client, project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2), (1, 2)])
    person = Judgment.objects.of_project(project).latest("pk").volunteer
    person.is_simulated = True
    person.save()
    assert board_of(project).simulated_votes == 1
    assert "1 simulated" in page(client, project).text


def test_votes_that_say_no_more_than_a_coin_are_left_out_and_it_says_so(client, project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2), (2, 1), (2, 1)])
    make_compared(project, "Version 3", "Version 4", ranks=[(1, 2)])
    given = list(
        Judgment.objects.of_project(project)
        .filter(comparison__items__completion__author__name__in=["Version 2", "Version 4"])
        .order_by("pk")
    )
    people = [given[place].volunteer_id for place in (1, 2, 3)]
    Reliability.objects.bulk_create(
        Reliability(
            project=project, volunteer_id=one, if_second=0.5, if_first=0.5, deviation=0.01, in_second=0
        )
        for one in people
    )
    shown = page(client, project)
    ((board, _chart, _sentences),) = shown.context["boards"]
    assert board.votes == 1 and str(board.standings[0].author) == "Version 1"
    assert "Votes of 3 people are left out" in shown.text


def test_it_can_be_narrowed_to_a_language_and_a_subject(client, project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2)] * 2, language="pt-BR", tags=("Sea ice",))
    make_compared(project, "Version 1", "Version 2", ranks=[(2, 1)] * 3, language="en")
    for query, best, votes in (
        ({}, "Version 2", 5),
        ({"language": "pt"}, "Version 1", 2),
        ({"language": "en"}, "Version 2", 3),
        ({"tag": "sea ice"}, "Version 1", 2),
        ({"tag": "no such tag", "language": "?"}, "Version 2", 5),
    ):
        (board, _chart, _sentences) = page(client, project, **query).context["boards"][0]
        assert (str(board.standings[0].author), board.votes) == (best, votes)
    nothing = page(client, project, language="en", tag="sea ice")
    assert nothing.context["boards"] == [] and "Nobody has compared answers" in nothing.text


def test_votes_lead_to_the_judgments_that_gave_them(client, project):
    make_compared(project, "Version 1", "Version 2", "Version 3", ranks=[(1, 2, 3)] * 2, language="fr")
    make_compared(project, "Version 2", "Version 3", ranks=[(1, 2)])
    found = linked_numbers(client, project, page(client, project).text)
    # Each version stands against two others, so of two judgments on all three it has four votes.
    assert sorted(found) == [(2, 2)] * 4 + [(3, 3)] * 2 + [(4, 2), (5, 3), (5, 3)]
    french = linked_numbers(client, project, page(client, project, language="fr").text)
    assert sorted(french) == [(2, 2)] * 6 + [(4, 2)] * 3


def test_before_the_first_vote_and_with_one_version_it_says_what_to_do(client, project):
    assert "Nobody has compared answers of different versions here yet." in page(client, project).text
    make_compared(project, "Version 1", "Version 1", ranks=[(1, 2)])
    assert "Nobody has compared answers of different versions here yet." in page(client, project).text


def test_one_person_gives_no_interval_and_no_rank(client, project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2)])
    board = board_of(project)
    assert [each.low for each in board.standings] == [None, None] and board.has_unknown
    assert page(client, project).text.count("interval unknown") == 2


def test_it_says_on_how_few_votes_the_first_place_rests(client, project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2)] * 3 + [(2, 1)])
    sentences = " ".join(about_first(board_of(project)))
    assert sentences == "Without 2 of the 4 votes Version 1 would not be first alone."
    make_compared(project, "Version 1", "Version 2", ranks=[(2, 1)] * 2)
    assert about_first(board_of(project)) == ["The first place is shared."]


def test_one_persons_votes_may_decide_the_first_place(project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2), (2, 1), (1, 2)])
    assert "Without the votes of one person Version 1 would not be first alone." in about_first(
        board_of(project)
    )


def test_names_are_text(client, project):
    make_compared(project, "<b>One</b>", "Version 2", ranks=[(1, 2)])
    assert "<b>One" not in page(client, project).text


@pytest.mark.parametrize(
    ("role", "status"), [(Role.VOLUNTEER, 403), (Role.REVIEWER, 200), (Role.COORDINATOR, 200), (None, 404)]
)
def test_reviewers_and_coordinators_may_see_it(client, project, role, status):
    client.force_login(make_member(project, role=role) if role else make_user())
    address = reverse("leaderboard", args=[project.slug])
    assert client.get(address).status_code == status
    if status == 200:
        assert client.post(address).status_code == 405


def test_the_api_tells_the_same(project):
    make_compared(project, "Version 1", "Version 2", ranks=[(1, 2)] * 3 + [(2, 1)], language="fr")
    address = reverse("api-leaderboard", args=[project.slug])
    coordinator = client_of(coordinator_of(project))
    found = coordinator.get(address, {"language": "fr"}).json()
    (board,) = found["boards"]
    assert found["doubted_people"] == 0
    assert [each["version"] for each in board["versions"]] == ["Version 1", "Version 2"]
    assert board["versions"][0]["low"] is None and board["first_changes_without"] == 2
    assert {"version": "Version 2", "against": "Version 1", "points": 1.0, "votes": 4} in board["wins"]
    assert (board["votes"], board["people"], board["one_person_changes_first"]) == (4, 4, False)
    empty = make_round().project
    assert (
        client_of(coordinator_of(empty)).get(reverse("api-leaderboard", args=[empty.slug])).json()["boards"]
        == []
    )
    assert coordinator.post(address).status_code == 405
    assert client_of(make_member(project)).get(address).status_code == 403
    assert client_of(make_user()).get(address).status_code == 404


VOTES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([0.0, 0.5, 1.0])).filter(
        lambda vote: vote[0] != vote[1]
    ),
    min_size=1,
    max_size=20,
)


@given(VOTES, st.integers(1, 3))
def test_whatever_the_votes_what_the_page_shows_are_numbers(said, people):
    first, second, outcome = (np.array(column) for column in zip(*said, strict=True))
    items, numbers = np.unique(np.stack([first, second]), return_inverse=True)
    ids = np.arange(len(said))
    votes = Votes(*numbers.reshape(2, -1), outcome, ids % people, ids % 4)
    authors = {pk: Author(pk=pk, kind=Author.Kind.MODEL, name=f"Version {pk}") for pk in items.tolist()}
    boards = boards_of(VersionVotes(votes, items, ids % 2 == 0), authors)
    assert sum(board.votes for board in boards) == len(said)
    for board in boards:
        shown = [number for each in board.standings for number in (each.rating, each.low, each.high)]
        assert all(isfinite(number) for number in shown if number is not None)
        places = [
            float(place[:-1]) for line in Chart(board).lines for place in (line.start, line.at, line.end)
        ]
        assert all(2 <= place <= 98 for place in places)
        assert all(won is None or 0 <= won.percent <= 100 for wins in board.wins for won in wins)
