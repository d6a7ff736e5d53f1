"""Judgments that come after the time of their seat had run out."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ranking.errors import (
    AlreadyJudgedError,
    KeyReusedError,
    RoundClosedError,
    SeatLostError,
)
from ranking.models import Assignment, Judgment, LapsedSeat, Tally
from ranking.services import (
    claim_next,
    close_round,
    renew_seats,
    skip_comparison,
    snapshot_preferences,
    submit_judgment,
)
from tests.factories import coordinator_of, make_member

from .making import assert_refused, let_lapse, make_correction, make_judgment, make_round, make_seat

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat():
    current = make_round(answers=3)
    return make_seat(current, make_member(current.project))


def take_over(seat):
    """Someone else has the seat now."""
    let_lapse(seat)
    taken = make_seat(seat.round, make_member(seat.round.project))
    assert taken.pk == seat.pk and taken.key != seat.key
    return taken


def test_a_judgment_in_time_is_not_late(seat):
    assert not make_judgment(seat, 1, 2, 3).late


def test_after_the_time_of_a_seat_that_nobody_took_it_takes_the_seat_and_is_late(seat):
    let_lapse(seat)
    judgment = make_judgment(seat, 1, 2, 3)
    assert (judgment.late, judgment.assignment, judgment.preferences.count()) == (True, seat, 3)
    seat.refresh_from_db()
    assert seat.state == Assignment.State.DONE


def test_who_came_back_and_was_given_the_seat_anew_is_not_late(seat):
    let_lapse(seat)
    assert not make_judgment(make_seat(seat.round, seat.volunteer), 1, 2, 3).late


@pytest.mark.parametrize("finished", [False, True])
def test_a_late_judgment_counts_beside_the_seat_that_someone_else_has_or_finished(seat, finished):
    taken = take_over(seat)
    if finished:
        make_judgment(taken, 3, 2, 1)
    late = make_judgment(seat, 1, 2, 3)
    assert (late.late, late.assignment, late.volunteer) == (True, None, seat.volunteer)
    assert late.preferences.count() == 3 and late.is_current
    if not finished:
        make_judgment(taken, 3, 2, 1)
    taken.refresh_from_db()
    assert taken.state == Assignment.State.DONE
    regular = Judgment.objects.filter(late=False)
    assert [one.assignment for one in regular] == [taken]
    progress = Tally.objects.progress(seat.round, seat.volunteer)
    assert (progress.done, progress.total) == (1, 1)


def test_sent_twice_a_late_judgment_is_stored_once(seat):
    take_over(seat)
    first = make_judgment(seat, 1, 2, 3)
    assert make_judgment(seat, 1, 2, 3) == first
    with pytest.raises(KeyReusedError):
        make_judgment(seat, 3, 2, 1)
    assert Judgment.objects.count() == 1


def test_a_late_judgment_can_be_corrected_and_stays_late(seat):
    take_over(seat)
    late = make_judgment(seat, 1, 2, 3)
    revision = make_correction(late, 1, 1, 1)
    assert (revision.late, revision.assignment, revision.lapsed_seat) == (True, None, late.lapsed_seat)
    assert Judgment.objects.get(is_current=True) == revision


def test_the_page_of_a_correction_shows_the_order_of_the_late_one(client, seat):
    take_over(seat)
    late = make_judgment(seat, 1, 2, 3)
    client.force_login(seat.volunteer)
    html = client.get(reverse("correct-judgment", args=[seat.round.project.slug, late.pk])).content.decode()
    texts = dict(seat.comparison.completions.values_list("pk", "text"))
    places = [html.index(texts[completion]) for completion in seat.order]
    assert places == sorted(places)


def test_a_comparison_that_was_judged_late_is_not_offered_again():
    current = make_round(judgments_per_comparison=3)
    volunteer = make_member(current.project)
    seat = make_seat(current, volunteer)
    let_lapse(seat)
    taken = [make_seat(current, make_member(current.project)) for _ in range(3)]
    assert seat.pk in {one.pk for one in taken}
    make_judgment(seat, 1, 2, 3, 4)
    skip_comparison(assignment=taken[0], volunteer=taken[0].volunteer)
    assert claim_next(project=current.project, volunteer=volunteer) is None


def test_who_holds_another_seat_at_the_comparison_by_then_finishes_that_one_late():
    current = make_round(judgments_per_comparison=2)
    volunteer = make_member(current.project)
    first = make_seat(current, volunteer)
    take_over(first)
    second = make_seat(current, volunteer)
    assert second.pk != first.pk and second.comparison == first.comparison
    late = make_judgment(first, 1, 2, 3, 4)
    assert (late.late, late.assignment) == (True, second)
    with pytest.raises(AlreadyJudgedError):
        make_judgment(second, 4, 3, 2, 1)
    assert Judgment.objects.filter(volunteer=volunteer).count() == 1


def test_a_volunteer_who_judged_since_is_told_so():
    current = make_round(answers=2)
    volunteer, other = make_member(current.project), make_member(current.project)
    first = make_seat(current, volunteer)
    let_lapse(first)
    let_lapse(make_seat(current, other))
    again = make_seat(current, volunteer)
    make_judgment(again, 1, 2)
    with pytest.raises(AlreadyJudgedError):
        make_judgment(first, 2, 1)
    assert Judgment.objects.count() == 1


def test_nothing_late_is_taken_from_strangers_to_the_seat_nor_after_a_skip(seat):
    taken = take_over(seat)
    stranger = make_member(seat.round.project)
    ranks = dict.fromkeys(seat.order, 1)
    for volunteer, key in ((stranger, seat.key), (seat.volunteer, uuid.uuid4()), (taken.volunteer, seat.key)):
        with pytest.raises(SeatLostError):
            submit_judgment(assignment=seat, volunteer=volunteer, key=key, ranks=ranks)
    skip_comparison(assignment=taken, volunteer=taken.volunteer)
    with pytest.raises(SeatLostError):
        make_judgment(taken, 1, 2, 3)
    assert not Judgment.objects.exists()


def test_a_closed_round_takes_no_late_judgment(seat):
    take_over(seat)
    close_round(project=seat.round.project)
    with pytest.raises(RoundClosedError):
        make_judgment(seat, 1, 2, 3)
    assert not Judgment.objects.exists()


def test_the_time_a_seat_is_held_is_the_projects(client, seat):
    project = seat.round.project
    assert seat.held_until - seat.claimed_at == timedelta(minutes=30)
    project.seat_minutes = 5
    project.save()
    now = timezone.now()
    [renewed] = renew_seats(project=project, volunteer=seat.volunteer, now=now)
    assert renewed.held_until == now + timedelta(minutes=5)


def test_late_judgments_are_counted_apart(client, seat):
    taken = take_over(seat)
    make_judgment(taken, 1, 2, 3)
    make_judgment(seat, 1, 2, 3)
    dataset = snapshot_preferences(project=seat.round.project)
    assert (dataset.judgments, dataset.manifest["counts"]["late_judgments"]) == (2, 1)
    assert "| of these late | 1 |" in (dataset.folder / "README.md").read_text()
    client.force_login(coordinator_of(seat.round.project))
    html = client.get(reverse("rankings", args=[seat.round.project.slug])).content.decode()
    assert "1 of them is late" in html


# What the database refuses by itself


def begin(seat, **fields):
    values = {
        "comparison": seat.comparison,
        "volunteer": seat.volunteer,
        "verdict": "all_bad",
        "seconds": 1,
        "key": uuid.uuid4(),
        "payload_hash": "",
    }
    return Judgment.objects.create(**values | fields)


def test_a_judgment_has_a_seat_or_one_that_lapsed_and_then_is_late(seat):
    taken = take_over(seat)
    lapsed = LapsedSeat.objects.get()
    assert_refused(begin, seat)
    assert_refused(begin, seat, late=True)
    assert_refused(begin, seat, lapsed_seat=lapsed)
    assert_refused(begin, taken, lapsed_seat=lapsed, late=True)
    assert_refused(begin, seat, assignment=seat, lapsed_seat=lapsed, late=True)
    stored = begin(seat, lapsed_seat=lapsed, late=True)
    assert_refused(begin, seat, lapsed_seat=lapsed, late=True)
    rows = Judgment.objects.filter(pk=stored.pk)
    assert_refused(rows.update, late=False)
    assert_refused(rows.update, lapsed_seat=None)
    assert_refused(rows.update, assignment=taken)


def test_a_seat_lapses_only_for_who_no_longer_has_it_and_that_stays(seat):
    fields = {"assignment": seat, "comparison": seat.comparison, "order": seat.order}
    assert_refused(LapsedSeat.objects.create, volunteer=seat.volunteer, key=uuid.uuid4(), **fields)
    taken = take_over(seat)
    rows = LapsedSeat.objects.all()
    assert_refused(rows.update, volunteer=taken.volunteer)
    assert_refused(rows.update, key=uuid.uuid4())
    assert_refused(LapsedSeat.objects.create, volunteer=taken.volunteer, key=uuid.uuid4(), **fields)
