"""Prompts that are withdrawn, restored, or too long for the model."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Prompt
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts
from annotator.signals import prompts_imported
from tests.api import client_of
from tests.factories import make_project, make_prompt
from tests.pressing import press


def available(project):
    return set(project.prompts.available().values_list("pk", flat=True))


def test_a_withdrawn_prompt_is_available_again_when_it_is_restored(project, coordinator):
    first, second = make_prompt(project), make_prompt(project)
    ids = [first.pk, first.pk]
    assert withdraw_prompts(project=project, prompt_ids=ids, actor=coordinator) == 1
    assert withdraw_prompts(project=project, prompt_ids=ids, actor=coordinator) == 0
    assert available(project) == {second.pk}
    assert restore_prompts(project=project, prompt_ids=[first.pk, second.pk], actor=coordinator) == 1
    assert available(project) == {first.pk, second.pk}
    events = AuditEvent.objects.filter(verb__in=["prompts.withdrawn", "prompts.restored"])
    assert [(event.verb, event.actor, event.data) for event in events] == [
        ("prompts.restored", coordinator, {"prompts": [first.pk]}),
        ("prompts.withdrawn", coordinator, {"prompts": [first.pk]}),
    ]


def test_more_prompts_than_one_statement_takes_can_be_withdrawn(project, monkeypatch):
    monkeypatch.setattr("annotator.services.prompts.withdrawing.BATCH", 2)
    ids = [make_prompt(project).pk for _ in range(3)]
    assert withdraw_prompts(project=project, prompt_ids=ids, actor=None) == 3
    assert available(project) == set()


@pytest.mark.parametrize("other", ["theirs", "none"])
def test_with_a_prompt_of_another_project_nothing_is_withdrawn(project, other):
    own = make_prompt(project)
    pk = make_prompt(make_project()).pk if other == "theirs" else 10**30
    with pytest.raises(RefusedError, match=f"no prompt {pk}"):
        withdraw_prompts(project=project, prompt_ids=[own.pk, pk], actor=None)
    assert Prompt.objects.in_use().count() == Prompt.objects.count()


def test_a_prompt_that_is_too_long_is_in_use_but_not_available(project):
    prompt = make_prompt(project)
    Prompt.objects.filter(pk=prompt.pk).update(too_long=True, tokens=604)
    assert project.prompts.in_use().exists() and not available(project)


def test_the_pages_show_why_a_prompt_is_not_asked(client, project, coordinator):
    long, withdrawn, other = (make_prompt(project) for _ in range(3))
    Prompt.objects.filter(pk=long.pk).update(too_long=True, tokens=604, token_limit=256)
    withdraw_prompts(project=project, prompt_ids=[withdrawn.pk], actor=coordinator)
    client.force_login(coordinator)

    def shown(state):
        page = client.get(reverse("prompts", args=["climate"]), {"state": state})
        return {prompt.pk for prompt in page.context["page"]}

    assert shown("available") == {other.pk}
    assert shown("too_long") == {long.pk}
    assert shown("withdrawn") == {withdrawn.pk}
    assert shown("") == {long.pk, withdrawn.pk, other.pk}
    page = client.get(reverse("prompt", args=["climate", long.number])).text
    assert "604 tokens" in page and "At most 256 tokens are allowed." in page
    assert "Withdrawn on" in client.get(reverse("prompt", args=["climate", withdrawn.number])).text


def test_coordinators_withdraw_and_restore_on_the_prompts_page(client, project, coordinator):
    prompt = make_prompt(project)
    client.force_login(coordinator)
    detail = reverse("prompt", args=["climate", prompt.number])
    page = press(client, detail, reverse("withdraw-prompt", args=["climate", prompt.number]), follow=True)
    assert "The prompt was withdrawn" in page.text and not available(project)
    page = press(client, detail, reverse("restore-prompt", args=["climate", prompt.number]), follow=True)
    assert "used again" in page.text and available(project) == {prompt.pk}


def test_the_api_withdraws_and_restores(project, coordinator, reviewer):
    prompt = make_prompt(project)
    withdraw, restore = (
        reverse(name, args=["climate"]) for name in ("api-withdraw-prompts", "api-restore-prompts")
    )
    client = client_of(coordinator)
    assert client.post(withdraw, {"ids": [prompt.pk]}).json() == {"changed": 1}
    (listed,) = client.get(reverse("api-prompts", args=["climate"])).json()["results"]
    assert listed["withdrawn_at"] and not listed["too_long"]
    assert client.post(restore, {"ids": [prompt.pk]}).json() == {"changed": 1}
    assert client.post(withdraw, {"ids": [prompt.pk, 2**62]}).status_code == 409
    for ids in ([], ["x"], [-1], [2**64], None):
        assert client.post(withdraw, {"ids": ids}).status_code == 400
    assert client_of(reviewer).post(withdraw, {"ids": [prompt.pk]}).status_code == 403
    assert available(project) == {prompt.pk}


def test_the_command_withdraws_and_restores(project, capsys):
    make_prompt(make_project())
    prompt = make_prompt(project)
    number = str(prompt.number)
    call_command("withdraw_prompts", number, "--project", "climate")
    assert "1 prompts withdrawn" in capsys.readouterr().out and not available(project)
    call_command("withdraw_prompts", number, "--project", "climate", "--restore")
    assert available(project) == {prompt.pk}
    with pytest.raises(CommandError, match="no prompt"):
        call_command("withdraw_prompts", "999999", "--project", "climate")
    with pytest.raises(CommandError, match="no project"):
        call_command("withdraw_prompts", number, "--project", "nowhere")


def test_what_was_imported_is_announced_when_it_is_stored(project, django_capture_on_commit_callbacks):
    heard = []

    def listen(project, prompt_ids, **_signal):
        heard.append((project, prompt_ids))

    prompts_imported.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            prompt = make_prompt(project)
            assert heard == []
    finally:
        prompts_imported.disconnect(listen)
    assert heard == [(project, [prompt.pk])]
