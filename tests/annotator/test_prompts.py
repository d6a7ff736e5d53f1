import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from annotator.models import AuditEvent, Prompt, Split
from annotator.models.prompts import hash_messages, split_of
from annotator.services.prompts.adding import import_prompts
from annotator.services.prompts.withdrawing import remove_prompts, withdraw_prompts
from tests.factories import make_completion, make_project, make_prompt


def import_text(project, text: str, filename: str = "prompts.csv"):
    return import_prompts(project=project, file=io.BytesIO(text.encode()), filename=filename, actor=None)


def upload(client, content: bytes, filename: str = "prompts.csv", **fields: str):
    url = reverse("import-prompts", args=["climate"])
    return client.post(url, {"file": SimpleUploadedFile(filename, content), **fields}, follow=True)


def test_an_import_stores_prompts_with_their_split_and_an_audit_row(project, coordinator):
    file = io.BytesIO(b"prompt,language,source\nWhy?,de,letter\n")
    report = import_prompts(project=project, file=file, filename="prompts.csv", actor=coordinator)
    prompt = Prompt.objects.get()
    assert report.prompts == [prompt]
    assert prompt.messages == [{"role": "user", "content": "Why?"}]
    assert (prompt.language, prompt.source) == ("de", "letter")
    assert prompt.content_hash == hash_messages(prompt.messages)
    assert prompt.split == split_of(prompt.messages)
    event = AuditEvent.objects.get(verb="prompts.imported")
    assert event.actor == coordinator and event.data == {"taken": 1, "skipped": 0, "left_out": 0}


def test_duplicates_in_file_and_project_are_skipped_and_named(project):
    import_text(project, "prompt\nWhy?\n")
    report = import_text(project, "prompt\nHow?\n Why? \n\nHow?\n")
    assert [str(note) for note in report.skipped] == [
        "line 3: the project has this prompt already",
        "line 4: the line is empty",
        "line 5: the same as line 2",
    ]
    assert report.taken == 1 and Prompt.objects.count() == 2


def test_an_import_names_what_the_project_has_withdrawn(project):
    withdraw_prompts(project=project, prompt_ids=[make_prompt(project, "Why?").pk], actor=None)
    (note,) = import_text(project, "prompt\nWhy?\n").skipped
    assert "withdrawn" in note.reason


def test_another_project_may_have_the_same_prompt(project):
    make_prompt(make_project(), "Why?")
    assert import_text(project, "prompt\nWhy?\n").taken == 1


def test_one_wrong_line_means_that_nothing_is_taken(project):
    report = import_text(project, '{"prompt": "fine"}\n{"prompt": 3}\n', "prompts.jsonl")
    assert [note.line for note in report.errors] == [2]
    assert report.taken == 0 and not Prompt.objects.exists()


LINES = '{"prompt": "fine"}\n{"prompt": 3}\n{"prompt": "too"}\n{\n'


def test_wrong_lines_can_be_left_out_and_are_listed(project):
    file = io.BytesIO(LINES.encode())
    report = import_prompts(project=project, file=file, filename="a.jsonl", actor=None, skip_bad_rows=True)
    assert [prompt.question for prompt in report.prompts] == ["fine", "too"]
    assert [note.line for note in report.left_out] == [2, 4] and not report.errors
    assert AuditEvent.objects.get(verb="prompts.imported").data["left_out"] == 2


def test_without_one_right_line_nothing_is_left_out(project):
    file = io.BytesIO(b"{\n[\n")
    report = import_prompts(project=project, file=file, filename="a.jsonl", actor=None, skip_bad_rows=True)
    assert len(report.errors) == 2 and not report.left_out


def test_the_page_offers_to_leave_wrong_lines_out(client, project, coordinator):
    client.force_login(coordinator)
    page = upload(client, LINES.encode(), "a.jsonl")
    assert "2 other lines are right" in page.text and not Prompt.objects.exists()
    page = upload(client, LINES.encode(), "a.jsonl", skip_bad_rows="on")
    assert "2 lines were wrong and left out" in page.text and "Line 2: prompt must be" in page.text
    assert Prompt.objects.count() == 2


