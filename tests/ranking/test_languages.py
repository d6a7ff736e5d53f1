"""Volunteers get comparisons in the languages that they read."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps

from ranking.models import Assignment, Round
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
    while seat := claim_next(project=current.project, volunteer=volunteer):
        languages.append(seat.comparison.prompt.language)
        make_judgment(seat, 1, 2)
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


def test_a_seat_that_lapsed_goes_only_to_who_reads_its_language(current):
    held = claim_next(project=current.project, volunteer=make_reader(current.project, "ar"))
    later = held.held_until + timedelta(minutes=1)
    assert (
        claim_next(project=current.project, volunteer=make_reader(current.project, "fr"), now=later) is None
    )
    other = make_reader(current.project, "ar")
    assert claim_next(project=current.project, volunteer=other, now=later) == held


def test_a_seat_that_is_held_stays_when_its_language_is_no_longer_read(current):
    reader = make_reader(current.project, "ar")
    held = claim_next(project=current.project, volunteer=reader)
    reader.languages = ["en"]
    assert claim_next(project=current.project, volunteer=reader) == held


def test_rounds_opened_before_seats_knew_their_language_learn_it_from_their_prompts(current):
    before = list(Assignment.objects.order_by("pk").values_list("language", flat=True))
    assert sorted(before) == ["ar", "en", "en", "pt"]
    Assignment.objects.update(language="")
    Round.objects.update(languages=[])
    import_module("ranking.migrations.0013_languages").copy_from_prompts(apps, None)
    assert list(Assignment.objects.order_by("pk").values_list("language", flat=True)) == before
    assert Round.objects.get().languages == ["ar", "en", "pt"]
