"""Conversations with the live version: asking, saying something about answers, agreeing, deleting."""

import random

import pytest

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Prompt
from annotator.services.projects import change_settings
from ranking.models import Judgment
from tests.factories import coordinator_of, make_member
from tests.training.chat.making import let_teach, make_reply, make_turn, react_in_every_way
from tests.training.making import make_trainable
from training.models import Choice, Conversation, Edit, Reply, Thumb, Turn
from training.services.conversations.consent import agree, take_back_consent, words_of
from training.services.conversations.reactions import (
    choose,
    give_thumb,
    show_two,
    take_thumb_away,
    write_edit,
)
from training.services.conversations.talk import ask, delete_conversation, store_reply

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_trainable()


@pytest.fixture
def member(project):
    return make_member(project)


def test_a_conversation_goes_on_with_the_replies_that_were_kept(project, member):
    first = make_turn(project, member, "Why?", ("Because.", "Because of this."))
    second = ask(project=project, user=member, question="And then?", conversation=first.conversation)
    assert (first.number, second.number) == (1, 2)
    assert first.conversation.messages_before(second) == [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Because of this."},
        {"role": "user", "content": "And then?"},
    ]


def test_a_question_without_any_reply_is_left_out_of_what_follows(project, member):
    first = make_turn(project, member, "Why?", ())
    second = ask(project=project, user=member, question="And then?", conversation=first.conversation)
    assert [one["content"] for one in first.conversation.messages_before(second)] == ["And then?"]


@pytest.mark.parametrize("question", ["", " \n\u200b", "a\0b", "\ud800", "a" * 4001])
def test_what_cannot_be_asked_is_refused_and_nothing_stored(project, member, question):
    with pytest.raises(RefusedError):
        ask(project=project, user=member, question=question)
    assert not Conversation.objects.exists()


def test_a_conversation_ends_somewhere(project, member, monkeypatch):
    monkeypatch.setattr("training.services.conversations.talk.MOST_TURNS", 1)
    turn = make_turn(project, member)
    with pytest.raises(RefusedError, match="begin another"):
        ask(project=project, user=member, question="More?", conversation=turn.conversation)


def test_what_a_model_wrote_is_stored_with_what_cannot_be_replaced(project, member):
    turn = make_turn(project, member, answers=())
    assert make_reply(turn, "a\0b\ud800").text == "a\ufffdb\ufffd"
    assert store_reply(turn=turn, version=project.versions.live().get(), text=" ") is None


def test_a_reply_to_a_deleted_conversation_is_dropped(project, member):
    turn = make_turn(project, member)
    delete_conversation(conversation=turn.conversation, actor=member)
    assert store_reply(turn=turn, version=project.versions.live().get(), text="Late.") is None
    assert not Reply.objects.exists()


def test_a_thumb_can_be_changed_and_taken_away_and_only_a_thumb_down_has_flags(project, member):
    reply = make_turn(project, member).kept
    give_thumb(reply=reply, is_up=False, flags=["off_topic", "off_topic"])
    assert Thumb.objects.get().flags == ["off_topic"]
    give_thumb(reply=reply, is_up=True, flags=["off_topic"])
    assert (Thumb.objects.get().is_up, Thumb.objects.get().flags) == (True, [])
    take_thumb_away(reply=reply)
    assert not Thumb.objects.exists()
    with pytest.raises(RefusedError, match="no such flag"):
        give_thumb(reply=reply, is_up=False, flags=["boring"])


def test_two_replies_are_shown_in_random_order_and_chosen_between_once(project, member):
    turn = make_turn(project, member)
    first, second = turn.kept, make_reply(turn, "Another one.", is_kept=False)
    choice = show_two(first=first, second=second, chance=random.Random(1))
    assert {choice.a, choice.b} == {first, second} and turn.kept == first
    choose(choice=choice, preferred="b")
    choose(choice=choice, preferred="b")
    turn.refresh_from_db()
    assert turn.kept == choice.b
    with pytest.raises(RefusedError, match="chosen already"):
        choose(choice=choice, preferred="a")
    with pytest.raises(RefusedError, match="shown already"):
        show_two(first=first, second=make_reply(turn, "A third.", is_kept=False))
    assert Choice.objects.get().preferred == "b"


