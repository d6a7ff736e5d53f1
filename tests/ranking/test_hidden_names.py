"""Answers that name their model: hidden from those who rank, and a reviewer's say in it."""

import json
import re
from html import unescape

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotator.models import AuditEvent, Author, Completion, Role
from annotator.services.completions import add_completions, get_or_create_author
from annotator.services.projects import change_settings
from ranking.errors import InvalidJudgmentError, NothingHiddenError, WordNotFoundError
from ranking.models import Demonstration, Judgment, Mask
from ranking.models.masks import named_or_flagged
from ranking.services import (
    close_round,
    decide_mask,
    hide_word,
    open_round,
    snapshot_preferences,
    stop_hiding_word,
)
from ranking.services.personal_data import judgments
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_project, make_prompt
from tests.pressing import filled, press

from .desk import desk
from .making import make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db

TEXTS = (
    "I am ChatGPT. The sea *rises*.",
    "Gemini is a telescope.",
    "Zephyr is a soft wind, says Version 1.",
    "I am Version 1.",
)


@pytest.fixture
def project():
    return make_project("climate", completions_per_comparison=4, judgments_per_comparison=2)


@pytest.fixture
def current(project):
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    prompts = [make_prompt(project), make_prompt(project)]
    add_completions(author=author, texts=[(prompt, text) for prompt in prompts for text in TEXTS])
    return open_round(project=project, author=author, seed=1)


@pytest.fixture
def reviewer(project):
    return make_member(project, Role.REVIEWER)


@pytest.fixture
def volunteer(project):
    return make_member(project)


def seen(volunteer, current):
    """The answers as the API shows them, by what is stored."""
    address = reverse("api-next-assignment", args=[current.project.slug])
    shown = client_of(volunteer).post(address).json()["completions"]
    stored = Completion.objects.in_bulk([one["id"] for one in shown])
    return {stored[one["id"]].text: one["text"] for one in shown}


def one_saying(text, current):
    return Completion.objects.filter(text=text, comparisons__round=current).first()


def test_whoever_ranks_does_not_see_the_names_at_the_desk_or_by_the_api(client, current, volunteer):
    masked = {
        TEXTS[0]: "I am (name hidden). The sea *rises*.",
        TEXTS[3]: "I am (name hidden).",
    }
    assert seen(volunteer, current) == {text: masked.get(text, text) for text in TEXTS}
    client.force_login(volunteer)
    html = client.get(desk(current)).content.decode()
    assert "ChatGPT" not in html and "I am (name hidden). The sea <em>rises</em>." in html
    assert "Gemini is a telescope." in html
    sources = [unescape(text) for text in re.findall(r"<template data-answer[^>]*>(.*?)</template>", html)]
    assert sorted(sources) == sorted(masked.get(text, text) for text in TEXTS)


def test_what_is_stored_and_what_goes_into_datasets_stays(current, volunteer):
    make_judgment(make_assignment(current, volunteer), 1, 2, 3, 4)
    dataset = snapshot_preferences(project=current.project)
    rows = b"".join(dataset.open_file(f"{split}.jsonl").read() for split in ("train", "held_out"))
    assert b"I am ChatGPT." in rows and b"name hidden" not in rows


def test_a_chatbot_goes_by_the_names_of_its_project_and_its_base_model():
    project = make_project("climate", base_model="models/tiny")
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    prompt = make_prompt(project)
    texts = ["I am Climate.", "I am tiny.", "The climate of a tiny island."]
    add_completions(author=author, texts=[(prompt, text) for text in texts])
    open_round(project=project, author=author)
    assert set(Mask.objects.values_list("completion__text", flat=True)) == set(texts[:2])


def test_a_correction_shows_the_same(client, current, volunteer):
    client.force_login(volunteer)
    judgment = make_judgment(make_assignment(current, volunteer), 1, 2, 3, 4)
    html = client.get(reverse("correct-judgment", args=["climate", judgment.pk])).content.decode()
    assert "ChatGPT" not in html and "(name hidden)" in html


