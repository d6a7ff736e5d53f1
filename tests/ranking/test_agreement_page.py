"""How far people agree: of any judgments, told apart by what they are about, and on its page."""

import pytest
from django.urls import reverse

from annotator.models import Role
from annotator.pseudonyms import pseudonym_of
from annotator.services.guidelines import write_guidelines
from annotator.services.projects import change_settings
from ranking.models import Judgment, agreement_figures
from ranking.models.agreement_figures import (
    Part,
    agreement_by_criterion,
    agreement_by_part,
    agreement_by_person,
    agreement_in,
)
from ranking.services import claim_next, close_round, open_round
from tests.factories import coordinator_of, make_member, make_ready, make_user

from .making import make_answers, make_judgment, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
RANKS = ((1, 2, 3), (1, 2, 3), (2, 1, 3))


def have_judged(project, *rankings, people=None, **fields):
    """Each person gives the same ranks to all comparisons of the open round; returns them."""
    people = people or [make_member(project) for _ in rankings]
    for person, ranks in zip(people, rankings, strict=True):
        while assignment := claim_next(project=project, volunteer=person):
            make_judgment(assignment, *ranks, **fields)
    return people


@pytest.fixture
def judged():
    """Three people have ranked two comparisons of three answers, and one of them sees a pair otherwise."""
    project = make_round(prompts=2, answers=3, judgments_per_comparison=3).project
    have_judged(project, *RANKS)
    return project


def of(project):
    return Judgment.objects.of_project(project)


def page(client, project, **extra):
    client.force_login(coordinator_of(project))
    return client.get(reverse("agreement", args=[project.slug]), **extra)


def client_at(client, project, name, **query):
    client.force_login(coordinator_of(project))
    return client.get(reverse(name, args=[project.slug]), query)


def test_figures_are_those_of_the_judgments_that_are_asked_for(judged):
    found = agreement_in(of(judged))
    assert (found.rankings, found.people, found.compared) == (6, 3, 18)
    assert found.raw.value == pytest.approx(14 / 18)
    assert 0 < found.pairs.value < found.ranks.value < 1
    alike = agreement_in(of(judged).exclude(volunteer=of(judged).latest("pk").volunteer))
    assert (alike.rankings, alike.people, alike.raw.value, alike.pairs.value) == (4, 2, 1, 1)


@pytest.mark.parametrize(
    ("rankings", "words"),
    [
        ((), "None of these judgments is a ranking by a person"),
        (((1, 2, 3),), "One person gave all of these rankings"),
        (((1, 1, 1), (1, 1, 1), (1, 1, 1)), "or saw ties"),
    ],
)
def test_of_nobody_of_one_person_and_where_all_tie_nothing_can_be_told(client, rankings, words):
    project = make_round(prompts=2, answers=3, judgments_per_comparison=3).project
    have_judged(project, *rankings)
    found = agreement_in(of(project))
    assert (found.compared, found.raw, found.pairs, found.ranks) == (0, None, None, None)
    for text in (page(client, project).text, page(client, project, **HTMX).text):
        assert words in text and "<table" not in text and "nan" not in text.lower()


def test_rounds_guidelines_and_languages_are_told_apart(client, judged):
    prompt = judged.prompts.earliest("pk")
    prompt.relabel(language="fr-CA", source="", tags=[])
    people = [one.user for one in judged.memberships.filter(role=Role.VOLUNTEER)]
    close_round(project=judged)
    write_guidelines(project=judged, text="True comes first.", actor=coordinator_of(judged))
    for person in people:
        make_ready(judged, person)
    open_round(project=judged, author=make_answers(judged, answers=3, name="Version 2"))
    have_judged(judged, (1, 2, 3), (1, 2, 3), (1, 2, 3), people=people)
    found = agreement_by_part(of(judged))
    told = {
        part: [(name, each.rankings, each.raw.value) for name, each in rows] for part, rows in found.items()
    }
    assert told[Part.ALL] == [("", 9, pytest.approx(23 / 27))]
    less = pytest.approx(14 / 18)
    assert told[Part.ROUND] == [(1, 6, less), (2, 3, 1)]
    assert told[Part.GUIDELINES] == [(0, 6, less), (1, 3, 1)]
    assert [(name, rankings) for name, rankings, _raw in told[Part.LANGUAGE]] == [("en", 6), ("fr", 3)]
    parts = page(client, judged).context["parts"]
    assert [[row.name for row in rows] for _title, rows in parts] == [
        ["All"],
        ["1", "2"],
        ["none", "1"],
        ["English", "Français"],
    ]


def test_ratings_agree_by_criterion(client, judged):
    project = make_round(prompts=2, answers=2, judgments_per_comparison=2).project
    change_settings(
        project=project, values={"criteria": ["Clarity", "Accuracy"]}, actor=coordinator_of(project)
    )
    for scores in ((1, 5), (2, 5)):
        person = make_member(project)
        while assignment := claim_next(project=project, volunteer=person):
            ratings = {
                pk: {"Clarity": score, "Accuracy": 3}
                for pk, score in zip(sorted(assignment.order), scores, strict=True)
            }
            make_judgment(assignment, 1, 2, ratings=ratings)
    accuracy, clarity = agreement_by_criterion(of(project))
    assert (accuracy.criterion, accuracy.ratings, accuracy.alpha) == ("Accuracy", 8, None)
    assert (clarity.criterion, clarity.ratings) == ("Clarity", 8) and 0.5 < clarity.alpha.value < 1
    text = page(client, project).text
    assert "Clarity" in text and "Accuracy" in text


