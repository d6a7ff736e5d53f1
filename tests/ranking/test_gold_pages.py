"""The pages on which coordinators mark gold questions, see what people answer, and take them out."""

import pytest
from django.urls import reverse

from annotator.models import AuditEvent, Role
from annotator.services.projects import change_settings
from ranking.models import Comparison, GoldQuestion, Judgment
from tests.factories import coordinator_of, make_member
from tests.pressing import press

from .making import make_assignment, make_gold_round, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def current():
    return make_round(prompts=2, answers=3)


@pytest.fixture
def judgment(current):
    return make_judgment(make_assignment(current, make_member(current.project)), 2, 1, 3)


@pytest.fixture
def coordinator(client, current):
    user = coordinator_of(current.project)
    client.force_login(user)
    return user


def at(name, current, *args):
    return reverse(name, args=[current.project.slug, *args])


def test_a_coordinator_marks_the_comparison_of_a_judgment_with_its_ranks(
    client, current, judgment, coordinator
):
    page = client.get(at("browse-judgment", current, judgment.pk)).text
    assert at("mark-gold", current, judgment.pk) in page
    sent = press(client, at("mark-gold", current, judgment.pk), why="The second one is true.", follow=True)
    assert "It is a gold question from the next round on." in sent.text
    assert judgment.comparison.prompt.question in sent.text and "The second one is true." in sent.text
    question = GoldQuestion.objects.get()
    ranks = {one.completion_id: one.rank for one in judgment.ranks.all()}
    assert {one.completion_id: one.rank for one in question.answers.all()} == ranks
    event = AuditEvent.objects.get(verb="gold.marked")
    assert event.actor == coordinator and event.target == f"goldquestion:{question.pk}"
    log = client.get(reverse("log", args=[current.project.slug])).text
    assert "made a comparison a gold question" in log


def test_other_ranks_may_be_right(client, current, judgment, coordinator):
    order = judgment.shown_assignment.order
    press(client, at("mark-gold", current, judgment.pk), rank_A="1", rank_B="3", rank_C="2")
    ranks = {one.completion_id: one.rank for one in GoldQuestion.objects.get().answers.all()}
    assert ranks == dict(zip(order, (1, 3, 2), strict=True))


@pytest.mark.parametrize(
    "ranks",
    [
        {"rank_A": ""},
        {"rank_A": "0"},
        {"rank_B": "4"},
        {"rank_C": "\0"},
        {"rank_A": "1", "rank_B": "1", "rank_C": "1"},
        {"why": "x" * 2001},
    ],
)
def test_what_makes_no_sense_is_shown_again_and_not_stored(client, current, judgment, coordinator, ranks):
    answer = press(client, at("mark-gold", current, judgment.pk), **ranks)
    assert answer.status_code == 422 and "Nothing was saved yet" in answer.text
    assert not GoldQuestion.objects.exists()


def test_marked_twice_it_says_so(client, current, judgment, coordinator):
    for status in (302, 422):
        answer = press(client, at("mark-gold", current, judgment.pk))
        assert answer.status_code == status
    assert "a gold question already" in answer.text and GoldQuestion.objects.count() == 1


def test_the_list_says_how_often_each_was_asked_and_answered_rightly(client):
    current = make_gold_round(questions=1)
    client.force_login(coordinator_of(current.project))
    assert "answered 0 times" in client.get(at("gold-questions", current)).text
    for ranks in ((1, 2), (1, 2), (2, 1), (1, 1)):
        make_judgment(make_assignment(current, make_member(current.project)), *ranks)
    page = client.get(at("gold-questions", current)).text
    assert "answered 4 times · 67 % right" in page
    listed = client.get(at("browse-judgments", current), {"source": "gold"}).text
    assert listed.count('<span class="badge">gold question</span>') == 4
    copy = Judgment.objects.on_gold(current.project).first()
    assert at("mark-gold", current, copy.pk) not in client.get(at("browse-judgment", current, copy.pk)).text


def test_those_on_gold_questions_are_read_only_when_asked_for(client):
    current = make_gold_round(questions=1)
    gold = make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    client.force_login(coordinator_of(current.project))
    assert "gold question" not in client.get(at("browse-judgments", current)).text
    asked = (
        {"source": "gold"},
        {"comparison": gold.comparison_id},
        {"answer": gold.ranks.first().completion_id},
    )
    for query in asked:
        assert (
            at("browse-judgment", current, gold.pk) in client.get(at("browse-judgments", current), query).text
        )


def test_a_coordinator_takes_one_out(client):
    current = make_gold_round(questions=1)
    client.force_login(coordinator_of(current.project))
    question = GoldQuestion.objects.get()
    for _ in range(2):  # of a double click the second changes nothing
        assert client.post(at("take-out-gold", current, question.pk)).status_code == 302
    assert "There are none yet" in client.get(at("gold-questions", current)).text
    assert AuditEvent.objects.filter(verb="gold.taken_out").count() == 1


def test_an_empty_list_says_what_to_do(client, current, coordinator):
    page = client.get(at("gold-questions", current)).text
    assert at("browse-judgments", current) in page and "one comparison in 20" in page
    assert at("gold-questions", current) in client.get(at("rankings", current)).text
    change_settings(project=current.project, values={"gold_every": 0}, actor=coordinator)
    assert "None is asked" in client.get(at("gold-questions", current)).text


@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.REVIEWER])
def test_only_coordinators_know_which_ones_there_are(client, current, judgment, role):
    client.force_login(make_member(current.project, role))
    for address in (at("gold-questions", current), at("mark-gold", current, judgment.pk)):
        assert client.get(address).status_code == 403
    for address in (at("mark-gold", current, judgment.pk), at("take-out-gold", current, 1)):
        assert client.post(address).status_code == 403


def test_strangers_and_other_projects_find_nothing(client, current, judgment, coordinator):
    other = make_gold_round()
    question = GoldQuestion.objects.get()
    assert client.get(at("gold-questions", other)).status_code == 404
    assert client.post(at("take-out-gold", current, question.pk)).status_code == 404
    elsewhere = make_judgment(make_assignment(other, make_member(other.project)), 1, 2)
    for pk in (elsewhere.pk, 10**30, 0):
        assert client.get(at("mark-gold", current, pk)).status_code == 404
    assert GoldQuestion.objects.in_use().count() == 1


def test_a_judgment_on_a_gold_question_is_no_comparison_to_mark(client):
    current = make_gold_round()
    gold = make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    assert gold.comparison.source == Comparison.Source.GOLD
    client.force_login(coordinator_of(current.project))
    assert client.get(at("mark-gold", current, gold.pk)).status_code == 404


def test_pages_and_acts_refuse_other_methods(client, current, judgment, coordinator):
    assert client.post(at("gold-questions", current)).status_code == 405
    assert client.get(at("take-out-gold", current, 1)).status_code == 405
    assert client.put(at("mark-gold", current, judgment.pk)).status_code == 405


@pytest.mark.parametrize(
    ("rate", "status"), [("0", 302), ("4", 302), ("1000", 302), ("3", 422), ("1001", 422), ("-1", 422)]
)
def test_the_rate_is_a_setting(client, current, coordinator, rate, status):
    address = reverse("settings-section", args=[current.project.slug, "ranking"])
    assert at("gold-questions", current) in client.get(address).text
    assert press(client, address, gold_every=rate).status_code == status
    current.project.refresh_from_db()
    assert current.project.gold_every == (int(rate) if status == 302 else 20)