def test_a_false_alarm_is_shown_as_it_is_and_can_be_hidden_again(current, volunteer, reviewer):
    completion = one_saying(TEXTS[0], current)
    comparison = completion.comparisons.get()
    while make_assignment(current, volunteer).comparison != comparison:
        make_judgment(make_assignment(current, volunteer), 1, 2, 3, 4)
    for decision, shown in (("shown", TEXTS[0]), ("stays", "I am (name hidden). The sea *rises*.")):
        mask = decide_mask(completion=completion, decision=decision, actor=reviewer)
        assert (mask.decision, mask.decided_by) == (decision, reviewer)
        assert seen(volunteer, current)[TEXTS[0]] == shown
    events = AuditEvent.objects.filter(verb="mask.decided", actor=reviewer)
    assert [event.data["decision"] for event in events] == ["stays", "shown"]


def test_a_word_is_hidden_in_the_open_round_and_in_later_ones_until_it_is_shown_again(
    project, current, volunteer, reviewer
):
    completion = one_saying(TEXTS[2], current)
    false_alarm = one_saying(TEXTS[0], current)
    decide_mask(completion=false_alarm, decision="shown", actor=reviewer)
    for word in ("zephyr", "ZEPHYR"):
        hide_word(completion=completion, word=word, actor=reviewer)
    project.refresh_from_db()
    assert project.hidden_words == ["zephyr"]
    hidden = "(name hidden) is a soft wind, says Version 1."
    assert seen(volunteer, current)[TEXTS[2]] == hidden
    assert Mask.objects.get(completion=false_alarm).decision == "shown"
    open_round(project=project, author=current.author, seed=2)
    assert seen(volunteer, project.rounds.open().get())[TEXTS[2]] == hidden
    stop_hiding_word(project=project, word="zephyr", actor=reviewer)
    assert seen(volunteer, project.rounds.open().get())[TEXTS[2]] == TEXTS[2]
    verbs = AuditEvent.objects.filter(actor=reviewer).values_list("verb", flat=True)
    assert {"mask.word_hidden", "mask.word_shown"} <= set(verbs)


def test_where_nothing_is_hidden_any_more_there_is_nothing_to_decide(project, current, reviewer):
    hide_word(completion=one_saying(TEXTS[2], current), word="Zephyr", actor=reviewer)
    before = named_or_flagged(project, only_open=True).count()
    stop_hiding_word(project=project, word="Zephyr", actor=reviewer)
    assert not Mask.objects.filter(completion__text=TEXTS[2]).exists()
    assert named_or_flagged(project, only_open=True).count() == before - 1


def test_a_round_opened_while_a_word_is_being_hidden_hides_it(project, current, volunteer, reviewer):
    """Whoever opens it has read the project before the word was there."""
    hide_word(completion=one_saying(TEXTS[2], current), word="Zephyr", actor=reviewer)
    assert project.hidden_words == []
    later = open_round(project=project, author=current.author, seed=2)
    assert seen(volunteer, later)[TEXTS[2]] == "(name hidden) is a soft wind, says Version 1."


def test_other_words_found_in_what_was_decided_are_to_be_decided_anew(current, reviewer):
    first, second = Completion.objects.filter(text=TEXTS[0], comparisons__round=current)
    decide_mask(completion=second, decision="shown", actor=reviewer)
    hide_word(completion=first, word="sea", actor=reviewer)
    assert Mask.objects.get(completion=first).decision == "stays"
    mask = Mask.objects.get(completion=second)
    assert (mask.decision, mask.hides, len(mask.spans)) == ("", True, 2)


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("", NothingHiddenError),
        ("Zephir", WordNotFoundError),
        ("a", ValidationError),
        ("\0", WordNotFoundError),
        ("\ud800", WordNotFoundError),
    ],
)
def test_what_cannot_be_hidden_is_refused(project, current, reviewer, word, error):
    completion = one_saying(TEXTS[2], current)
    with pytest.raises(error):
        hide_word(completion=completion, word=word, actor=reviewer)
    project.refresh_from_db()
    assert project.hidden_words == [] and not Mask.objects.filter(completion=completion).exists()


def test_words_of_the_settings_count_from_the_next_round_on(project, current, volunteer):
    actor = coordinator_of(project)
    change_settings(project=project, values={"hidden_words": ["soft wind"]}, actor=actor)
    assert seen(volunteer, current)[TEXTS[2]] == TEXTS[2]
    later = open_round(project=project, author=current.author, seed=2)
    assert seen(volunteer, later)[TEXTS[2]] == "Zephyr is a (name hidden), says Version 1."


