"""Taking what members agreed to teach: what comes of it, what does not, and how it is withdrawn."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotator.errors import RefusedError
from annotator.imports.prompt_files import draft_from_record
from annotator.models import Author, Completion, Prompt, Role, User
from annotator.services.completions import add_completions
from annotator.services.prompts.editing import edit_prompt
from annotator.services.prompts.withdrawing import withdraw_prompts
from annotator.shown import text_of
from annotator.text.strict_json import load_json
from ranking.models import Comparison, Judgment, UnpairedPreference, Withdrawal
from ranking.services import (
    claim_next,
    erase_account,
    leave_project,
    open_round,
    snapshot_preferences,
)
from tests.factories import coordinator_of, make_member, make_prompt
from tests.training.chat.making import QUESTION, make_reply, make_turn, react_in_every_way
from tests.training.making import make_judged, make_trainable
from training.models import Conversation, Taking, Thumb, Turn
from training.services.conversations.consent import take_back_consent
from training.services.conversations.reactions import (
    choose,
    give_thumb,
    show_two,
    take_thumb_away,
    write_edit,
)
from training.services.conversations.review import leave_turn, take_turn
from training.services.conversations.talk import ask, delete_conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_judged()


@pytest.fixture
def reviewer(project):
    return make_member(project, Role.REVIEWER)


@pytest.fixture
def member(project):
    return make_member(project)


@pytest.fixture
def turn(project, member):
    turn = make_turn(project, member)
    react_in_every_way(turn)
    return turn


def test_nothing_reaches_prompts_or_judgments_before_it_is_taken(project, turn):
    assert Prompt.objects.filter(project=project, source="chat").count() == 0
    assert not Comparison.objects.filter(source="chat").exists() and not UnpairedPreference.objects.exists()


def test_a_taken_turn_becomes_a_prompt_with_preferences_of_the_member(project, turn, member, reviewer):
    taking = take_turn(turn=turn, actor=reviewer)
    prompt = Prompt.objects.get(source="chat")
    assert (prompt.question, taking.prompt, taking.is_new_prompt) == (QUESTION, prompt, True)
    by = {one.text: one.author for one in prompt.completions.select_related("author")}
    live = project.versions.live().get().author
    assert by.pop("Glaciers keep water for the summer.").user == member
    assert set(by) == {"They keep water.", "They store water for the dry season."}
    assert set(by.values()) == {live}
    texts = dict(prompt.completions.values_list("pk", "text"))
    drawn = {
        (texts[one.chosen], texts[one.rejected])
        for judgment in Judgment.objects.filter(volunteer=member)
        for one in judgment.preferences()
    }
    assert drawn == {
        ("They store water for the dry season.", "They keep water."),
        ("Glaciers keep water for the summer.", "They keep water."),
    }
    thumb = UnpairedPreference.objects.get()
    assert (thumb.completion.text, thumb.label, thumb.flags) == ("They keep water.", False, ["factual_error"])


def test_the_conversation_before_the_question_belongs_to_the_prompt(project, turn, member, reviewer):
    later = ask(project=project, user=member, question="And in summer?", conversation=turn.conversation)
    make_reply(later, "Then they melt.")
    taking = take_turn(turn=later, actor=reviewer)
    assert [one["content"] for one in taking.prompt.messages] == [
        QUESTION,
        "They store water for the dry season.",
        "And in summer?",
    ]
    assert not taking.comparisons.exists()


def test_what_was_taken_is_offered_to_nobody_at_the_desk(project, turn, reviewer):
    take_turn(turn=turn, actor=reviewer)
    assert claim_next(project=project, volunteer=make_member(project)) is None


def test_identifiers_are_taken_out_of_everything(project, member, reviewer):
    turn = make_turn(project, member, "Write to ann@example.org: why?", ("Call +34 612 34 50 06.",))
    write_edit(reply=turn.kept, text="Ask ben@example.org.")
    taking = take_turn(turn=turn, actor=reviewer)
    assert taking.prompt.question == "Write to [email]: why?"
    assert set(taking.prompt.completions.values_list("text", flat=True)) == {"Call [phone].", "Ask [email]."}


def test_stopped_answers_teach_nothing(project, member, reviewer):
    turn = make_turn(project, member, answers=())
    reply = make_reply(turn, "They keep", is_whole=False)
    give_thumb(reply=reply, is_up=False)
    assert not take_turn(turn=turn, actor=reviewer).prompt.completions.exists()


def test_a_choice_that_was_not_made_and_an_even_one_prefer_nothing(project, member, reviewer):
    open_, even = make_turn(project, member), make_turn(project, member, "Why is the sea salty?")
    for turn in (open_, even):
        choice = show_two(first=turn.kept, second=make_reply(turn, "Another.", is_kept=False))
    choose(choice=choice, preferred="equal")
    taken = [take_turn(turn=turn, actor=reviewer) for turn in (open_, even)]
    assert [one.comparisons.count() for one in taken] == [0, 1]
    assert Judgment.objects.get(comparison__source="chat").preferences() == []


def test_a_prompt_that_the_project_has_is_used_and_stays_when_the_member_withdraws(project, turn, reviewer):
    known = make_prompt(project, QUESTION)
    taking = take_turn(turn=turn, actor=reviewer)
    assert taking.prompt == known and not taking.is_new_prompt
    take_back_consent(conversation=turn.conversation)
    assert Prompt.objects.get(pk=known.pk).withdrawn_at is None
    assert not Comparison.objects.filter(source="chat").exists()


def test_a_withdrawn_prompt_is_not_taken_again(project, turn, reviewer):
    known = make_prompt(project, QUESTION)
    withdraw_prompts(project=project, prompt_ids=[known.pk], actor=reviewer)
    with pytest.raises(RefusedError, match="withdrawn"):
        take_turn(turn=turn, actor=reviewer)
    turn.refresh_from_db()
    assert turn.decision == "" and not Taking.objects.exists()


def test_preferences_wait_for_a_round_and_nothing_is_stored_before(reviewer):
    project = make_trainable()
    turn = make_turn(project)
    react_in_every_way(turn)
    with pytest.raises(RefusedError, match="round"):
        take_turn(turn=turn, actor=coordinator_of(project))
    assert not Prompt.objects.filter(source="chat").exists()
    plain = make_turn(project, question="What is albedo?")
    assert take_turn(turn=plain, actor=coordinator_of(project)).prompt.source == "chat"


def test_a_decision_is_made_once_and_only_while_the_member_agrees(project, turn, reviewer):
    leave_turn(turn=turn, actor=reviewer)
    with pytest.raises(RefusedError, match="Another reviewer"):
        take_turn(turn=turn, actor=reviewer)
    with pytest.raises(RefusedError, match="A reviewer has decided"):
        give_thumb(reply=turn.replies.first(), is_up=True)
    take_back_consent(conversation=turn.conversation)
    with pytest.raises(RefusedError, match="no longer"):
        take_turn(turn=turn, actor=reviewer)


@pytest.mark.parametrize("decide", [take_turn, leave_turn])
def test_after_a_decision_what_was_said_stays_until_consent_is_taken_back(
    client, project, member, reviewer, decide
):
    turn = make_turn(project, member)
    reply = turn.kept
    give_thumb(reply=reply, is_up=True)
    choice = show_two(first=reply, second=make_reply(turn, "Another one.", is_kept=False))
    decide(turn=turn, actor=reviewer)
    for act in (
        lambda: give_thumb(reply=reply, is_up=False),
        lambda: take_thumb_away(reply=reply),
        lambda: choose(choice=choice, preferred="a"),
        lambda: write_edit(reply=reply, text="Better."),
    ):
        with pytest.raises(RefusedError, match="stays as it is"):
            act()
    assert reply.thumb.is_up and UnpairedPreference.objects.count() == (decide is take_turn)
    client.force_login(member)
    page = client.get(reverse("conversation", args=[project.slug, turn.conversation_id])).text
    assert "stays as it is" in page and reply.text in page and "Which answer is better" not in page
    take_back_consent(conversation=turn.conversation)
    take_thumb_away(reply=reply)
    assert not Thumb.objects.exists() and not UnpairedPreference.objects.exists()


def traces():
    return (
        Prompt.objects.filter(source="chat").count(),
        Comparison.objects.filter(source="chat").count(),
        Completion.objects.filter(author__kind=Author.Kind.PERSON).count(),
        Completion.objects.filter(text__contains="water").count(),
        UnpairedPreference.objects.count(),
        Taking.objects.count(),
    )


def test_taking_consent_back_withdraws_what_was_taken_and_marks_datasets(project, turn, member, reviewer):
    take_turn(turn=turn, actor=reviewer)
    dataset = snapshot_preferences(project=project)
    take_back_consent(conversation=turn.conversation)
    assert traces() == (0,) * 6
    assert dataset.withdrawn_people == 1 and dataset.withdrawn_judgments == 3
    assert Withdrawal.objects.count() == 1 and Conversation.objects.filter(user=member).exists()
    turn.refresh_from_db()
    assert turn.decision == "", "who agrees again is asked again"


@pytest.mark.parametrize("way", ["delete", "leave", "erase"])
def test_deleting_leaving_and_erasing_withdraw_it_too(project, turn, member, reviewer, way):
    take_turn(turn=turn, actor=reviewer)
    dataset = snapshot_preferences(project=project)
    if way == "delete":
        delete_conversation(conversation=turn.conversation, actor=member)
    elif way == "leave":
        leave_project(membership=project.memberships.get(user=member), withdraw=True)
    else:
        erase_account(user=member)
    assert traces() == (0,) * 6 and not Conversation.objects.exists()
    assert dataset.withdrawn_people == 1 and dataset.withdrawn_judgments == 3
    assert User.objects.filter(pk=member.pk).exists() == (way != "erase")


def test_a_prompt_that_others_judged_is_withdrawn_instead_of_deleted(project, turn, reviewer):
    taking = take_turn(turn=turn, actor=reviewer)
    live = project.versions.live().get()
    add_completions(author=live.author, texts=[(taking.prompt, "A."), (taking.prompt, "B.")])
    open_round(project=project, author=live.author, seed=1)
    take_back_consent(conversation=turn.conversation)
    assert Prompt.objects.get(source="chat").withdrawn_at is not None
    assert not Taking.objects.exists()


def test_two_who_asked_the_same_share_a_prompt_until_both_withdraw(project, turn, reviewer):
    other = make_turn(project)
    taken = [take_turn(turn=one, actor=reviewer) for one in (turn, other)]
    assert [one.is_new_prompt for one in taken] == [True, False]
    take_back_consent(conversation=turn.conversation)
    assert Prompt.objects.filter(source="chat").count() == 1
    take_back_consent(conversation=other.conversation)
    assert Prompt.objects.filter(source="chat").count() == 0


def test_the_archive_of_ones_data_has_ones_conversations(client, project, turn, member, reviewer):
    take_turn(turn=turn, actor=reviewer)
    client.force_login(member)
    with ZipFile(BytesIO(client.get(reverse("export-data")).getvalue())) as archive:
        (conversation,) = load_json(archive.read("conversations.json").decode())
        (thumb,) = load_json(archive.read("thumbs.json").decode())
        assert "conversations.json: what you and the chatbots wrote" in archive.read("README.txt").decode()
    (asked,) = conversation["turns"]
    assert (asked["question"], asked["taken_for_learning"]) == (QUESTION, True)
    assert [reply["edit"] for reply in asked["replies"]] == ["Glaciers keep water for the summer.", ""]
    assert conversation["agreed_to"] and thumb["flags"] == ["factual_error"]


# The page


def test_the_overview_tells_those_who_decide_how_many_messages_wait(client, project, member, reviewer):
    overview = reverse("project", args=[project.slug])
    client.force_login(reviewer)
    assert queue(project) in client.get(overview).text, "the tab"
    assert "from the chat" not in client.get(overview).text, "nothing waits"
    turns = [make_turn(project, member, answers=("Yes.", "No.")) for _ in range(2)]
    make_turn(project, member, may_teach=False)
    make_turn(make_trainable())
    told = f'<a href="{queue(project)}">2 messages from the chat wait for a reviewer</a>'
    for user in (reviewer, coordinator_of(project)):
        client.force_login(user)
        assert told in client.get(overview).text
    leave_turn(turn=turns[0], actor=reviewer)
    assert "1 message from the chat waits" in client.get(overview).text


def test_the_overview_of_a_volunteer_does_not_look_what_waits(client, project, member):
    make_turn(project, member)
    overview = reverse("project", args=[project.slug])
    counts = {}
    for user in (member, make_member(project, Role.REVIEWER)):
        client.force_login(user)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(overview)
        counts[user] = sum("training_turn" in query["sql"] for query in queries)
        assert ("from the chat" in page.text) == bool(counts[user])
    assert list(counts.values()) == [0, 1]


def queue(project):
    return reverse("chat-review", args=[project.slug])


def test_the_queue_shows_what_may_teach_without_identifiers_and_names(client, project, member, reviewer):
    make_turn(project, member, "I am at ann@example.org: why do glaciers matter?")
    make_turn(project, member, "A secret question?", may_teach=False)
    client.force_login(reviewer)
    page = client.get(queue(project)).text
    assert "[email]" in page and "ann@example.org" not in page and "A secret question" not in page
    assert member.email not in page


def test_the_queue_marks_nearly_the_same_prompts(client, project, reviewer):
    make_prompt(project, "Why do glaciers matter to the people far away?")
    make_turn(project)
    client.force_login(reviewer)
    page = client.get(queue(project)).text
    assert "nearly the same prompt" in page and "to the people far away" in page


def test_a_reviewer_takes_and_leaves_on_the_page(client, project, turn, reviewer):
    other = make_turn(project, question="What is albedo?")
    client.force_login(reviewer)
    for one, decision in ((turn, "taken"), (other, "left")):
        page = client.get(queue(project))
        shown = next(item["facts"] for item in page.context["items"] if item["turn"] == one)
        sent = {"decision": decision, "shown": text_of(shown)}
        address = reverse("decide-turn", args=[project.slug, one.pk])
        assert client.post(address, sent).url == queue(project)
    assert dict(Turn.objects.values_list("pk", "decision")) == {turn.pk: "taken", other.pk: "left"}
    assert "nothing to decide" in client.get(queue(project)).text


def test_only_reviewers_see_the_queue_and_only_their_own(client, project, turn, member):
    address = reverse("decide-turn", args=[project.slug, turn.pk])
    client.force_login(member)
    assert client.get(queue(project)).status_code == 403 and client.post(address).status_code == 403
    client.force_login(coordinator_of(make_trainable()))
    assert client.get(queue(project)).status_code == 404 and client.post(address).status_code == 404
    client.force_login(coordinator_of(project))
    assert client.get(address).status_code == 405 and client.post(queue(project)).status_code == 405
    foreign = make_turn(make_trainable())
    assert client.post(reverse("decide-turn", args=[project.slug, foreign.pk])).status_code == 404


def test_words_that_were_said_in_a_conversation_are_not_edited(project, reviewer, turn):
    prompt = take_turn(turn=turn, actor=reviewer).prompt
    draft = draft_from_record({"prompt": "Other words?"})
    with pytest.raises(RefusedError, match="stay as they are"):
        edit_prompt(project=project, prompt=prompt, draft=draft, actor=reviewer)
    assert Prompt.objects.get(pk=prompt.pk).withdrawn_at is None
