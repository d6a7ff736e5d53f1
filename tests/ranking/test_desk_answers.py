"""What can be answered at the desk beside ranks, and after the time had run out."""

import re
from html import unescape

import pytest

from ranking.models import Assignment, Flag, Judgment
from ranking.services import claim_next
from tests.factories import make_member

from .desk import JSON, desk, filled, ranks_of, to
from .making import let_lapse, make_assignment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(client):
    current = make_round(prompts=2, answers=2)
    volunteer = make_member(current.project)
    client.force_login(volunteer)
    return make_assignment(current, volunteer)


CHOICES = {"a": [1, 2], "equal": [1, 1], "b": [2, 1]}


@pytest.mark.parametrize("answer", CHOICES)
def test_of_two_answers_it_asks_which_is_better(client, pair, answer):
    html = client.get(desk(pair.round)).content.decode()
    assert re.findall(r'name="preferred" value="(\w+)"', html) == list(CHOICES)
    assert 'name="rank_' not in html
    client.post(to("judgment", pair), {"key": pair.key, "preferred": answer})
    assert ranks_of(Judgment.objects.get()) == CHOICES[answer]


@pytest.mark.parametrize("answer", ["", "c", "\0", "1" * 5000, ["a", "worst"]])
def test_of_two_answers_anything_else_brings_the_form_back_with_what_was_entered(client, pair, answer):
    sent = {"key": pair.key, "preferred": answer, "rationale": "half done", "flags_2": "spam"}
    response = client.post(to("judgment", pair), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert "half done" in html and html.count(" checked") >= 1
    assert not Judgment.objects.exists()
    assert ("or that they are about equal" in html) == (answer == "")


def test_of_two_answers_all_bad_needs_no_preference(client, pair):
    client.post(to("judgment", pair), {"key": pair.key, "verdict": "all_bad", "preferred": "a"})
    judgment = Judgment.objects.get()
    assert judgment.verdict == Judgment.Verdict.ALL_BAD and not judgment.ranks.exists()


def test_the_page_shows_the_projects_flags_and_keeps_one_that_was_turned_off_meanwhile(client, assignment):
    project = assignment.round.project
    project.flags_off = ["harmful", "off_topic", "spam"]
    project.save()
    html = client.get(desk(assignment.round)).content.decode()
    assert re.findall(r'name="flags_1" value="(\w+)"', html) == ["factual_error", "leaks_author"]
    data = filled(client, assignment, 1, flags_1=["spam"])
    html = client.post(to("judgment", assignment), data).content.decode()
    assert re.findall(r'name="flags_1" value="(\w+)"', html) == ["factual_error", "spam", "leaks_author"]
    data = filled(client, assignment, 1, 2, 3, flags_1=["spam", "leaks_author"])
    assert client.post(to("judgment", assignment), data).status_code == 302
    assert set(Flag.objects.values_list("kind", flat=True)) == {"spam", "leaks_author"}


def test_a_factual_error_is_beside_the_rank_and_the_other_flags_behind_a_word(client, assignment):
    html = client.get(desk(assignment.round)).content.decode()
    first = html.split("<article")[1].split("</article>")[0]
    beside, behind = first.split("<details")
    assert re.findall(r'name="flags_1" value="(\w+)"', beside) == ["factual_error"]
    assert re.findall(r'name="flags_1" value="(\w+)"', behind) == [
        "harmful",
        "off_topic",
        "spam",
        "leaks_author",
    ]


def test_links_of_answers_and_prompts_lead_nowhere(client, assignment):
    text = "[here](https://example.org/x) and <https://example.org/y>"
    assignment.comparison.completions.all().update(text=text)
    html = client.get(desk(assignment.round)).content.decode()
    prose = html[html.index("What was asked") : html.index("</form>", html.index("What was asked"))]
    assert 'data-address="https://example.org/x">here</a><small> (https://example.org/x)</small>' in prose
    assert "<a href" not in prose


def test_only_long_answers_are_folded(client, assignment):
    completions = assignment.comparison.completions.order_by("pk")
    completions.filter(pk=assignment.order[1]).update(text="long " * 300)
    html = client.get(desk(assignment.round)).content.decode()
    assert re.findall(r'id="unfold-(\d)"', html) == ["2"]
    assert "Show all of answer B first" in html


@pytest.fixture
def rated(assignment):
    project = assignment.round.project
    project.criteria = ["Accuracy", 'Ton "&" <Stil>']
    project.save()
    return assignment


def test_each_answer_may_be_rated_by_each_criterion(client, rated):
    html = client.get(desk(rated.round)).content.decode()
    assert html.count('<select name="rating_') == 6 and "<Stil>" not in html
    names = [unescape(name) for name in re.findall('<select name="(rating_1_[^"]+)"', html)]
    assert names == ["rating_1_Accuracy", 'rating_1_Ton "&" <Stil>']
    sent = filled(client, rated, 1, 2, 3) | {names[1]: "4", "rating_3_Accuracy": "1", "rating_3_Gone": ""}
    client.post(to("judgment", rated), sent)
    stored = set(Judgment.objects.get().ratings.values_list("completion", "criterion", "score"))
    assert stored == {(rated.order[0], 'Ton "&" <Stil>', 4), (rated.order[2], "Accuracy", 1)}


def test_a_rating_by_a_criterion_that_was_removed_meanwhile_is_refused_and_the_rest_kept(client, rated):
    sent = filled(client, rated, 3, 1, 2) | {"rating_2_Accuracy": "5", "rating_1_Tone <b>": "4"}
    response = client.post(to("judgment", rated), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert "no longer asks for a rating by “Tone &lt;b&gt;”" in html
    assert 'value="5" selected' in html and "rating_1_Tone" not in html
    assert not Judgment.objects.exists()
    client.post(to("judgment", rated), sent | {"rating_1_Tone <b>": ""})
    assert ranks_of(Judgment.objects.get()) == [3, 1, 2]


@pytest.mark.parametrize("score", ["0", "6", "NaN", "\0", "9" * 5000])
def test_a_score_that_is_none_is_refused_with_what_was_entered_kept(client, rated, score):
    sent = filled(client, rated, 1, 2, 3) | {"rating_1_Accuracy": score, "rating_2_Accuracy": "2"}
    response = client.post(to("judgment", rated), sent)
    assert response.status_code == 422
    assert '<option value="2" selected>' in response.content.decode()
    assert not Judgment.objects.exists()


@pytest.mark.parametrize("answers", [2, 3])
def test_cannot_be_ranked_needs_a_reason_and_keeps_the_words(client, answers):
    current = make_round(answers=answers)
    volunteer = make_member(current.project)
    client.force_login(volunteer)
    assignment = make_assignment(current, volunteer)
    sent = {
        "key": assignment.key,
        "verdict": "cannot_rank",
        "rationale": "which sea?",
        "rank_1": "1",
        "preferred": "a",
    }
    for reason in ("", "no fun", "\0"):
        response = client.post(to("judgment", assignment), sent | {"reason": reason})
        assert response.status_code == 422
        assert "which sea?" in response.content.decode()
        assert not Judgment.objects.exists()
    client.post(to("judgment", assignment), sent | {"reason": "unclear"})
    judgment = Judgment.objects.get()
    assert (judgment.verdict, judgment.reason, judgment.rationale) == ("cannot_rank", "unclear", "which sea?")


@pytest.mark.parametrize("verdict", ["great", "\0", "1" * 5000])
def test_a_verdict_that_is_none_is_refused(client, assignment, verdict):
    response = client.post(to("judgment", assignment), filled(client, assignment, 1, 2, 3, verdict=verdict))
    assert response.status_code == 422
    assert not Judgment.objects.exists()


def give_away(assignment):
    """The time of the assignment ran out and someone else, who is returned, has it now."""
    let_lapse(assignment)
    Assignment.objects.exclude(pk=assignment.pk).delete()
    other = make_member(assignment.round.project)
    assert claim_next(project=assignment.round.project, volunteer=other).pk == assignment.pk
    return other


@pytest.mark.parametrize("headers", [{}, JSON], ids=["page", "json"])
def test_a_judgment_after_the_assignment_went_to_someone_else_is_taken_as_late(client, assignment, headers):
    data = filled(client, assignment, 3, 1, 2)
    give_away(assignment)
    response = client.post(to("judgment", assignment), data, follow=True, **headers)
    assert "Saved. 1 today. The time had run out: it counts as late." in response.content.decode()
    judgment = Judgment.objects.get()
    ranks = dict(judgment.ranks.values_list("completion", "rank"))
    assert [ranks[completion] for completion in assignment.order] == [3, 1, 2]


def test_a_late_judgment_that_does_not_fit_comes_back_as_entered_and_can_be_sent_again(client, assignment):
    data = filled(client, assignment, 3, 1, rationale="half done")
    give_away(assignment)
    response = client.post(to("judgment", assignment), data)
    html = response.content.decode()
    assert response.status_code == 422
    assert (
        f'action="{to("judgment", assignment)}"' in html
        and str(assignment.key) in html
        and "half done" in html
    )
    client.post(to("judgment", assignment), data | {"rank_3": 2})
    assert Judgment.objects.get().late


@pytest.mark.parametrize("key", ["", "no key", "\0", "7" * 5000, "0b6a7d5e-7f0e-4a53-8f7c-3a2f7e0c9d11"])
def test_without_its_key_nothing_is_late(client, assignment, key):
    data = filled(client, assignment, 1, 2, 3) | {"key": key}
    give_away(assignment)
    assert client.post(to("judgment", assignment), data, **JSON).status_code == 409
    assert not Judgment.objects.exists()