@pytest.mark.parametrize(
    "words", [["a"], ["ab", "AB"], [" ab"], ["a\nb"], ["x" * 61], [f"word {n}" for n in range(201)], "ab"]
)
def test_words_that_no_form_would_take_are_refused(project, words):
    with pytest.raises(ValidationError):
        change_settings(project=project, values={"hidden_words": words}, actor=coordinator_of(project))


def test_a_rewrite_starts_from_what_was_shown_and_keeps_no_mark(current, volunteer):
    assignment = make_assignment(current, volunteer)
    original = Completion.objects.get(pk__in=assignment.order, text=TEXTS[0])
    text = {"original": original.pk, "text": "I am (name hidden). The sea rises."}
    with pytest.raises(InvalidJudgmentError, match="name hidden"):
        make_judgment(assignment, 1, 2, 3, 4, rewrite=text)
    make_judgment(assignment, 1, 2, 3, 4, rewrite=text | {"text": "I am (name hidden). The sea *rises*."})
    assert not Demonstration.objects.exists()


def test_ones_own_data_do_not_tell_names_either(client, current, volunteer):
    make_judgment(make_assignment(current, volunteer), 1, 2, 3, 4)
    text = json.dumps(list(judgments(volunteer)), default=str)
    assert "ChatGPT" not in text and "I am (name hidden). The sea" in text


# The page


@pytest.fixture
def flagged(current, volunteer):
    assignment = make_assignment(current, volunteer)
    completion = Completion.objects.get(pk__in=assignment.order, text=TEXTS[1])
    make_judgment(assignment, 1, 2, 3, 4, flags={completion.pk: ["leaks_author"]})
    return completion


def page(name="names", *rest):
    return reverse(name, args=["climate", *rest])


def listed(client, query=""):
    html = client.get(page() + query).content.decode()
    return [int(pk) for pk in re.findall(r'id="answer-(\d+)-name"', html)]


def test_it_lists_what_is_hidden_marked_and_what_was_flagged_newest_first(client, current, flagged, reviewer):
    client.force_login(reviewer)
    masked = Completion.objects.filter(text__in=[TEXTS[0], TEXTS[3]]).values_list("pk", flat=True)
    assert listed(client) == sorted([*masked, flagged.pk], reverse=True)
    html = client.get(page()).content.decode()
    assert "I am <mark>ChatGPT</mark>. The sea *rises*." in html
    assert "1 person flagged it as showing who wrote it" in html


def test_what_was_decided_is_listed_on_demand_and_again_when_flagged_since(
    client, project, current, flagged, reviewer
):
    client.force_login(reviewer)
    assert press(client, page(), page("decide-name", flagged.pk), decision="shown").status_code == 302
    assert flagged.pk not in listed(client) and flagged.pk in listed(client, "?show=all")
    assignment = make_assignment(current, make_member(project))
    if flagged.pk not in assignment.order:
        make_judgment(assignment, 1, 2, 3, 4)
        assignment = make_assignment(current, assignment.volunteer)
    make_judgment(assignment, 1, 2, 3, 4, flags={flagged.pk: ["leaks_author"]})
    assert flagged.pk in listed(client)


def test_a_flag_counts_once_however_often_it_was_corrected_and_not_once_it_was_taken_back(
    client, flagged, reviewer
):
    client.force_login(reviewer)
    flags = {flagged.pk: ["leaks_author"]}
    corrected = make_correction(Judgment.objects.get(), 4, 3, 2, 1, flags=flags)
    assert flagged.pk in listed(client)
    assert "1 person flagged it as showing who wrote it" in client.get(page()).content.decode()
    make_correction(corrected, 4, 3, 2, 1)
    assert flagged.pk not in listed(client, "?show=all")


