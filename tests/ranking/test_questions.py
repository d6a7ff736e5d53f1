"""Every question to volunteers: checked, stored, read, shown and given out, whatever it asks."""

import pytest
from django.urls import reverse

from ranking.errors import KeyReusedError
from ranking.forms import CorrectionForm
from ranking.models import Judgment
from ranking.questions import QUESTIONS, Asked, check_answer, read_answer
from ranking.services import personal_data, submit_judgment
from tests.api import client_of
from tests.factories import make_member
from tests.ranking.making import make_assignment, make_round

pytestmark = pytest.mark.django_db

# An answer to each question, given the completions in the order shown, and another answer to the same.
EXAMPLES = {
    "ranks": lambda a, b, c: ({a: 1, b: 2, c: 2}, {a: 2, b: 1, c: 3}),
    "flags": lambda a, b, c: ({a: ["spam", "harmful"], c: ["spam"]}, {a: ["spam"]}),
    "ratings": lambda a, b, c: ({b: {"Tone": 4}}, {b: {"Tone": 5}}),
    "rewrite": lambda a, b, c: ({"original": a, "text": "Better."}, None),
    "rationale": lambda a, b, c: ("It is clearer.", ""),
    "verdict": lambda a, b, c: ("ranked", "all_bad"),
    "reason": lambda a, b, c: ("", ""),
}


@pytest.fixture
def assignment():
    current = make_round(answers=3)
    current.project.criteria = ["Tone"]
    current.project.save()
    return make_assignment(current, make_member(current.project))


@pytest.fixture
def judgment(assignment):
    return give(assignment)


def examples(assignment):
    return {question.name: EXAMPLES[question.name](*assignment.order) for question in QUESTIONS}


def give(assignment, **others):
    """Submit the examples, but for what is given."""
    sent = {name: example for name, (example, _other) in examples(assignment).items()} | others
    return submit_judgment(assignment=assignment, volunteer=assignment.volunteer, key=assignment.key, **sent)


def test_an_answer_is_read_as_it_was_checked(assignment, judgment):
    sent = {name: example for name, (example, _other) in examples(assignment).items()}
    asked = Asked(assignment.order, assignment.round.project)
    assert read_answer(Judgment.objects.get(pk=judgment.pk)) == check_answer(sent, asked)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_key_with_another_answer_to_any_question_is_refused(assignment, judgment, name):
    example, other = examples(assignment)[name]
    assert give(assignment) == judgment
    if other != example:
        with pytest.raises(KeyReusedError):
            give(assignment, **{name: other})


def test_a_form_that_corrects_holds_the_whole_answer(judgment):
    form = CorrectionForm(judgment=judgment)
    data = {name: value for name, value in form.initial.items() if value is not None}
    sent = CorrectionForm(data, judgment=judgment)
    assert sent.is_valid(), sent.errors
    assert check_answer(sent.answer(), sent.asked) == read_answer(judgment)


def test_programs_and_a_persons_own_data_have_every_question(judgment):
    project = judgment.comparison.round.project
    (listed,) = (
        client_of(judgment.volunteer).get(reverse("api-judgments", args=[project.slug])).json()["results"]
    )
    assert listed.keys() >= EXAMPLES.keys()
    (own,) = personal_data.judgments(judgment.volunteer)
    per_answer = own["answers"][0].keys()
    assert EXAMPLES.keys() - own.keys() - per_answer == {"ranks"}
    assert "rank" in per_answer