def test_each_person_is_beside_the_majority_of_the_others(judged):
    found = agreement_by_person(of(judged))
    assert sorted(found.values()) == [(4, 4), (4, 4), (4, 6)]
    assert agreement_by_person(Judgment.objects.none()) == {}


def test_people_are_listed_once_the_round_is_closed_and_there_are_enough_pairs(client):
    project = make_round(prompts=4, answers=3, judgments_per_comparison=3).project
    *_others, last = have_judged(project, *RANKS)
    assert page(client, project).context["people"] == []
    close_round(project=project)
    shown = page(client, project)
    (person,) = shown.context["people"]
    assert (person.name, person.share.hits, person.share.trials) == (pseudonym_of(project.pk, last.pk), 8, 12)
    assert last.name not in shown.text and last.email not in shown.text
    assert client.get(person.link).context["count"] == 4


def test_few_votes_are_not_told(client):
    project = make_round(prompts=1, answers=3, judgments_per_comparison=3).project
    have_judged(project, *RANKS)
    for shown in (page(client, project), page(client, project, **HTMX)):
        assert "Only 9 pairs of votes" in shown.text and "78 %" not in shown.text


def test_simulated_volunteers_do_not_count(judged):
    person = of(judged).latest("pk").volunteer
    person.is_simulated = True
    person.save()
    assert agreement_in(of(judged)).rankings == 4 and person.pk not in agreement_by_person(of(judged))


@pytest.mark.parametrize(("prompts", "is_known"), [(4, False), (5, True)])
def test_few_comparisons_give_no_interval(prompts, is_known):
    project = make_round(prompts=prompts, answers=3, judgments_per_comparison=3).project
    have_judged(project, *RANKS)
    found = agreement_in(of(project))
    for each in (found.raw, found.pairs, found.ranks):
        assert (each.low is not None and each.low <= each.value <= each.high) == is_known


def test_it_is_of_the_judgments_that_the_browser_has_found(client, judged):
    shown = page(client, judged)
    assert client.get(shown.context["parts"][0][1][0].link).context["count"] == 6
    browser = client.get(reverse("browse-judgments", args=[judged.slug]), {"language": "en"})
    address = reverse("agreement", args=[judged.slug]) + "?language=en"
    assert f'href="{address}"' in browser.text
    judged.prompts.earliest("pk").relabel(language="fr", source="", tags=[])
    english = client.get(address)
    assert english.context["parts"][0][1][0].figures.rankings == 3
    assert "Only the judgments that you chose count here." in english.text
    assert client.get(english.context["parts"][0][1][0].link).context["count"] == 3


def test_the_browser_shows_it_of_what_it_has_found(client, judged):
    browser = client_at(client, judged, "browse-judgments", round=1)
    address = reverse("agreement", args=[judged.slug]) + "?round=1"
    assert f'hx-get="{address}"' in browser.text
    part = client.get(address, **HTMX)
    assert "<html" not in part.text and "78 %" in part.text and "Alpha of ranks" in part.text
    ((_title, (row,)),) = part.context["parts"]
    assert (row.figures.rankings, row.figures.people) == (6, 3)
    assert client.get(row.link).context["count"] == 6
    whole = client.get(address, **HTMX, HTTP_HX_HISTORY_RESTORE_REQUEST="true")
    assert "<html" in whole.text and whole.headers["Vary"].count("HX-Request") == 1


def test_of_many_rankings_the_newest_are_counted_and_it_says_so(client, judged, monkeypatch):
    monkeypatch.setattr(agreement_figures, "MOST_RANKINGS", 4)
    for shown in (page(client, judged), page(client, judged, **HTMX)):
        assert shown.context["parts"][0][1][0].figures.rankings == 4
        assert "and 2 older ones are not" in shown.text
    newest, older = agreement_figures.newest_rankings(of(judged))
    ids = sorted(of(judged).values_list("pk", flat=True))
    assert older == 2 and sorted(newest.values_list("pk", flat=True)) == ids[2:]
    monkeypatch.setattr(agreement_figures, "MOST_RANKINGS", 6)
    assert "older" not in page(client, judged).text


@pytest.mark.parametrize(
    ("role", "status"), [(Role.VOLUNTEER, 403), (Role.REVIEWER, 200), (Role.COORDINATOR, 200), (None, 404)]
)
def test_reviewers_and_coordinators_may_see_it(client, judged, role, status):
    client.force_login(make_member(judged, role=role) if role else make_user())
    address = reverse("agreement", args=[judged.slug])
    assert client.get(address).status_code == status
    if status == 200:
        assert client.post(address).status_code == 405
