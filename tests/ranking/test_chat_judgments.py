"""Judgments from the chat count as preferences, and as nothing that people did at the desk."""

import uuid

import pytest
from django.urls import reverse

from annotator.models import Role
from ranking.errors import NotYourAssignmentError, RankingError
from ranking.models import Comparison, Judgment, UnpairedPreference
from ranking.models.agreement import agreement_of
from ranking.models.position_bias import first_positions
from ranking.services import add_assignment, close_round, correct_judgment
from ranking.services.chat import add_chat_judgment, add_unpaired_preference
from tests.api import client_of
from tests.factories import coordinator_of, make_completion, make_member, make_prompt

from .making import make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def current():
    return make_round(answers=2)


@pytest.fixture
def member(current):
    return make_member(current.project)


def rewrite_of_one(current, member) -> Judgment:
    """What comes of an answer that was shown alone, and that the member wrote anew."""
    shown = make_completion(make_prompt(current.project))
    comparison = add_chat_judgment(
        prompt=shown.prompt,
        shown=[shown],
        volunteer=member,
        ranks={shown.pk: 1},
        rewrite={"original": shown.pk, "text": "As I would say it."},
    )
    return comparison.judgments.get()


def choice_of_two(current, member) -> Judgment:
    prompt = make_prompt(current.project)
    shown = [make_completion(prompt), make_completion(prompt)]
    ranks = {shown[0].pk: 1, shown[1].pk: 2}
    return add_chat_judgment(prompt=prompt, shown=shown, volunteer=member, ranks=ranks).judgments.get()


@pytest.fixture(params=[rewrite_of_one, choice_of_two])
def judgment(request, current, member):
    return request.param(current, member)


def test_each_is_one_preference(judgment):
    (pair,) = judgment.preferences()
    assert pair.is_rewrite == (judgment.comparison.items.count() == 1)


def test_the_api_names_its_source_as_datasets_do(current, judgment):
    client = client_of(coordinator_of(current.project))
    (row,) = client.get(reverse("api-preferences", args=[current.project.slug])).json()["results"]
    assert row["source"] == ("chat_rewrite" if judgment.preferences()[0].is_rewrite else "chat")


def test_a_thumb_is_no_comparison(current, member):
    before = Comparison.objects.count()
    add_unpaired_preference(
        completion=make_completion(make_prompt(current.project)), volunteer=member, label=True
    )
    assert UnpairedPreference.objects.count() == 1
    assert Comparison.objects.count() == before and not Judgment.objects.exists()


def test_how_people_rank_is_told_of_the_desk_alone(client, current, member, judgment):
    client.force_login(make_member(current.project, Role.REVIEWER))
    page = client.get(reverse("rankings", args=[current.project.slug]))
    assert not first_positions(current.project) and page.context["verdicts"] == []
    make_judgment(make_assignment(current, member), 1, 2)
    assert [row["rankings"] for row in first_positions(current.project)] == [1]
    page = client.get(reverse("rankings", args=[current.project.slug]))
    assert page.context["verdicts"] == [(Judgment.Verdict.RANKED, None, 1)]


def test_it_is_not_corrected_at_the_desk(client, current, member, judgment):
    slug = current.project.slug
    client.force_login(member)
    assert not client.get(reverse("judged", args=[slug])).context["judgments"]
    page = reverse("correct-judgment", args=[slug, judgment.pk])
    assert client.get(page).status_code == client.post(page).status_code == 404
    api = client_of(member)
    assert api.get(reverse("api-judgments", args=[slug])).json()["results"] == []
    sent = {"key": str(uuid.uuid4()), "verdict": "all_bad"}
    address = reverse("api-correction", args=[slug, judgment.pk])
    assert api.post(address, sent, format="json").status_code == 404
    with pytest.raises(NotYourAssignmentError):
        correct_judgment(judgment=judgment, volunteer=member, key=uuid.uuid4(), verdict="all_bad")
    assert Judgment.objects.get() == judgment


def test_agreement_looks_at_as_many_of_the_desk_however_many_there_are(monkeypatch):
    monkeypatch.setattr("ranking.models.agreement.LAST_JUDGMENTS", 1)
    current = make_round(answers=2, judgments_per_comparison=2)
    member = make_member(current.project)
    for volunteer in (member, make_member(current.project)):
        make_judgment(make_assignment(current, volunteer), 1, 2)
    choice_of_two(current, member)
    close_round(project=current.project)
    assert agreement_of(member, current.project).pairs == 1


def test_nobody_else_is_asked_about_it(judgment):
    with pytest.raises(RankingError):
        add_assignment(comparison=judgment.comparison)
    assert judgment.comparison.assignments.count() == 1
