"""The chat page: asking, answers whole and in pieces, reactions, consent, deleting, and what goes wrong."""

import json
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ranking.models import Judgment
from tests.factories import coordinator_of, make_member, make_newcomer
from tests.training.chat.making import make_reply, make_turn, react_in_every_way
from tests.training.making import make_trainable
from tests.training.serving.stand_in import StandIn, let_answer, standing_in
from training.models import Choice, Conversation, Edit, QueuePlace, Reply, ServingSettings, Thumb, Turn
from training.services.conversations.reactions import show_two

pytestmark = pytest.mark.django_db
NDJSON = {"headers": {"accept": "application/x-ndjson"}}


@pytest.fixture
def project():
    project = make_trainable()
    project.system_prompt = "Be kind."
    project.save()
    return project


@pytest.fixture
def model(project) -> Iterator[StandIn]:
    with standing_in() as server:
        let_answer(project, server.address)
        yield server


@pytest.fixture
def member(client, project):
    member = make_member(project)
    client.force_login(member)
    return member


def url(project, name, *args):
    return reverse(name, args=[project.slug, *args])


def events_of(response) -> list[dict]:
    assert response["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


# Asking


def test_a_plain_form_gets_the_whole_answer_on_the_page_that_follows(client, project, member, model):
    page = client.post(url(project, "chat"), {"question": "Why is it warm?"}, follow=True)
    conversation = Conversation.objects.get()
    assert page.redirect_chain[-1][0].startswith(url(project, "conversation", conversation.pk))
    assert "Why is it warm?" in page.text and "Because of the <strong>sun</strong>." in page.text
    reply = Reply.objects.get()
    assert (reply.text, reply.is_kept, reply.is_whole) == ("Because of the **sun**.", True, True)
    assert reply.version == project.versions.live().get() and reply.system_prompt == "Be kind."
    assert not QueuePlace.objects.exists(), "its place at the server is free again"


def test_the_server_is_asked_with_the_conversation_so_far_and_the_system_prompt(
    client, project, member, model
):
    client.post(url(project, "chat"), {"question": "Why is it warm?"})
    conversation = Conversation.objects.get()
    client.post(url(project, "conversation", conversation.pk), {"question": "And at night?"})
    assert [each["content"] for each in model.asked[-1]["messages"]] == [
        "Be kind.",
        "Why is it warm?",
        "Because of the **sun**.",
        "And at night?",
    ]


def test_the_script_is_given_the_turn_first_and_then_the_answer_in_pieces(client, project, member, model):
    conversation = make_turn(project, member, may_teach=False).conversation
    sent = {"question": "And then?", "script": "1"}
    made = client.post(url(project, "conversation", conversation.pk), sent).json()
    turn = Turn.objects.last()
    assert f'id="turn-{turn.pk}"' in made["turn"] and "There is no answer yet" in made["turn"]
    events = events_of(client.post(url(project, "answer-turn", turn.pk), **NDJSON))
    assert "".join(each.get("text", "") for each in events) == "Because of the **sun**."
    assert events[-1]["said"] == "The answer is complete."
    assert "<strong>sun</strong>" in events[-1]["turn"]


def test_the_first_question_of_the_script_leads_to_its_conversation(client, project, member):
    answer = client.post(url(project, "chat"), {"question": "Why?", "script": "1"}).json()
    assert answer["url"].startswith(url(project, "conversation", Conversation.objects.get().pk))


@pytest.mark.parametrize("question", ["", "a\0b", "x" * 4001])
def test_what_cannot_be_asked_is_shown_again_with_the_reason(client, project, member, question):
    page = client.post(url(project, "chat"), {"question": question})
    assert page.status_code == 422 and 'role="alert"' in page.text
    answer = client.post(url(project, "chat"), {"question": question, "script": "1"})
    assert answer.status_code == 422 and answer.json()["error"]
    assert not Conversation.objects.exists()


def test_a_message_of_a_megabyte_is_refused_with_words(client, project, member):
    page = client.post(url(project, "chat"), {"question": "x" * 2**20})
    assert page.status_code in (400, 413) and not Conversation.objects.exists()


def test_again_answers_anew_and_keeps_what_was_said_before(client, project, member, model):
    turn = make_turn(project, member, may_teach=False)
    events_of(client.post(url(project, "answer-turn", turn.pk), **NDJSON))
    assert turn.replies.count() == 2 and turn.kept.text == "Because of the **sun**."


def test_an_answer_can_be_stopped_and_what_came_is_kept(client, project, member, model):
    turn = make_turn(project, member, answers=(), may_teach=False)
    model.goes_on.clear()
    response = client.post(url(project, "answer-turn", turn.pk), **NDJSON)
    lines = iter(response.streaming_content)
    first = json.loads(next(line for line in lines if b"text" in line))
    assert client.post(url(project, "stop-answer", turn.pk)).status_code == 204
    last = [json.loads(line) for line in lines][-1]
    assert (first["text"], last["said"]) == ("Because", "Stopped.")
    assert (turn.kept.text, turn.kept.is_whole) == ("Because", False)


def test_who_goes_away_leaves_what_came_and_gives_the_place_back(client, project, member, model):
    turn = make_turn(project, member, answers=(), may_teach=False)
    model.goes_on.clear()
    response = client.post(url(project, "answer-turn", turn.pk), **NDJSON)
    lines = iter(response.streaming_content)
    next(line for line in lines if b"text" in line)
    for close in response._resource_closers:  # as the web server does, but for the end of the connection
        close()
    assert not QueuePlace.objects.exists()
    assert (turn.kept.text, turn.kept.is_whole) == ("Because", False)


# Show me two


def test_show_me_two_tells_nothing_of_which_is_new(client, project, member, model):
    turn = make_turn(project, member, may_teach=False)
    events = events_of(client.post(url(project, "second-answer", turn.pk), **NDJSON))
    assert not any("text" in each for each in events)
    choice = Choice.objects.get()
    assert "Which answer is better?" in events[-1]["turn"]
    assert {choice.a.text, choice.b.text} == {"They keep water.", "Because of the **sun**."}
    assert events[-1]["turn"].index("Answer A") < events[-1]["turn"].index("Answer B")


def test_the_same_answer_again_is_no_choice(client, project, member, model):
    model.answers = ["They keep water."]
    turn = make_turn(project, member, may_teach=False)
    events = events_of(client.post(url(project, "second-answer", turn.pk), **NDJSON))
    assert "same as the first" in events[-1]["error"] and turn.replies.count() == 1


def test_a_choice_is_stored_and_the_conversation_goes_on_with_it(client, project, member):
    turn = make_turn(project, member, may_teach=False)
    choice = show_two(first=turn.kept, second=make_reply(turn, "Another.", is_kept=False))
    address = url(project, "choose-reply", choice.pk)
    page = client.post(address, {"preferred": "b"}, follow=True)
    choice.refresh_from_db()
    assert choice.preferred == "b" and choice.b.text in page.text and choice.a.text not in page.text
    assert "chosen already" in client.post(address, {"preferred": "a"}, follow=True).text


# Thumbs and edits


def test_thumbs_are_given_changed_and_taken_away(client, project, member):
    reply = make_turn(project, member, may_teach=False).kept
    address = url(project, "thumb", reply.pk)
    client.post(address, {"thumb": "down"})
    page = client.post(address, {"thumb": "down", "flags": ["off_topic"]}, follow=True)
    assert Thumb.objects.get().flags == ["off_topic"] and "What is wrong with it?" in page.text
    part = client.post(address, {"thumb": "none"}, headers={"HX-Request": "true"})
    assert part.text.startswith("<article") and not Thumb.objects.exists()
    assert "no such flag" in client.post(address, {"thumb": "down", "flags": ["x"]}, follow=True).text


def test_an_edit_is_stored_and_one_that_changes_nothing_is_shown_again(client, project, member):
    reply = make_turn(project, member, may_teach=False).kept
    address = url(project, "edit-reply", reply.pk)
    page = client.post(address, {"text": reply.text})
    assert page.status_code == 422 and "Change the answer first" in page.text
    part = client.post(address, {"text": ""}, headers={"HX-Request": "true"})
    assert part.status_code == 422 and part.text.startswith("<article")
    client.post(address, {"text": "Better."})
    assert Edit.objects.get().text == "Better." and not Judgment.objects.exists()


# Long conversations


def test_a_page_of_many_turns_and_conversations_costs_as_many_queries_as_one(client, project, member):
    first = make_turn(project, member)
    react_in_every_way(first)
    address = url(project, "conversation", first.conversation_id)
    with CaptureQueriesContext(connection) as of_one:
        client.get(address)
    for question in ("And then?", "And in summer?", "Why?"):
        react_in_every_way(make_turn(project, member, question, conversation=first.conversation))
        make_turn(project, member, f"{question} Elsewhere.")
    with CaptureQueriesContext(connection) as of_many:
        page = client.get(address).text
    assert len(of_many) == len(of_one)
    assert page.count('class="turn"') == 4 and page.count("Elsewhere") == 3


# Consent


def test_a_member_agrees_and_takes_it_back(client, project, member):
    conversation = make_turn(project, member, may_teach=False).conversation
    page = client.get(url(project, "conversation", conversation.pk)).text
    assert "nothing of it is kept for learning" in page and "Names of people are not found" in page
    agreed = client.post(
        url(project, "teach", conversation.pk), {"number": project.consent_number}, follow=True
    )
    conversation.refresh_from_db()
    assert conversation.may_teach and "you agreed on" in agreed.text
    client.post(url(project, "take-back-teaching", conversation.pk))
    conversation.refresh_from_db()
    assert not conversation.may_teach


def test_who_has_not_agreed_to_the_terms_of_the_project_reads_them_here(client, project):
    newcomer = make_newcomer(project)
    client.force_login(newcomer)
    conversation = make_turn(project, newcomer, may_teach=False).conversation
    assert "What is published" in client.get(url(project, "conversation", conversation.pk)).text
    client.post(url(project, "teach", conversation.pk), {"number": project.consent_number})
    assert newcomer.consents.filter(project=project).exists()


@pytest.mark.parametrize("number", ["", "x", "99", "9" * 5000, "-1", "²"])
def test_agreeing_to_other_words_is_refused(client, project, member, number):
    conversation = make_turn(project, member, may_teach=False).conversation
    page = client.post(url(project, "teach", conversation.pk), {"number": number}, follow=True)
    assert "changed a moment ago" in page.text and not Conversation.objects.get().may_teach


def test_a_conversation_is_deleted_at_once(client, project, member):
    conversation = make_turn(project, member).conversation
    page = client.post(url(project, "delete-conversation", conversation.pk), follow=True)
    assert "was deleted" in page.text and not Conversation.objects.exists()


# What goes wrong


def test_a_server_that_is_down_is_told_and_the_question_kept(client, project, member):
    page = client.post(url(project, "chat"), {"question": "Why?"}, follow=True)
    assert "cannot be reached just now" in page.text and "Get an answer" in page.text
    turn = Turn.objects.get()
    events = events_of(client.post(url(project, "answer-turn", turn.pk), **NDJSON))
    assert "cannot be reached" in events[-1]["error"] and "Get an answer" in events[-1]["turn"]


def test_a_server_that_breaks_off_leaves_what_came(client, project, member, model):
    model.breaks_off = True
    turn = make_turn(project, member, answers=(), may_teach=False)
    events = events_of(client.post(url(project, "answer-turn", turn.pk), **NDJSON))
    assert "cannot be reached" in events[-1]["error"]
    assert (turn.kept.text, turn.kept.is_whole) == ("Because", False)


def test_a_conversation_that_does_not_fit_is_told_what_to_do(client, project, member, model):
    model.finds_too_long = True
    turn = make_turn(project, member, answers=(), may_teach=False)
    events = events_of(client.post(url(project, "answer-turn", turn.pk), **NDJSON))
    assert "begin another one" in events[-1]["error"]


def test_a_server_that_has_ended_is_told(client, project, member):
    with standing_in() as server:
        let_answer(project, server.address)
    turn = make_turn(project, member, answers=(), may_teach=False)
    assert (
        "cannot be reached"
        in events_of(client.post(url(project, "answer-turn", turn.pk), **NDJSON))[-1]["error"]
    )


def test_a_project_that_serves_nobody_says_so(client, project, member, model):
    ServingSettings.objects.create(project=project, audience="nobody")
    assert "does not answer here" in client.get(url(project, "chat")).text
    turn = make_turn(project, member, answers=(), may_teach=False)
    events = events_of(client.post(url(project, "answer-turn", turn.pk), **NDJSON))
    assert "does not answer" in events[-1]["error"] and not model.asked


def test_an_empty_answer_is_none(client, project, member, model):
    model.answers = [" "]
    page = client.post(url(project, "chat"), {"question": "Why?"}, follow=True)
    assert "said nothing" in page.text and not Reply.objects.exists()


# Whose it is

ACTS = ["answer-turn", "second-answer", "stop-answer", "thumb", "edit-reply", "choose-reply"]
ACTS += ["delete-conversation", "teach", "take-back-teaching"]
PAGES = ["conversation", "turn"]


@pytest.fixture
def things(project):
    turn = make_turn(project, may_teach=False)
    choice = show_two(first=turn.kept, second=make_reply(turn, "Another.", is_kept=False))
    return {"thumb": turn.kept.pk, "edit-reply": turn.kept.pk, "choose-reply": choice.pk} | {
        name: turn.pk if "turn" in name or name in ("second-answer", "stop-answer") else turn.conversation_id
        for name in (*ACTS, *PAGES)
        if name not in ("thumb", "edit-reply", "choose-reply")
    }


@pytest.mark.parametrize("name", [*ACTS, *PAGES])
def test_conversations_are_their_members_own(client, project, things, name):
    address = url(project, name, things[name])
    for user in (coordinator_of(project), coordinator_of(make_trainable())):
        client.force_login(user)
        assert client.post(address).status_code in (404, 405)
        assert client.get(address).status_code in (404, 405)
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize("name", ACTS)
def test_acts_refuse_get(client, project, member, things, name):
    assert client.get(url(project, name, things[name])).status_code == 405


def test_the_list_has_ones_own_conversations_only(client, project, member):
    make_turn(project, member, "Mine?", may_teach=False)
    make_turn(project, question="Someone else's?")
    page = client.get(url(project, "chat")).text
    assert "Mine?" in page and "Someone else" not in page
    client.force_login(coordinator_of(make_trainable()))
    assert client.get(url(project, "chat")).status_code == 404
