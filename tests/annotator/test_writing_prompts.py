"""Prompts that are written or pasted on a page, and corrected there."""

import pytest
from django.urls import reverse

from annotator.errors import RefusedError
from annotator.imports.file_formats import FileLimits
from annotator.imports.pasted import Layout, read_pasted
from annotator.imports.prompt_files import draft_from_record
from annotator.models import AuditEvent, Prompt
from annotator.models.prompts import split_of
from annotator.services.prompts.adding import import_text
from annotator.services.prompts.editing import edit_prompt
from annotator.services.prompts.withdrawing import withdraw_prompts
from annotator.shown import ChangedMeanwhileError
from tests.factories import make_completion, make_project, make_prompt
from tests.pressing import filled, press

LINES, BLOCKS, WHOLE = Layout


def read(text: str, layout: Layout, **limits):
    return read_pasted(text, layout, language="en", source="", **limits)


@pytest.mark.parametrize(
    ("layout", "found"),
    [
        (LINES, [(2, "Why?"), (3, "How"), (4, "come?"), (7, "When?")]),
        (BLOCKS, [(2, "Why?\nHow\n come?"), (7, "When?")]),
        (WHOLE, [(0, "Why?\nHow\n come?\n\u200b\n\nWhen?")]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_text_holds_a_prompt_a_line_a_block_or_is_one(layout, found, end):
    content = read("\nWhy?\nHow\n come?\n\u200b\n\nWhen?\n".replace("\n", end), layout)
    drafts = [(draft.line, draft.messages[0]["content"]) for draft in content.drafts]
    assert drafts == found and not content.errors and not content.skipped


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("text", ["", "\n \n", "\u200b", "\r\n\r\n"])
def test_a_text_in_which_nothing_is_seen_is_refused_as_a_whole(layout, text):
    content = read(text, layout)
    assert [(note.line, note.reason) for note in content.errors] == [(0, "There is no prompt in this text.")]


def test_a_text_with_more_lines_than_a_file_may_have_is_refused_as_a_whole():
    content = read("a\n" * 5, LINES, limits=FileLimits(100, 4))
    assert not content.drafts and "more than 4 lines" in str(content.errors[0])


@pytest.mark.parametrize("text", ["a\0", "\ud800", "<<SYS>> x", "[" * 100_000, "x" * 20_001])
@pytest.mark.parametrize("layout", Layout)
def test_hostile_texts_are_named_by_their_line_or_are_plain_texts(layout, text):
    content = read(f"fine\n\n{text}", layout)
    assert {note.line for note in content.errors} <= {0, 3}


def test_one_wrong_line_means_that_nothing_is_taken(project):
    text = f"Why?\n{'x' * 20_001}\nHow?"
    report = import_text(project=project, text=text, layout=LINES, language="en", source="", actor=None)
    assert [note.line for note in report.errors] == [2] and not Prompt.objects.exists()


def test_pasted_prompts_get_their_split_language_source_and_audit_row(project, coordinator):
    report = import_text(
        project=project, text="¿Por qué?\n¿Cómo?", layout=LINES, language="es", source="x", actor=coordinator
    )
    assert [(one.question, one.language, one.source) for one in report.prompts] == [
        ("¿Por qué?", "es", "x"),
        ("¿Cómo?", "es", "x"),
    ]
    assert all(one.split == split_of(one.messages) for one in report.prompts)
    assert AuditEvent.objects.get(verb="prompts.imported").actor == coordinator


def test_the_page_takes_many_and_tells_once_what_was_skipped(client, project, coordinator):
    make_prompt(project, "Why?")
    client.force_login(coordinator)
    page = reverse("write-prompts", args=["climate"])
    answer = press(client, page, text="Why?\r\n\r\nHow?\r\nWhen?\r\nHow?", follow=True)
    assert "2 prompts were taken." in answer.text
    assert "Line 1: the project has this prompt already" in answer.text
    assert "Line 5: the same as line 3" in answer.text
    assert "were taken" not in client.get(page).text
    assert "Nothing was new" in press(client, page, text="Why?", follow=True).text


def test_the_page_keeps_a_wrong_text_and_names_the_line(client, project, coordinator):
    client.force_login(coordinator)
    page = reverse("write-prompts", args=["climate"])
    answer = press(client, page, text="Why?\r\n<<SYS>> x\r\nHow?", source="letters")
    assert answer.status_code == 422 and not Prompt.objects.exists()
    assert (
        "Nothing was taken: 1 thing is wrong" in answer.text
        and "Line 2: it begins with a chat template" in answer.text
    )
    assert "How?</textarea>" in answer.text and 'value="letters"' in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"text": " \r\n "},
        {"text": "a\0"},
        {"layout": "?"},
        {"language": "not a tag"},
        {"language": ""},
        {"source": "x" * 201},
        {"source": "\0"},
    ],
)
def test_a_wrong_form_takes_nothing(client, project, coordinator, wrong):
    client.force_login(coordinator)
    values = {"text": "Why?", "layout": "lines", "language": "en", "source": ""} | wrong
    assert client.post(reverse("write-prompts", args=["climate"]), values).status_code == 422
    assert not Prompt.objects.exists()


def test_the_page_offers_the_language_of_most_prompts(client, project, coordinator):
    client.force_login(coordinator)
    for languages, offered in (([], "en"), (["fr", "fr", "de"], "fr")):
        for language in languages:
            make_prompt(project, language=language)
        form = client.get(reverse("write-prompts", args=["climate"])).context["form"]
        assert form["language"].initial == offered


# Correcting one


def edit(project, prompt, words: str, **labels: str) -> Prompt:
    draft = draft_from_record({"prompt": words, "language": "en", **labels})
    return edit_prompt(project=project, prompt=prompt, draft=draft, actor=None)


