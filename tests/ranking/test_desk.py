"""The desk: ranking in a browser, with htmx and without."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.models import Role, User
from annotator.services.completions import add_completions, get_or_create_author
from ranking.models import Assignment, Judgment, Preference, Round, Skip
from ranking.services import claim_next, close_round, open_round, submit_judgment
from tests.factories import make_member, make_project, make_prompt, make_user

from .making import make_round, make_seat

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
MISSING = "Give every answer a rank; still without one: 1."


@pytest.fixture
def current() -> Round:
    return make_round(prompts=2, answers=3)


@pytest.fixture
def volunteer(current: Round) -> User:
    return make_member(current.project)


@pytest.fixture
def client(volunteer: User) -> Client:
    return signed_in(volunteer)


@pytest.fixture
def seat(current: Round, volunteer: User) -> Assignment:
    return make_seat(current, volunteer)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(page: str, seat: Assignment) -> str:
    return reverse(page, args=[seat.round.project.slug, seat.pk])


def desk_of(current: Round) -> str:
    return reverse("desk", args=[current.project.slug])


def entered(seat: Assignment, *ranks: object, **fields: object) -> dict[str, object]:
    """What the form sends when the cards are given these ranks from top to bottom."""
    return {"key": seat.key, **{f"rank_{place}": rank for place, rank in enumerate(ranks, 1)}, **fields}


def stored_ranks(judgment: Judgment) -> dict[int, int]:
    return dict(judgment.ranks.values_list("completion_id", "rank"))


def test_it_shows_the_question_and_the_answers_in_the_order_of_the_seat(client, current, seat):
    page = client.get(desk_of(current)).content.decode()
    texts = [seat.comparison.completions.get(pk=pk).text for pk in seat.order]
    assert seat.comparison.prompt.question in page
    assert sorted(page.index(text) for text in texts) == [page.index(text) for text in texts]
    for place in range(1, 4):
        assert page.count(f'name="rank_{place}"') == 3


def test_nothing_on_it_tells_who_wrote_an_answer():
    project = make_project(completions_per_comparison=2)
    prompt = make_prompt(project)
    author = get_or_create_author(project=project, kind="model", name="Zebra 3")
    add_completions(author=author, texts=[(prompt, "One."), (prompt, "Two.")])
    current = open_round(project=project, author=author)
    page = signed_in(make_member(project)).get(desk_of(current)).content.decode()
    assert "Two." in page and "Zebra" not in page and "ersion" not in page


def test_answers_are_shown_as_safe_markdown():
    project = make_project(completions_per_comparison=2)
    prompt = make_prompt(project, "Is <b>this</b> safe?")
    author = get_or_create_author(project=project, kind="model", name="Version 1")
    hostile = '<script>alert(1)</script> <i hx-get="/">x</i> **bold** [a](javascript:alert)'
    add_completions(author=author, texts=[(prompt, hostile), (prompt, "Yes.")])
    current = open_round(project=project, author=author)
    page = signed_in(make_member(project)).get(desk_of(current)).content.decode()
    assert "&lt;script&gt;alert" in page and "<script>alert" not in page
    assert "<strong>bold</strong>" in page and "<i " not in page and 'href="javascript' not in page


def test_a_ranking_is_stored_and_the_next_comparison_comes(client, current, seat):
    fields = {"flags_2": ["factual_error", "off_topic"], "rationale": " Truth first. "}
    answer = client.post(address("judgment", seat), entered(seat, 3, 1, 2, **fields), follow=True)
    assert answer.redirect_chain == [(desk_of(current), 302)]
    assert "Saved. 1 today." in answer.text
    judgment = Judgment.objects.get()
    assert stored_ranks(judgment) == dict(zip(seat.order, (3, 1, 2), strict=True))
    assert set(judgment.flags.values_list("completion_id", "kind")) == {
        (seat.order[1], "factual_error"),
        (seat.order[1], "off_topic"),
    }
    assert judgment.rationale == "Truth first." and judgment.preferences.count() == 3
    following = Assignment.objects.get(state=Assignment.State.HELD)
    assert following.comparison != seat.comparison and str(following.key) in answer.text


def test_htmx_gets_the_next_comparison_as_a_fragment_with_a_status_line(client, seat):
    answer = client.post(address("judgment", seat), entered(seat, 1, 2, 3), headers=HTMX)
    assert answer.status_code == 200 and "<html" not in answer.text and 'id="desk"' in answer.text
    assert "Saved. 1 today." in answer.text
    assert str(Assignment.objects.get(state=Assignment.State.HELD).key) in answer.text


def test_equal_ranks_are_ties(client, seat):
    client.post(address("judgment", seat), entered(seat, 1, 1, 2))
    assert stored_ranks(Judgment.objects.get()) == dict(zip(seat.order, (1, 1, 2), strict=True))
    assert Preference.objects.count() == 2


def test_all_bad_needs_no_ranks_and_draws_no_preferences(client, seat):
    client.post(address("judgment", seat), entered(seat, 1, all_bad="1"))
    assert Judgment.objects.get().verdict == Judgment.Verdict.ALL_BAD
    assert not Preference.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_incomplete_ranking_comes_back_with_all_that_was_entered(client, seat, headers):
    fields = {"flags_3": ["spam"], "rationale": "B is <best>."}
    answer = client.post(address("judgment", seat), entered(seat, 2, 1, **fields), headers=headers)
    assert answer.status_code == 422 and ("<html" in answer.text) == (not headers)
    assert MISSING in answer.text and "B is &lt;best&gt;." in answer.text
    for checked in ('id="rank-1-2" checked', 'id="rank-2-1" checked', 'value="spam" checked'):
        assert checked in answer.text
    assert answer.text.count(" checked>") >= 3 and 'id="rank-3-1" checked' not in answer.text
    assert not Judgment.objects.exists()
    seat.refresh_from_db()
    assert seat.state == Assignment.State.HELD


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank_1": "0"},
        {"rank_1": "4"},
        {"rank_1": "9" * 5000},
        {"rank_1": "1.5"},
        {"rank_1": "\0"},
        {"rank_1": "\u0661"},
        {"rank_1": ""},
        {"flags_1": ["rude"]},
        {"flags_1": ["spam", "\0"]},
        {"rationale": "a\0b"},
        {"rationale": "x" * 5001},
        {"key": "nonsense"},
        {"key": "9" * 5000},
        {"key": ""},
    ],
)
def test_bad_input_is_refused_with_nothing_stored(client, seat, wrong):
    answer = client.post(address("judgment", seat), entered(seat, 1, 2, 3) | wrong, headers=HTMX)
    assert answer.status_code == 422
    assert 'id="desk-error"' in answer.text and f'value="{seat.key}"' in answer.text
    assert not Judgment.objects.exists()


def test_ranks_of_answers_that_are_not_on_the_page_count_for_nothing(client, seat):
    answer = client.post(
        address("judgment", seat), entered(seat, 1, 2, rank_4=3, rank_99=1, flags_4=["spam"]), headers=HTMX
    )
    assert answer.status_code == 422 and MISSING in answer.text
    assert not Judgment.objects.exists()


def test_half_a_surrogate_pair_in_the_reason_cannot_break_anything(client, seat):
    body = f"key={seat.key}&rank_1=1&rank_2=2&rank_3=3&rationale=%ED%A0%80"
    answer = client.post(address("judgment", seat), body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 302
    assert "\ud800" not in Judgment.objects.get().rationale


def test_sent_twice_it_is_stored_once_and_answered_alike(client, seat):
    for _ in range(2):
        answer = client.post(address("judgment", seat), entered(seat, 1, 2, 3), headers=HTMX)
        assert answer.status_code == 200 and "Saved. 1 today." in answer.text
    assert Judgment.objects.count() == 1 and Preference.objects.count() == 3


def test_another_answer_by_the_same_form_is_refused_and_the_first_stays(client, seat):
    client.post(address("judgment", seat), entered(seat, 1, 2, 3))
    answer = client.post(address("judgment", seat), entered(seat, 3, 2, 1), headers=HTMX)
    assert answer.status_code == 409 and "the first one stays" in answer.text
    assert stored_ranks(Judgment.objects.get())[seat.order[0]] == 1


def lose(seat: Assignment) -> None:
    """Let the seat's time run out and somebody else take it."""
    project = seat.round.project
    later = timezone.now() + timedelta(minutes=project.seat_minutes + 1)
    others = [make_member(project) for _ in range(2)]
    taken = [claim_next(project=project, volunteer=other, now=later) for other in others]
    assert seat in taken


