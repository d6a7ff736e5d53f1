"""What answers to gold questions do to their volunteer: their weight, and a kind word, once."""

import pytest
from django.urls import reverse

from annotator.models import AuditEvent, Project
from ranking.models import GoldQuestion, Judgment, PracticeAdvice, Reliability
from ranking.models.reliability import fit_of
from ranking.practice_files import practice_from_record
from ranking.services import close_round
from ranking.services.fits.worker import fit_project
from ranking.services.gold.advice import advise_practice
from ranking.services.gold.marking import take_out_gold
from ranking.services.personal_data import gold_questions, practice_advice
from ranking.services.practice import add_practice
from tests.factories import coordinator_of, make_member
from tests.pressing import press

from .making import make_assignment, make_gold_round, make_judgment

pytestmark = pytest.mark.django_db


@pytest.fixture
def current():
    return make_gold_round(questions=8, prompts=3)


def answer(current, *ranks, ordinary=0):
    """A new member who gives these ranks to the answers of all gold questions, and of some comparisons."""
    member = make_member(current.project)
    for _ in range(8):
        assert make_judgment(make_assignment(current, member), *ranks).assignment.is_gold
    for _ in range(ordinary):
        make_judgment(make_assignment(current, member), 1, 2)
    return member


def test_right_and_wrong_answers_weigh_the_votes_of_who_gave_them(current):
    right, wrong = answer(current, 1, 2, ordinary=1), answer(current, 2, 1, ordinary=1)
    fit_project(current.project)
    known = fit_of(current.project).known
    assert known[right.pk].if_first > 0.8 > 0.5 > known[wrong.pk].if_first
    assert Judgment.objects.filter(volunteer=wrong, is_current=True).count() == 9  # nothing is deleted


def test_questions_that_were_taken_out_say_nothing_of_anybody(current):
    right, wrong = answer(current, 1, 2, ordinary=1), answer(current, 2, 1, ordinary=1)
    for question in GoldQuestion.objects.all():
        take_out_gold(question=question, actor=coordinator_of(current.project))
    fit_project(current.project)
    values = [Reliability.objects.get(volunteer=each).value for each in (right, wrong)]
    assert values[0] == pytest.approx(values[1], abs=0.01)  # each has one vote, on a side of chance
    assert not PracticeAdvice.objects.exists()


def test_only_who_is_wrong_too_often_is_told_and_only_once(current):
    answer(current, 1, 2)
    wrong = answer(current, 2, 1)
    for _ in range(2):
        fit_project(current.project)
    assert PracticeAdvice.objects.get().membership.user == wrong
    (event,) = AuditEvent.objects.filter(verb="gold.told")
    assert event.target == f"user:{wrong.pk}" and event.actor is None


def test_who_has_left_is_not_told(current):
    wrong = answer(current, 2, 1)
    current.project.memberships.get(user=wrong).delete()
    advise_practice(project=current.project)
    assert not PracticeAdvice.objects.exists()


def desk(project):
    return reverse("desk", args=[project.slug])


WORDS = "Some comparisons have answers that we know"


def test_they_read_it_on_the_ranking_page_until_they_close_it(client, current):
    project = current.project
    wrong, right = answer(current, 2, 1), answer(current, 1, 2)
    advise_practice(project=project)
    client.force_login(right)
    assert WORDS not in client.get(desk(project)).text
    client.force_login(wrong)
    page = client.get(desk(project)).text
    assert WORDS in page and "Practise again" not in page  # the project has no practice
    assert client.get(reverse("close-advice", args=[project.slug])).status_code == 405
    page = press(client, desk(project), reverse("close-advice", args=[project.slug]), follow=True).text
    assert WORDS not in page
    closed = PracticeAdvice.objects.get().closed_at
    client.post(reverse("close-advice", args=[project.slug]))
    assert PracticeAdvice.objects.get().closed_at == closed is not None


def test_they_are_offered_practice_where_there_is_some(client, current):
    project, wrong = current.project, answer(current, 2, 1)
    record = {"prompt": "Why?", "answers": ["Good.", "Bad."], "ranks": [1, 2], "why": "So."}
    add_practice(project=project, drafts=[practice_from_record(record)], actor=coordinator_of(project))
    advise_practice(project=project)
    client.force_login(wrong)
    page = client.get(desk(project)).text
    assert reverse("practice", args=[project.slug]) in page and "Practise again" in page
    answer_to = client.post(reverse("begin-practice", args=[project.slug]), follow=True)
    assert "Practice, 1 of 1" in answer_to.text


def test_strangers_find_no_advice_to_close(client, current):
    client.force_login(make_member(make_gold_round().project))
    assert client.post(reverse("close-advice", args=[current.project.slug])).status_code == 404


def test_a_round_without_gold_questions_has_no_advice(client, current):
    member = answer(current, 2, 1)
    advise_practice(project=current.project)
    Project.objects.update(gold_every=0)
    type(current).objects.filter(pk=current.pk).update(gold_count=0)
    client.force_login(member)
    assert WORDS not in client.get(desk(current.project)).text


def test_their_data_tell_which_were_known_once_the_round_is_closed(current):
    member = answer(current, 2, 1)
    advise_practice(project=current.project)
    assert list(gold_questions(member)) == []
    close_round(project=current.project)
    exported = list(gold_questions(member))
    assert len(exported) == 8 and sorted(exported[0]["ranks"].values()) == [1, 2]
    assert all(one["ranks"] != one["known_ranks"] for one in exported)
    (told,) = practice_advice(member)
    assert told["project"] == current.project.slug and told["closed_at"] is None