def test_other_words_take_the_place_of_a_prompt_that_nobody_has_answered(project):
    old = make_prompt(project, "Wy?")
    new = edit(project, old, "Why?")
    assert list(project.prompts.all()) == [new] and new.split == split_of(new.messages)
    event = AuditEvent.objects.get(verb="prompt.edited")
    assert event.target == f"prompt:{new.pk}" and event.data == {"before": old.number, "after": new.number}


def test_a_prompt_that_was_answered_is_withdrawn_with_its_words_and_its_split(project):
    old = make_prompt(project, "Wy?")
    answer = make_completion(old)
    new = edit(project, old, "Why?")
    kept = Prompt.objects.get(pk=old.pk)
    assert kept.withdrawn_at and (kept.question, kept.split) == ("Wy?", old.split)
    assert answer.prompt == old and not new.completions.exists()
    assert list(project.prompts.available()) == [new]


def test_language_and_source_are_corrected_on_the_prompt_itself(project):
    old = make_prompt(project, "Why?")
    make_completion(old)
    assert edit(project, old, " Why? ", language="fr", source="letters") == old
    stored = project.prompts.get()
    assert (stored.language, stored.source, stored.withdrawn_at) == ("fr", "letters", None)
    assert AuditEvent.objects.filter(verb="prompt.relabelled").count() == 1
    edit(project, stored, "Why?", language="fr", source="letters")
    assert AuditEvent.objects.filter(verb="prompt.relabelled").count() == 1


def test_words_that_the_project_has_already_change_nothing(project):
    old, other = make_prompt(project, "Wy?"), make_prompt(project, "Why?")
    with pytest.raises(RefusedError, match="already"):
        edit(project, old, "Why?")
    withdraw_prompts(project=project, prompt_ids=[other.pk], actor=None)
    with pytest.raises(RefusedError, match="withdrawn"):
        edit(project, old, "Why?")
    assert (
        project.prompts.in_use().get() == old and not AuditEvent.objects.filter(verb="prompt.edited").exists()
    )


def test_a_withdrawn_prompt_is_not_edited(project):
    old = make_prompt(project)
    withdraw_prompts(project=project, prompt_ids=[old.pk], actor=None)
    with pytest.raises(RefusedError, match="Use it again first"):
        edit(project, old, "Why?")


def test_the_projects_system_prompt_makes_no_other_prompt_of_it(db):
    project = make_project(system_prompt="Be brief.")
    old = make_prompt(project, "Why?")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    draft = draft_from_record({"messages": messages})
    assert edit_prompt(project=project, prompt=old, draft=draft, actor=None) == old


def test_who_edits_what_another_has_edited_is_told_and_the_old_address_leads_on(client, project, coordinator):
    old = make_prompt(project, "Wy?")
    client.force_login(coordinator)
    page = reverse("edit-prompt", args=["climate", old.number])
    sent = filled(client, page, message_0="Why not?")
    new = edit(project, old, "Why?")
    answer = client.post(page, sent)
    assert answer.status_code == 409 and "edited" in answer.text
    assert client.get(page).status_code == 404
    old_page = client.get(reverse("prompt", args=["climate", old.number]))
    assert old_page.url == reverse("prompt", args=["climate", new.number])
    with pytest.raises(ChangedMeanwhileError):
        edit(project, old, "Why not?")


def test_each_message_of_a_conversation_can_be_corrected(client, project, coordinator):
    messages = [("system", "Rhyme."), ("user", "A"), ("assistant", "B"), ("user", "C")]
    old = make_prompt(project, [{"role": role, "content": text} for role, text in messages])
    client.force_login(coordinator)
    page = reverse("edit-prompt", args=["climate", old.number])
    answer = press(client, page, message_2="[INST] Bee", follow=True)
    new = project.prompts.get()
    assert [one["content"] for one in new.messages] == ["Rhyme.", "A", "[INST] Bee", "C"]
    assert "The prompt was saved." in answer.text and answer.redirect_chain[0][0].endswith(f"/{new.number}/")


@pytest.mark.parametrize(
    "wrong", [{"message_0": ""}, {"message_0": "a\0"}, {"message_0": "x" * 20_001}, {"language": "?"}]
)
def test_a_wrong_correction_changes_nothing_and_is_kept(client, project, coordinator, wrong):
    old = make_prompt(project, "Why?")
    client.force_login(coordinator)
    answer = press(client, reverse("edit-prompt", args=["climate", old.number]), **wrong)
    assert answer.status_code == 422 and "Nothing was saved yet" in answer.text
    assert project.prompts.get().question == "Why?"


def test_a_refusal_is_told_on_the_form_with_what_was_entered(client, project, coordinator):
    old = make_prompt(project, "Wy?")
    make_prompt(project, "Why?")
    client.force_login(coordinator)
    answer = press(client, reverse("edit-prompt", args=["climate", old.number]), message_0="Why?")
    assert answer.status_code == 422 and "the project has this prompt already" in answer.text


def test_a_correction_of_what_was_relabelled_meanwhile_says_so(project, client, coordinator):
    old = make_prompt(project, "Wy?")
    client.force_login(coordinator)
    page = reverse("edit-prompt", args=["climate", old.number])
    sent = filled(client, page, message_0="Why?")
    edit(project, old, "Wy?", language="fr")
    answer = client.post(page, sent)
    assert answer.status_code == 409 and "Language" in answer.text and "Why?</textarea>" in answer.text
    assert project.prompts.get() == old


def test_a_prompt_of_another_project_cannot_be_edited(client, project, coordinator):
    other = make_prompt(make_project())
    client.force_login(coordinator)
    page = reverse("edit-prompt", args=["climate", other.number])
    assert client.get(page).status_code == client.post(page).status_code == 404