def test_deciding_on_the_page(client, project, current, reviewer):
    client.force_login(reviewer)
    completion = one_saying(TEXTS[0], current)
    press(client, page(), page("decide-name", completion.pk), decision="shown")
    assert not Mask.objects.get(completion=completion).hides
    all_of_them, address = page() + "?show=all", page("decide-name", completion.pk)
    response = press(client, all_of_them, address, follow=True, decision="hide", word=" sea ")
    html = response.content.decode()
    assert "Saved" in html and '<bdi class="grow">sea</bdi>' in html
    client.post(page("stop-hiding"), {"word": "sea"})
    project.refresh_from_db()
    assert project.hidden_words == []
    client.post(page("stop-hiding"), {"word": "never hidden\0"})
    client.post(page("stop-hiding"))


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"decision": "perhaps"},
        {"decision": "\0"},
        {"decision": "hide"},
        {"decision": "hide", "word": "<b>not there"},
        {"decision": "hide", "word": "\0"},
        {"decision": "hide", "word": "x" * 45_000},
        {"decision": "hide", "word": "I"},
    ],
    ids=lambda sent: " ".join(value[:8].replace("\0", "NUL") for value in sent.values()) or "nothing",
)
def test_a_decision_that_is_none_is_refused_with_words(client, project, current, reviewer, sent):
    client.force_login(reviewer)
    completion = one_saying(TEXTS[0], current)
    shown = filled(client, page(), page("decide-name", completion.pk))["shown"]
    response = client.post(page("decide-name", completion.pk), {**sent, "shown": shown})
    assert response.status_code == 422
    html = response.content.decode()
    assert "notice error" in html and "<b>not" not in html
    project.refresh_from_db()
    assert project.hidden_words == [] and Mask.objects.get(completion=completion).decision == ""


def test_hostile_text_is_text(client, project, reviewer):
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    prompt = make_prompt(project, "<script>asked</script>")
    add_completions(author=author, texts=[(prompt, "<script>I am ChatGPT</script>"), (prompt, "b")])
    open_round(project=project, author=author)
    client.force_login(reviewer)
    html = client.get(page()).content.decode()
    assert "&lt;script&gt;I am <mark>ChatGPT</mark>" in html and "<script>asked" not in html


def test_pages_of_ten(client, project, reviewer, django_assert_max_num_queries):
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    prompts = [make_prompt(project) for _ in range(6)]
    texts = [(prompt, f"I am ChatGPT {word}") for prompt in prompts for word in ("one", "two")]
    add_completions(author=author, texts=texts)
    open_round(project=project, author=author)
    client.force_login(reviewer)
    with django_assert_max_num_queries(13):
        assert len(listed(client)) == 10
    assert len(listed(client, "?page=2")) == 2
    assert len(listed(client, "?page=x")) == 10


def test_nothing_to_decide_is_said(client, project, reviewer):
    client.force_login(reviewer)
    assert "Nothing waits for you" in client.get(page()).content.decode()


def test_only_reviewers_and_coordinators_decide(client, current, volunteer, reviewer):
    completion = one_saying(TEXTS[0], current)
    posts = [
        (page("decide-name", completion.pk), {"decision": "shown"}),
        (page("stop-hiding"), {"word": "x"}),
    ]
    client.force_login(volunteer)
    assert client.get(page()).status_code == 403
    assert [client.post(*one).status_code for one in posts] == [403, 403]
    assert reverse("review", args=["climate"]) not in client.get(desk(current)).text
    client.force_login(reviewer)
    assert reverse("review", args=["climate"]) in client.get(desk(current)).text
    assert client.post(page()).status_code == 405
    assert [client.get(address).status_code for address, _ in posts] == [405, 405]
    client.force_login(coordinator_of(make_project()))
    assert client.get(page()).status_code == 404
    assert [client.post(*one).status_code for one in posts] == [404, 404]
    assert Mask.objects.get(completion=completion).decision == ""


def test_answers_of_other_projects_are_404(client, current, reviewer):
    elsewhere = make_round()
    foreign = Completion.objects.filter(prompt__project=elsewhere.project).first()
    client.force_login(reviewer)
    for pk in (foreign.pk, 10**30, one_saying(TEXTS[1], current).pk):
        assert client.post(page("decide-name", pk), {"decision": "shown"}).status_code == 404


def test_a_closed_round_is_left_as_it_is(current, reviewer):
    close_round(project=current.project)
    hide_word(completion=one_saying(TEXTS[2], current), word="Zephyr", actor=reviewer)
    assert Mask.objects.filter(completion__text=TEXTS[2]).count() == 1


def test_hidden_names_cost_the_desk_no_query_more(client, current, volunteer):
    def queries_at(current, volunteer):
        client.force_login(volunteer)
        client.get(desk(current))  # what is asked once only
        with CaptureQueriesContext(connection) as queries:
            assert client.get(desk(current)).status_code == 200
        return len(queries)

    plain = make_round(prompts=2, answers=4)
    assert queries_at(current, volunteer) == queries_at(plain, make_member(plain.project))
