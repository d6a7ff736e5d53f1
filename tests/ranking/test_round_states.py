"""A round's life: its states, what moves it on, and pausing it."""

import re
from pathlib import Path

import pytest

from annotator.models import Role
from ranking.errors import RankingError
from ranking.models import Round
from ranking.models.round_states import MOVES, RoundState
from ranking.services import (
    claim_next,
    close_round,
    open_round,
    pause_round,
    prepare_round,
    resume_round,
)
from tests.factories import coordinator_of, make_member
from tests.pressing import press
from tests.ranking.making import make_answers, make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).parents[2] / "docs" / "how-it-works.md"


@pytest.fixture
def current() -> Round:
    return make_round(prompts=3)


def act(current: Round, name: str, slug: str = "") -> str:
    return f"/p/{slug or current.project.slug}/rounds/{name}/"


def test_a_round_moves_only_where_a_move_leads_and_each_move_is_on_record(current):
    allowed = {(move.before, move.after) for move in MOVES}
    for before in RoundState:
        for after in RoundState:
            if RoundState.PREPARING in (before, after):
                continue  # such a round is not opened yet
            Round.objects.filter(pk=current.pk).update(state=before)
            current.refresh_from_db()
            assert current.move(after) == ((before, after) in allowed)
            current.refresh_from_db()
            assert current.state == (after if (before, after) in allowed else before)
    moves = current.project.audit_events.filter(verb="round.moved")
    on_record = {(event.data["before"], event.data["after"]) for event in moves}
    assert on_record == {pair for pair in allowed if RoundState.PREPARING not in pair}


def test_every_state_is_reached_and_all_but_the_ends_are_left():
    reached, left = {move.after for move in MOVES}, {move.before for move in MOVES}
    assert set(RoundState) - reached == {RoundState.PREPARING}
    assert set(RoundState) - left == {RoundState.RELEASED}


def test_of_two_who_move_a_round_at_once_the_slower_changes_nothing(current):
    other = Round.objects.get(pk=current.pk)
    assert current.move(RoundState.CLOSING)
    assert not other.move(RoundState.PAUSED)
    other.refresh_from_db()
    assert other.state == RoundState.CLOSING


def test_a_prepared_round_takes_no_rankings_until_it_is_opened(current):
    project, author = current.project, make_answers(current.project, name="Version 2")
    prepared = prepare_round(project=project, author=current.author)
    for _ in range(2):
        assert prepare_round(project=project, author=author) == prepared
    assert project.audit_events.filter(verb="round.preparing").count() == 2
    assert project.rounds.open().get() == current
    opened = open_round(project=project, author=author)
    assert opened == prepared and opened.number == 2
    assert opened.state == RoundState.OPEN and opened.author == author
    current.refresh_from_db()
    assert current.state == RoundState.SKIPPED and not current.is_open


def test_a_round_from_which_an_update_learns_is_closed_by_the_next_one_but_not_skipped(current):
    current.move(RoundState.CLOSING)
    current.move(RoundState.LEARNING)
    open_round(project=current.project, author=current.author)
    current.refresh_from_db()
    assert current.state == RoundState.LEARNING and not current.is_open


def test_in_a_paused_round_nobody_gets_more_but_what_one_holds_counts(current):
    vera, noor = make_member(current.project), make_member(current.project)
    held = make_assignment(current, vera)
    pause_round(project=current.project, actor=coordinator_of(current.project), reason="A holiday")
    assert claim_next(project=current.project, volunteer=vera) == held
    assert claim_next(project=current.project, volunteer=noor) is None
    make_judgment(held, 1, 2, 3, 4)
    assert claim_next(project=current.project, volunteer=vera) is None
    resume_round(project=current.project, actor=coordinator_of(current.project))
    assert claim_next(project=current.project, volunteer=noor) is not None


def test_a_paused_round_says_so_and_why_to_volunteers_and_goes_on(client, current):
    project = current.project
    page = f"/p/{project.slug}/"
    client.force_login(coordinator_of(project))
    answer = press(client, page, act(current, "pause"), follow=True, reason="We are <b>moving</b>.")
    assert "Round 1 pauses." in answer.text and "We are &lt;b&gt;moving&lt;/b&gt;." in answer.text
    vera = make_member(project)
    client.force_login(vera)
    assert "Ranking pauses" in client.get(f"{page}rank/").text
    assert "Rank answers" not in client.get(page).text
    client.force_login(coordinator_of(project))
    answer = press(client, page, act(current, "resume"), follow=True)
    assert "Round 1 goes on." in answer.text and project.rounds.get().state == RoundState.OPEN


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_pausing_is_for_coordinators_of_the_project_and_takes_only_posts(client, current, name):
    client.force_login(coordinator_of(make_round().project))
    assert client.post(act(current, name)).status_code == 404
    for role in (Role.VOLUNTEER, Role.REVIEWER):
        client.force_login(make_member(current.project, role=role))
        assert client.post(act(current, name)).status_code == 403
    client.force_login(coordinator_of(current.project))
    assert client.get(act(current, name)).status_code == 405
    assert current.project.rounds.get().state == RoundState.OPEN


@pytest.mark.parametrize("reason", ["x" * 301, "\0"])
def test_a_reason_that_cannot_be_stored_pauses_nothing(client, current, reason):
    client.force_login(coordinator_of(current.project))
    page = f"/p/{current.project.slug}/"
    press(client, page, act(current, "pause"), reason=reason)
    assert current.project.rounds.get().state == RoundState.OPEN


def test_what_is_not_open_is_not_paused_and_what_is_not_paused_does_not_go_on(current):
    coordinator = coordinator_of(current.project)
    with pytest.raises(RankingError, match="No round is paused"):
        resume_round(project=current.project, actor=coordinator)
    close_round(project=current.project)
    with pytest.raises(RankingError, match="No round is open"):
        pause_round(project=current.project, actor=coordinator)


def test_the_table_in_the_docs_has_the_moves_of_the_code():
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    assert [row for row in rows if row[0] in RoundState] == [
        (move.before, move.after, move.when) for move in MOVES
    ]
