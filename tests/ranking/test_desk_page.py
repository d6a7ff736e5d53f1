"""The desk as a browser without scripts sees it, and what the page's script is answered."""

import re
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from annotator.models import Role
from ranking.models import Assignment, Flag, Judgment, Skip
from ranking.services import claim_ahead, claim_next, close_round
from tests.factories import make_member, make_project, make_user

from .desk import JSON, desk, filled, ranks_of, to
from .making import make_answers, make_assignment, make_round

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", Role)
def test_every_member_may_rank(client, current, role):
    client.force_login(make_member(current.project, role=role))
    assert "Answer C" in client.get(desk(current)).content.decode()


def test_strangers_get_404_and_guests_sign_in(client, current):
    assert client.get(desk(current)).status_code == 302
    client.force_login(make_user())
    assert client.get(desk(current)).status_code == 404


def test_the_page_shows_conversation_and_answers_in_the_stored_order_and_no_author(client):
    make_answers(make_project(), answers=9)  # so that no id is a place, which is at most 8
    current = make_round(answers=3)
    volunteer = make_member(current.project)
    client.force_login(volunteer)
    assignment = make_assignment(current, volunteer)
    html = client.get(desk(assignment.round)).content.decode()
    texts = {one.pk: one.text for one in assignment.comparison.completions.all()}
    places = [html.index(texts[completion]) for completion in assignment.order]
    assert places == sorted(places)
    assert html.index(assignment.comparison.prompt.question) < places[0]
    assert assignment.round.author.name not in html
    assert min(assignment.order) > 8
    for part in ("rank_", "flags_", "answer-"):
        assert {int(place) for place in re.findall(rf'"{part}(\d+)"', html)} == {1, 2, 3}
    assert "style=" not in html and "onclick" not in html


def test_answers_are_shown_as_harmless_text(client, current, volunteer):
    assignment = make_assignment(current, volunteer)
    attack = '<script>alert(1)</script><b hx-get="/">x</b>'
    assignment.comparison.completions.all().update(text=attack)
    html = client.get(desk(current)).content.decode()
    assert "<script>alert" not in html and "<b hx-get" not in html
    assert "&lt;script&gt;" in html


def test_a_judgment_is_stored_and_the_next_comparison_follows(client, assignment):
    response = client.post(
        to("judgment", assignment), filled(client, assignment, 2, 1, 2, rationale="shorter"), follow=True
    )
    judgment = Judgment.objects.get()
    assert ranks_of(judgment) == [2, 1, 2]
    assert judgment.rationale == "shorter"
    assert response.redirect_chain == [(desk(assignment.round), 302)]
    assert "Saved. 1 today." in response.content.decode()
    assert claim_next(project=assignment.round.project, volunteer=judgment.volunteer).pk != assignment.pk


def test_flags_are_stored_with_the_completion_they_were_put_on(client, assignment):
    data = filled(client, assignment, 1, 2, 3)
    first = next(name for name in data if name.startswith("rank_"))
    data[first.replace("rank_", "flags_")] = ["factual_error", "spam"]
    client.post(to("judgment", assignment), data)
    marks = set(Flag.objects.values_list("completion", "kind"))
    assert marks == {(assignment.order[0], "factual_error"), (assignment.order[0], "spam")}


def test_all_bad_needs_no_ranks_and_ignores_the_ones_given(client, assignment):
    client.post(to("judgment", assignment), filled(client, assignment, 1, verdict="all_bad"))
    assert Judgment.objects.get().verdict == Judgment.Verdict.ALL_BAD
    assert not Judgment.objects.get().ranks.exists()


@pytest.mark.parametrize("headers", [{}, JSON], ids=["page", "json"])
def test_a_missing_rank_brings_the_form_back_as_it_was(client, assignment, headers):
    data = filled(client, assignment, 3, 1, rationale="<i>half done</i>")
    response = client.post(to("judgment", assignment), data, **headers)
    html = response.json()["form"] if headers else response.content.decode()
    assert response.status_code == 422
    assert "still without one: 1" in html
    assert len(re.findall(r"<input[^>]* checked", html)) == 2 + (not headers)
    assert "&lt;i&gt;half done&lt;/i&gt;" in html
    assert not Judgment.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"rank": "9"},
        {"rank": "0"},
        {"rank": "NaN"},
        {"rank": "1" * 5000},
        {"rank": "\0"},
        {"rank": ""},
        {"flags": "rude"},
        {"flags": "\0"},
        {"key": "no key"},
        {"key": ""},
        {"rationale": "half done\0"},
        {"rationale": "half done" + "x" * 5001},
        {"rationale": "half done" + "x" * 45_000},
    ],
    ids=lambda change: " ".join(f"{name} {value[:10]} {len(value)}" for name, value in change.items()),
)
def test_bad_input_is_refused_with_words_and_what_was_entered_and_nothing_stored(client, assignment, change):
    data = filled(client, assignment, 1, 2, 3, rationale="half done")
    last = [name for name in data if name.startswith("rank_")][-1]
    change = {
        {"rank": last, "flags": last.replace("rank_", "flags_")}.get(name, name): value
        for name, value in change.items()
    }
    response = client.post(to("judgment", assignment), data | change)
    html = response.content.decode()
    assert response.status_code == 422
    assert "notice error" in html and "half done" in html
    assert not Judgment.objects.exists()