def test_the_report_of_an_import_is_shown_once(client, project, coordinator):
    client.force_login(coordinator)
    address = reverse("import-prompts", args=["climate"])
    assert upload(client, b"prompt\nWhy?\n").redirect_chain == [(address, 302)]
    assert "was taken" not in client.get(address).text


def test_the_command_leaves_wrong_lines_out(project, tmp_path, capsys):
    path = tmp_path / "prompts.jsonl"
    path.write_text(LINES)
    with pytest.raises(CommandError, match="2 lines are right: --skip-bad-rows"):
        call_command("import_prompts", str(path), "--project", "climate")
    call_command("import_prompts", str(path), "--project", "climate", "--skip-bad-rows")
    output = capsys.readouterr()
    assert "2 prompts taken" in output.out and "left out: line 4: not JSON" in output.err


def test_the_projects_own_system_prompt_makes_no_other_prompt(project):
    project = make_project(system_prompt="Be brief.")
    known = make_prompt(project, "Why?")
    lines = [
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        [{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "Why?"}],
    ]
    report = import_text(project, "\n".join(json.dumps({"prompt": each}) for each in lines), "a.jsonl")
    assert [note.line for note in report.skipped] == [1]
    (other,) = report.prompts
    assert other.split == known.split and other.content_hash != known.content_hash
    assert other.full_messages() == lines[1] and known.full_messages() == lines[0]
    assert other.earlier_messages == [] and other.question == "Why?"


def test_about_a_fifth_is_held_out(project):
    report = import_text(project, "prompt\n" + "".join(f"Question {n}?\n" for n in range(500)))
    assert 70 <= report.held_out <= 130
    assert Prompt.objects.held_out().count() == report.held_out


def test_the_import_page_shows_what_was_taken_and_skipped(client, project, coordinator):
    client.force_login(coordinator)
    page = upload(client, b"prompt\nWhy?\nWhy?\n")
    assert page.status_code == 200
    assert "1 prompt was taken from prompts.csv" in page.text
    assert "Line 3: the same as line 2" in page.text
    assert "Nothing was new" in upload(client, b"prompt\nWhy?\n").text


def test_the_import_page_shows_every_error_as_text_up_to_a_limit(client, project, coordinator):
    client.force_login(coordinator)
    page = upload(client, b'{"prompt": 1}\n' * 150, "<b>x</b>.jsonl")
    assert page.status_code == 422
    assert "150 things are wrong" in page.text and "first of 150" in page.text
    assert page.text.count("prompt must be a text") == 100
    assert "<b>x" not in page.text
    assert not Prompt.objects.exists()


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("filename", ["a.csv", "a.jsonl", "a.exe"])
def test_no_upload_breaks_the_import_page(client, project, coordinator, content, filename):
    client.force_login(coordinator)
    assert upload(client, content, filename).status_code == 422
    assert not Prompt.objects.exists()


def test_importing_without_a_file_says_so(client, project, coordinator):
    client.force_login(coordinator)
    page = client.post(reverse("import-prompts", args=["climate"]))
    assert page.status_code == 422 and "required" in page.text


def test_the_command_reports_lines_and_imports(project, tmp_path, capsys):
    path = tmp_path / "prompts.csv"
    path.write_text("prompt\nWhy?\nWhy?\n")
    call_command("import_prompts", str(path), "--project", "climate")
    output = capsys.readouterr()
    assert "1 prompts taken" in output.out and "skipped: line 3: the same as line 2" in output.err


def test_the_command_fails_with_the_reasons_and_imports_nothing(project, tmp_path, capsys):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "fine"}\n' + "{\n" * 30)
    with pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import_prompts", str(path), "--project", "climate")
    errors = capsys.readouterr().err
    assert "wrong: line 2: not JSON" in errors and "wrong: 10 more" in errors
    assert not Prompt.objects.exists()


def test_the_command_needs_a_project_and_a_file_that_exist(project, tmp_path):
    with pytest.raises(CommandError, match="no project"):
        call_command("import_prompts", "x.csv", "--project", "nowhere")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_prompts", str(tmp_path / "none.csv"), "--project", "climate")


