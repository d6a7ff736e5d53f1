"""Volunteers get comparisons in the languages that they read."""

from datetime import timedelta

import pytest

from ranking.services import claim_next, open_round
from tests.factories import make_completion, make_member, make_project, make_prompt

from .making import make_judgment

pytestmark = pytest.mark.django_db


@pytest.fixture
def current():
    """An open round with two comparisons in English, one in Brazilian Portuguese and one in Arabic."""
    project = make_project(completions_per_comparison=2)
    for language in ("en", "en", "pt-BR", "ar"):
        prompt = make_prompt(project, language=language)
        answers = [make_completion(prompt) for _ in range(2)]
    return open_round(project=project, author=answers[0].author, seed=1)


def make_reader(project, *languages):
    reader = make_member(project)
    reader.languages = list(languages)
    reader.save(update_fields=["languages"])
    return reader


def judge_all(current, volunteer):
    """The languages of all comparisons that the volunteer gets, in the order of getting them."""
    languages = []
    while assignment := claim_next(project=current.project, volunteer=volunteer):
        languages.append(assignment.comparison.prompt.language)
        make_judgment(assignment, 1, 2)
    return languages


def test_who_said_nothing_gets_every_language(current):
    assert sorted(judge_all(current, make_reader(current.project))) == ["ar", "en", "en", "pt-BR"]


@pytest.mark.parametrize(
    ("reads", "gets"),
    [
        (["en"], ["en", "en"]),
        (["pt"], ["pt-BR"]),
        (["pt", "ar"], ["ar", "pt-BR"]),
        (["fr"], []),
        (["fr", "en"], ["en", "en"]),
    ],
)
def test_others_get_only_what_they_read_whatever_the_region(current, reads, gets):
    assert sorted(judge_all(current, make_reader(current.project, *reads))) == gets


def test_an_assignment_that_lapsed_goes_only_to_who_reads_its_language(current):
    held = claim_next(project=current.project, volunteer=make_reader(current.project, "ar"))
    later = held.held_until + timedelta(minutes=1)
    assert (
        claim_next(project=current.project, volunteer=make_reader(current.project, "fr"), now=later) is None
    )
    other = make_reader(current.project, "ar")
    assert claim_next(project=current.project, volunteer=other, now=later) == held


def test_an_assignment_that_is_held_stays_when_its_language_is_no_longer_read(current):
    reader = make_reader(current.project, "ar")
    held = claim_next(project=current.project, volunteer=reader)
    reader.languages = ["en"]
    assert claim_next(project=current.project, volunteer=reader) == held