def test_ranks_of_answers_that_are_not_on_the_page_count_for_nothing(client, assignment):
    data = filled(client, assignment, 1, 2) | {"rank_4": 3, "rank_99": 3, "flags_99": "spam"}
    response = client.post(to("judgment", assignment), data)
    assert response.status_code == 422
    assert "still without one: 1" in response.content.decode()
    assert not Judgment.objects.exists()


def test_half_a_surrogate_pair_in_the_reason_breaks_nothing(client, assignment):
    body = urlencode(filled(client, assignment, 1, 2, 3)) + "&rationale=%ED%A0%80"
    client.post(to("judgment", assignment), body, content_type="application/x-www-form-urlencoded")
    assert "\ud800" not in Judgment.objects.get().rationale


def test_sent_twice_it_is_stored_once_and_says_saved(client, assignment):
    data = filled(client, assignment, 1, 2, 3)
    client.post(to("judgment", assignment), data)
    response = client.post(to("judgment", assignment), data, follow=True)
    assert "Saved. 1 today." in response.content.decode()
    assert Judgment.objects.count() == 1


def test_sent_twice_with_another_answer_the_first_stays(client, assignment):
    data = filled(client, assignment, 1, 2, 3)
    client.post(to("judgment", assignment), data)
    names = [name for name in data if name.startswith("rank_")]
    response = client.post(to("judgment", assignment), data | dict.fromkeys(names, 1), **JSON)
    assert response.status_code == 409
    assert "the first one stays" in response.content.decode()
    assert ranks_of(Judgment.objects.get()) == [1, 2, 3]


def test_a_round_that_closed_meanwhile_is_a_calm_message(client, assignment):
    data = filled(client, assignment, 1, 2, 3)
    close_round(project=assignment.round.project)
    response = client.post(to("judgment", assignment), data, follow=True)
    assert "has been closed" in response.content.decode()
    assert not Judgment.objects.exists()


def test_skipping_frees_the_assignment_and_brings_another_comparison(client, assignment):
    response = client.post(to("skip", assignment), filled(client, assignment, have=""), **JSON)
    assert response.status_code == 200
    assert to("judgment", assignment) not in response.json()["ahead"][0]["html"]
    assert Skip.objects.get().comparison == assignment.comparison
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.FREE


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [("judgment", "skip", "You have judged this comparison"), ("skip", "judgment", "You have skipped this")],
)
def test_a_second_tab_says_what_became_of_the_comparison_in_the_first(
    client, assignment, first, second, words
):
    data = filled(client, assignment, 1, 2, 3)
    client.post(to(first, assignment), data)
    answer = client.post(to(second, assignment), data, **JSON)
    assert answer.status_code == 409
    assert answer.json()["words"].startswith(words)
    assert Judgment.objects.exists() == (first == "judgment")


@pytest.mark.parametrize("name", ["judgment", "skip"])
def test_an_assignment_that_is_not_theirs_is_refused(client, assignment, name):
    data = filled(client, assignment, 1, 2, 3)
    client.force_login(make_member(assignment.round.project))
    assert client.post(to(name, assignment), data, **JSON).status_code == 409
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.HELD
    assert not Judgment.objects.exists() and not Skip.objects.exists()


@pytest.mark.parametrize("name", ["judgment", "skip"])
def test_assignments_of_other_projects_are_404(client, volunteer, assignment, name):
    elsewhere = make_round()
    foreign = make_assignment(elsewhere, make_member(elsewhere.project))
    assert client.post(to(name, foreign)).status_code == 404
    assert client.post(reverse(name, args=[assignment.round.project.slug, foreign.pk])).status_code == 404
    assert client.post(reverse(name, args=[assignment.round.project.slug, 10**30])).status_code == 404


@pytest.mark.parametrize("name", ["judgment", "skip"])
def test_acts_at_an_assignment_take_only_posts(client, assignment, name):
    assert client.get(to(name, assignment)).status_code == 405


def test_the_desk_takes_no_posts(client, current, volunteer):
    assert client.post(desk(current)).status_code == 405


def test_when_nothing_is_left_the_page_says_what_happens_next(client, current, volunteer):
    while assignment := claim_next(project=current.project, volunteer=volunteer):
        client.post(to("judgment", assignment), filled(client, assignment, 1, 2, 3))
    assert "All done: every answer of this round is ranked" in client.get(desk(current)).content.decode()


def test_without_a_round_the_page_says_so(client):
    project = make_project()
    client.force_login(make_member(project))
    html = client.get(reverse("desk", args=[project.slug])).content.decode()
    assert "No round is open" in html


def test_browsers_keep_no_copy(client, current, volunteer):
    assert "no-store" in client.get(desk(current))["Cache-Control"]


@pytest.mark.parametrize("answers", [2, 8])
def test_more_answers_cost_no_more_queries(client, django_assert_max_num_queries, answers):
    current = make_round(answers=answers)
    client.force_login(make_member(current.project))
    client.get(desk(current))
    with django_assert_max_num_queries(10):
        client.get(desk(current))


def test_judging_and_going_on_cost_few_queries(client, current, assignment, django_assert_max_num_queries):
    ahead = claim_ahead(current=current, volunteer=assignment.volunteer, have=[assignment.key])
    data = filled(client, assignment, 1, 2, 3, have=",".join(str(one.key) for one in ahead))
    with django_assert_max_num_queries(24):
        assert client.post(to("judgment", assignment), data, **JSON).status_code == 200
