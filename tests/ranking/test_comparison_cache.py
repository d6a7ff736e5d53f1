"""What comes from the cache of template fragments looks as if its template had rendered it just now."""

import re

import pytest
from django.core.cache import caches
from django.db import models
from django.template.loader import render_to_string
from django.utils.translation import override

from annotator.models import Completion, Project, Prompt
from ranking.forms import LONG, JudgmentForm
from ranking.models import Assignment, Comparison, Round
from tests.factories import make_member

from .desk import desk
from .making import make_round

SHOWN = {"slug", "criteria", "flag_kinds", "offers_rewrites"}
LISTS = {"criteria": ["Tone", "<b>"], "flag_kinds": ["factual_error"], "hidden_words": ["Ada"]}


@pytest.fixture(autouse=True)
def _empty_cache():
    caches["template_fragments"].clear()


def make_project(**fields):
    return Project(**{"slug": "climate", "name": "Climate", **fields})


def rendered(project, texts=("One.", "Two.", "Three."), data=None):
    assignment = Assignment(
        pk=41,
        key="0b6a7d5e-7f0e-4a53-8f7c-3a2f7e0c9d11",
        order=list(range(len(texts))),
        round=Round(project=project),
        comparison=Comparison(prompt=Prompt(messages=[{"role": "user", "content": "Why?"}])),
    )
    assignment.shown = [Completion(text=text) for text in texts]
    context = {
        "form": JudgmentForm(data, assignment=assignment),
        "assignment": assignment,
        "prompt": assignment.comparison.prompt,
        "project": project,
    }
    return render_to_string("ranking/_comparison.html", context)


def another_value(field: models.Field) -> object:
    value = getattr(make_project(), field.attname)
    if field.name in LISTS:
        return LISTS[field.name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return "other"


@pytest.mark.parametrize("field", Project._meta.concrete_fields, ids=lambda field: field.name)
def test_every_field_of_the_project_that_a_comparison_shows_is_shown_at_once(field):
    first = rendered(make_project())
    changed = make_project(**{field.attname: another_value(field)})
    cached = rendered(changed)
    caches["template_fragments"].clear()
    assert cached == rendered(changed)
    assert (cached != first) == (field.name in SHOWN)


def test_language_length_and_number_of_answers_are_shown_as_they_are():
    for language in ("en", "ar"):
        for texts in (("One.", "Two."), ("One.", "Two.", "Three."), ("word " * LONG, "Two.", "Three.")):
            with override(language):
                cached = rendered(make_project(), texts)
                caches["template_fragments"].clear()
                assert cached == rendered(make_project(), texts)


def test_what_somebody_entered_is_shown_to_nobody_else():
    fresh = rendered(make_project())
    assert " checked" in rendered(make_project(), data={"rank_1": "2", "flags_1": ["factual_error"]})
    assert rendered(make_project()) == fresh and " checked" not in fresh


@pytest.mark.django_db
def test_the_words_around_a_comparison_are_in_the_readers_language_and_of_their_project(client):
    for current in (make_round(), make_round()):
        client.force_login(make_member(current.project))
        for language, keys in (("en", "<kbd>Enter</kbd> submit"), ("fr", "<kbd>Entrée</kbd> envoyer")):
            html = client.get(desk(current), headers={"accept-language": language}).text
            assert keys in html
            assert set(re.findall(r"\?next=([^\"]+)", html)) == {desk(current)}