@pytest.mark.parametrize(
    ("page", "words"), [("judgment", "went to someone else"), ("skip", "went to someone else")]
)
def test_a_seat_that_went_to_someone_else_is_refused_calmly(client, seat, page, words):
    lose(seat)
    answer = client.post(address(page, seat), entered(seat, 1, 2, 3), headers=HTMX)
    assert answer.status_code == 409 and words in answer.text
    plain = client.post(address(page, seat), entered(seat, 1, 2, 3), follow=True)
    assert plain.status_code == 200 and words in plain.text
    assert not Judgment.objects.exists() and not Skip.objects.exists()


def test_a_round_closed_meanwhile_takes_nothing_more(client, current, seat):
    close_round(project=current.project)
    answer = client.post(address("judgment", seat), entered(seat, 1, 2, 3), headers=HTMX)
    assert answer.status_code == 409 and "has been closed in the meantime" in answer.text
    assert "No round is open" in answer.text and not Judgment.objects.exists()


def test_someone_elses_seat_cannot_be_used(current, seat):
    other = signed_in(make_member(current.project))
    assert other.post(address("judgment", seat), entered(seat, 1, 2, 3), headers=HTMX).status_code == 409
    assert other.post(address("skip", seat), headers=HTMX).status_code == 409
    assert other.post(address("renew-seat", seat)).status_code == 409
    seat.refresh_from_db()
    assert seat.state == Assignment.State.HELD and not Judgment.objects.exists()