def test_the_list_finds_by_words_in_any_message_and_by_split(client, project, reviewer):
    wanted = make_prompt(project, "Schmilzt das EIS in Österreich?")
    other = make_prompt(project, 'What is "albedo"?')
    client.force_login(reviewer)

    def shown(**query):
        page = client.get(reverse("prompts", args=["climate"]), query)
        return {prompt.pk for prompt in page.context["page"]}

    assert shown() == {wanted.pk, other.pk}
    assert shown(q="eis in ÖSTER") == {wanted.pk}
    assert shown(q='"albedo"') == {other.pk}
    assert shown(q="user") == set()
    assert shown(split=wanted.split, q="eis") == {wanted.pk}
    elsewhere = Split.TRAIN if wanted.split == Split.HELD_OUT else Split.HELD_OUT
    assert shown(split=elsewhere, q="eis") == set()


@pytest.mark.parametrize(
    "query", [{"page": "x"}, {"page": "9" * 5000}, {"split": "?"}, {"q": "\0"}, {"q": "%_"}]
)
def test_the_list_bears_any_query(client, project, reviewer, query):
    make_prompt(project)
    client.force_login(reviewer)
    assert client.get(reverse("prompts", args=["climate"]), query).status_code == 200


def test_the_list_has_pages_that_keep_the_search(client, project, reviewer):
    import_text(project, "prompt\n" + "".join(f"Question {n}?\n" for n in range(51)))
    client.force_login(reviewer)
    page = client.get(reverse("prompts", args=["climate"]), {"q": "question"})
    assert len(page.context["page"]) == 50
    assert "?q=question&amp;page=2" in page.text


def test_the_list_counts_completions_in_one_query(client, project, reviewer, django_assert_max_num_queries):
    for _ in range(5):
        make_completion(make_prompt(project))
    client.force_login(reviewer)
    with django_assert_max_num_queries(6):
        page = client.get(reverse("prompts", args=["climate"]))
    assert [prompt.completion_count for prompt in page.context["page"]] == [1] * 5


def test_a_prompt_shows_its_conversation_and_completions_as_harmless_text(client, project, reviewer):
    messages = [("user", "A <b>?"), ("assistant", "B"), ("user", "C")]
    prompt = make_prompt(project, [{"role": role, "content": text} for role, text in messages])
    make_completion(prompt, "<script>alert(1)</script> *well*", author="Version 1")
    client.force_login(reviewer)
    page = client.get(reverse("prompt", args=["climate", prompt.number]))
    assert "A &lt;b&gt;?" in page.text and "Version 1" in page.text
    assert "<script>alert" not in page.text and "<em>well</em>" in page.text


def test_a_prompt_of_another_project_is_not_found(client, project, reviewer):
    prompt = make_prompt(make_project())
    client.force_login(reviewer)
    assert client.get(reverse("prompt", args=["climate", prompt.number])).status_code == 404
    assert client.get(f"/p/climate/prompts/{'9' * 100}/").status_code == 404


def test_the_same_question_is_in_the_same_split_in_every_project(project):
    questions = [f"Question {n}?" for n in range(20)]
    here, there = (
        [make_prompt(each, question).split for question in questions] for each in (project, make_project())
    )
    assert here == there
    assert set(here) == set(Split)


@pytest.mark.parametrize("change", [{"split": "other"}, {"content_hash": "0" * 64}])
def test_the_database_lets_no_stored_prompt_change_its_split(project, change):
    prompts = Prompt.objects.filter(pk=make_prompt(project).pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        prompts.update(**change)
    prompts.update(source="a letter")


def test_a_projects_prompts_are_counted_from_1_and_no_number_is_given_twice(project, coordinator):
    make_prompt(make_project())
    first, second = make_prompt(project), make_prompt(project)
    assert [first.number, second.number] == [1, 2]
    remove_prompts(project=project, prompt_ids=[second.pk], actor=coordinator)
    assert make_prompt(project).number == 3
