"""What prompts are about: reading tags, and correcting them."""

import json

import pytest
from django.urls import reverse

from annotator.imports.file_formats import BadRecordError
from annotator.imports.prompt_files import PromptDraft, read_prompt_file
from annotator.imports.tags import LONGEST_TAG, LONGEST_TEXT, MOST_TAGS, read_tags
from annotator.models import AuditEvent
from annotator.services.prompts.editing import edit_prompt
from tests.factories import coordinator_of, make_project, make_prompt
from tests.pressing import press


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (None, ()),
        ("", ()),
        (" , ;", ()),
        ("oceans, ice  caps;Energy", ("oceans", "ice caps", "Energy")),
        ("البحر، الجليد", ("البحر", "الجليد")),
        (["oceans", " ice "], ("oceans", "ice")),
        ("Ice, ice, ICE", ("Ice",)),
    ],
)
def test_tags_are_a_list_or_a_text_with_commas(value, tags):
    assert read_tags(value) == tags


@pytest.mark.parametrize(
    "value",
    [
        7,
        {"a": 1},
        ["a", 1],
        ["a, b"],
        "x" * (LONGEST_TAG + 1),
        "x" * (LONGEST_TEXT + 1),
        "a\0",
        "\ud800",
        ",".join(map(str, range(MOST_TAGS + 1))),
        ["a"] * 100_000,
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_other_tags_are_refused(value):
    with pytest.raises(BadRecordError):
        read_tags(value)


def test_files_may_have_tags_and_a_wrong_one_is_named_with_its_line():
    rows = [{"prompt": "Why?", "tags": ["ice"]}, {"prompt": "How?", "tags": 1}]
    read = read_prompt_file("\n".join(map(json.dumps, rows)).encode(), "prompts.jsonl")
    assert [draft.tags for draft in read.drafts] == [("ice",)]
    assert [note.line for note in read.errors] == [2] and "tags must be" in read.errors[0].reason
    assert read_prompt_file(b'prompt,tags\nWhy?,"ice, sea"\n', "p.csv").drafts[0].tags == ("ice", "sea")


@pytest.mark.django_db
def test_tags_are_corrected_on_the_prompt_itself_on_record():
    prompt = make_prompt(make_project(), "Why?", tags="ice")
    draft = PromptDraft(prompt.messages, tags=("sea",))
    same = edit_prompt(project=prompt.project, prompt=prompt, draft=draft, actor=None)
    assert (same.pk, same.tags) == (prompt.pk, ["sea"])
    assert AuditEvent.objects.filter(verb="prompt.relabelled").count() == 1


@pytest.mark.django_db
def test_coordinators_write_and_edit_tags_and_all_staff_see_them(client):
    project = make_project()
    client.force_login(coordinator_of(project))
    press(client, reverse("write-prompts", args=[project.slug]), text="Why?", tags="ice, Sea")
    prompt = project.prompts.get()
    assert prompt.tags == ["ice", "Sea"]
    for name, args in (("prompts", []), ("prompt", [1])):
        assert "Sea" in client.get(reverse(name, args=[project.slug, *args])).text
    page = reverse("edit-prompt", args=[project.slug, 1])
    assert 'value="ice, Sea"' in client.get(page).text
    press(client, page, tags="air")
    prompt.refresh_from_db()
    assert prompt.tags == ["air"]
    assert client.post(page, {"language": "en", "message_0": "Why?", "tags": "x" * 41}).status_code == 422