def test_skipping_brings_another_comparison_and_never_that_one_again(client, current, seat):
    answer = client.post(address("skip", seat), headers=HTMX)
    assert answer.status_code == 200 and "Skipped." in answer.text
    following = Assignment.objects.get(state=Assignment.State.HELD)
    assert following.comparison != seat.comparison
    plain = client.post(address("skip", following), follow=True)
    assert "Skipped." in plain.text and "Nothing is left for you" in plain.text
    assert not Assignment.objects.filter(state=Assignment.State.HELD).exists()


def test_without_an_open_round_it_says_when_the_next_one_comes(client, current):
    close_round(project=current.project)
    page = client.get(desk_of(current))
    assert page.status_code == 200 and "No round is open" in page.text


def test_when_all_is_ranked_it_thanks(client, current, volunteer):
    while seat := claim_next(project=current.project, volunteer=volunteer):
        ranks = dict(zip(seat.order, (1, 2, 3), strict=True))
        submit_judgment(assignment=seat, volunteer=volunteer, key=seat.key, ranks=ranks)
    page = client.get(desk_of(current))
    assert "2 of these rankings are yours" in page.text


def test_someone_at_work_keeps_the_seat_longer(client, seat):
    Assignment.objects.update(held_until=timezone.now() + timedelta(seconds=9))
    assert client.post(address("renew-seat", seat)).status_code == 204
    seat.refresh_from_db()
    assert seat.held_until > timezone.now() + timedelta(minutes=20)


@pytest.mark.parametrize("role", list(Role))
def test_every_member_may_rank(current, role):
    assert signed_in(make_member(current.project, role)).get(desk_of(current)).status_code == 200


@pytest.mark.parametrize("page", ["judgment", "skip", "renew-seat"])
def test_a_seat_of_another_project_or_no_seat_is_not_found(client, current, page):
    foreign = make_round(answers=2)
    seat = make_seat(foreign, make_member(foreign.project))
    for pk in (seat.pk, 9**9, 10**40):
        where = reverse(page, args=[current.project.slug, pk])
        assert client.post(where, entered(seat, 1, 2)).status_code == 404


def test_a_stranger_finds_nothing(current, seat):
    stranger = signed_in(make_user())
    assert stranger.get(desk_of(current)).status_code == 404
    for page in ("judgment", "skip", "renew-seat"):
        assert stranger.post(address(page, seat), entered(seat, 1, 2, 3)).status_code == 404


def test_nobody_ranks_without_signing_in(current):
    answer = Client().get(desk_of(current))
    assert answer.status_code == 302 and answer.url.startswith(reverse("account_login"))


def test_wrong_methods_are_refused(client, current, seat):
    assert client.post(desk_of(current)).status_code == 405
    for page in ("judgment", "skip", "renew-seat"):
        assert client.get(address(page, seat)).status_code == 405


def test_browsers_keep_no_copy_of_it(client, current):
    assert "no-store" in client.get(desk_of(current))["Cache-Control"]


def test_eight_answers_cost_no_more_queries_than_two(django_assert_max_num_queries):
    for answers in (2, 8):
        current = make_round(answers=answers)
        client = signed_in(make_member(current.project))
        client.get(desk_of(current))
        with django_assert_max_num_queries(14):
            client.get(desk_of(current))