def test_both_orders_come_up(project, member):
    turn = make_turn(project, member)
    first, second = turn.kept, make_reply(turn, "Another one.", is_kept=False)
    orders = set()
    for seed in range(10):
        orders.add(show_two(first=first, second=second, chance=random.Random(seed)).a_id)
        Choice.objects.all().delete()
    assert orders == {first.pk, second.pk}


def test_the_same_answer_twice_is_no_choice(project, member):
    turn = make_turn(project, member)
    with pytest.raises(RefusedError, match="same"):
        show_two(first=turn.kept, second=make_reply(turn, turn.kept.text, is_kept=False))


@pytest.mark.parametrize("preferred", ["", "c", "A"])
def test_a_choice_is_one_of_three(project, member, preferred):
    turn = make_turn(project, member)
    choice = show_two(first=turn.kept, second=make_reply(turn, "Another.", is_kept=False))
    with pytest.raises(RefusedError):
        choose(choice=choice, preferred=preferred)


@pytest.mark.parametrize("text", ["", "  ", "They keep water.", "a\0", "a" * 20_001])
def test_an_edit_changes_something(project, member, text):
    with pytest.raises(RefusedError):
        write_edit(reply=make_turn(project, member).kept, text=text)
    assert not Edit.objects.exists()


def test_a_project_that_wants_no_answers_of_people_gets_none_here(project, member):
    change_settings(project=project, values={"offers_rewrites": False}, actor=coordinator_of(project))
    with pytest.raises(RefusedError, match="does not ask"):
        write_edit(reply=make_turn(project, member).kept, text="Better.")


def test_consent_is_to_the_words_shown_and_to_the_terms_of_the_project(project, member):
    turn = make_turn(project, member, may_teach=False)
    assert not turn.conversation.may_teach and not Turn.objects.to_review(project).exists()
    let_teach(turn.conversation)
    stored = Conversation.objects.get()
    assert stored.words == words_of(project) and stored.agreed_at
    assert stored.consent == member.consents.get(number=project.consent_number)
    assert AuditEvent.objects.filter(verb="conversation.agreed").count() == 1
    let_teach(turn.conversation)
    assert AuditEvent.objects.filter(verb="conversation.agreed").count() == 1
    assert list(Turn.objects.to_review(project)) == [turn]


def test_consent_to_other_terms_than_the_present_ones_is_refused(project, member):
    turn = make_turn(project, member, may_teach=False)
    change_settings(project=project, values={"licence": "CC0-1.0"}, actor=coordinator_of(project))
    with pytest.raises(RefusedError, match="changed"):
        agree(
            conversation=turn.conversation,
            membership=project.memberships.get(user=member),
            number=project.consent_number - 1,
        )
    assert not Conversation.objects.get().may_teach


def test_nobody_agrees_for_another(project, member):
    turn = make_turn(project, member, may_teach=False)
    other = project.memberships.get(user=make_member(project))
    with pytest.raises(Conversation.DoesNotExist):
        agree(conversation=turn.conversation, membership=other, number=project.consent_number)


def test_without_consent_and_after_taking_it_back_nothing_is_to_review(project, member):
    turn = make_turn(project, member)
    react_in_every_way(turn)
    take_back_consent(conversation=turn.conversation)
    assert not Turn.objects.to_review(project).exists()
    assert Thumb.objects.exists(), "what the member said stays in their own list"
    assert not Prompt.objects.filter(source="chat").exists() and not Judgment.objects.exists()


def test_deleting_a_conversation_leaves_nothing_of_it(project, member):
    turn = make_turn(project, member)
    react_in_every_way(turn)
    delete_conversation(conversation=turn.conversation, actor=member)
    models = (Conversation, Turn, Reply, Thumb, Choice, Edit)
    assert [model.objects.count() for model in models] == [0] * len(models)
