"""A fresh comparison is the same HTML whether its template is rendered or its texts are written into one."""

import uuid

import pytest
from django.template.loader import render_to_string
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.models import Completion, Project, Prompt
from ranking.forms import JudgmentForm
from ranking.models import Assignment, Comparison, Round
from ranking.views.fresh import ADDRESS, KEY, render_fresh

MARKS = [
    "\ue000answer0\ue001",
    "\ue000csrf\ue001",
    str(ADDRESS),
    str(KEY),
    "</template><script>",
    "<p>",
    "&lt;",
]
texts = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=60),
    st.sampled_from(MARKS),
    st.sampled_from(["# Why?\n\n- [a link](https://example.org)\n- `code`", "word " * 400, "مرحبا بالعالم"]),
)


def make_assignment(messages, answers, **project):
    assignment = Assignment(
        pk=41,
        key=uuid.uuid4(),
        order=list(range(len(answers))),
        round=Round(project=Project(slug="climate", **project)),
        comparison=Comparison(
            prompt=Prompt(
                language="pt-BR",
                messages=[
                    {"role": "assistant" if n % 2 else "user", "content": text}
                    for n, text in enumerate(messages)
                ],
            )
        ),
    )
    assignment.shown = [Completion(text=text) for text in answers]
    return assignment


def rendered(assignment):
    context = {
        "form": JudgmentForm(assignment=assignment),
        "assignment": assignment,
        "prompt": assignment.comparison.prompt,
        "project": assignment.round.project,
        "csrf_token": "token",
    }
    return render_to_string("ranking/_comparison.html", context)


@settings(max_examples=60)
@given(
    messages=st.lists(texts, min_size=1, max_size=5),
    answers=st.lists(texts, min_size=2, max_size=8),
    criteria=st.sets(st.sampled_from(["accuracy", "tone & care", "<clarity>"])),
    offers_rewrites=st.booleans(),
)
def test_any_texts_are_written_as_the_template_writes_them(messages, answers, criteria, offers_rewrites):
    assignment = make_assignment(
        messages, answers, criteria=sorted(criteria), offers_rewrites=offers_rewrites
    )
    assert render_fresh(assignment, "token") == rendered(assignment)


@pytest.mark.parametrize("flags", [[], ["spam"]])
def test_what_the_project_asks_and_the_readers_language_make_a_shape_of_their_own(flags):
    assignment = make_assignment(["Why?"], ["One.", "Two."], flags_off=flags)
    for language in ("en", "ar"):
        with translation.override(language):
            assert render_fresh(assignment, "token") == rendered(assignment)
