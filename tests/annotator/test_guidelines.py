"""Guidelines as versions, and what changed between them."""

import pytest
from django.urls import reverse

from annotator.models import AuditEvent, GuidelinesVersion, Membership
from annotator.services.guidelines import read_guidelines, write_guidelines
from annotator.text.diff import changed_lines
from tests.factories import make_member, make_project


def kinds(before: str, after: str) -> list[list[tuple[str, str]]]:
    return [[(piece.kind, piece.text) for piece in line] for line in changed_lines(before, after)]


def test_a_changed_word_is_marked_within_its_line_and_other_lines_are_left_out():
    before = "Truth comes first.\n\nRank what is false last.\nBe kind."
    after = "Truth comes first.\n\nRank what is harmful last.\nBe kind."
    assert kinds(before, after) == [
        [("same", "Rank what is "), ("removed", "false"), ("added", "harmful"), ("same", " last.")]
    ]


def test_a_line_that_grew_is_one_line_and_marks_of_markdown_are_not_shown():
    assert kinds("1. *Clear.*", "1. *Clear and short.*") == [
        [("same", "1. Clear"), ("added", " and short"), ("same", ".")]
    ]
    assert kinds("or skip.", "or skip. Links do not make an answer better.") == [
        [("same", "or skip."), ("added", " Links do not make an answer better.")]
    ]
    assert kinds("# Be `fair`", "**Be fair**") == []


def test_lines_that_have_little_in_common_are_one_removed_and_one_added():
    assert kinds("Be kind.", "Never mind spelling or style") == [
        [("removed", "Be kind.")],
        [("added", "Never mind spelling or style")],
    ]
    assert kinds("", "One.\nTwo.") == [[("added", "One.")], [("added", "Two.")]]
    assert kinds("One.\nTwo.", "Two.") == [[("removed", "One.")]]


def test_spaces_at_the_end_and_empty_lines_are_no_change():
    assert kinds("One.\nTwo.", "One.  \r\n\r\nTwo.\n") == []


def test_each_text_is_a_version_of_its_own_with_its_writer(project, coordinator):
    first = write_guidelines(project=project, text="One.", actor=coordinator)
    second = write_guidelines(project=project, text="Two.", actor=coordinator)
    assert (first.number, second.number) == (1, 2)
    assert GuidelinesVersion.objects.current(project) == second
    assert second.before() == first and first.before() is None
    assert {one.text for one in project.guidelines_versions.all()} == {"One.", "Two."}
    rows = AuditEvent.objects.filter(verb="guidelines.written", actor=coordinator)
    assert [row.data for row in rows] == [{"number": 2}, {"number": 1}]


def test_who_writes_has_read_them_and_everybody_else_of_the_project_is_to_read_them(
    project, coordinator, volunteer
):
    elsewhere = make_project().memberships.get()
    write_guidelines(project=project, text="One.", actor=coordinator)
    writer, reader = (project.memberships.get(user=one) for one in (coordinator, volunteer))
    assert writer.guidelines_read == 1 and writer.ready_at
    assert reader.guidelines_read == 0 and reader.ready_at is None
    elsewhere.refresh_from_db()
    assert elsewhere.ready_at


def test_reading_an_older_version_or_one_that_is_not_there_counts_for_nothing(
    project, coordinator, volunteer
):
    for text in ("One.", "Two."):
        write_guidelines(project=project, text=text, actor=coordinator)
    membership = project.memberships.get(user=volunteer)
    for number, read in ((3, 0), (2, 2), (1, 2)):
        read_guidelines(membership=membership, number=number)
        assert Membership.objects.get(pk=membership.pk).guidelines_read == read


def test_the_page_shows_markdown_without_scripts_and_lists_the_versions(
    client, project, coordinator, volunteer
):
    write_guidelines(project=project, text="Old.", actor=coordinator)
    write_guidelines(project=project, text="# Be *fair*\n<script>alert(1)</script>", actor=coordinator)
    client.force_login(volunteer)
    page = client.get(reverse("guidelines", args=["climate"]))
    assert "<h2>Be <em>fair</em></h2>" in page.text
    assert "<script>alert" not in page.text
    for number in (1, 2):
        assert reverse("guidelines-version", args=["climate", number]) in page.text


def test_a_version_shows_what_changed_with_words_for_who_cannot_see_it(
    client, project, coordinator, volunteer
):
    write_guidelines(project=project, text="Rank <b> answers last.", actor=coordinator)
    write_guidelines(project=project, text="Rank <script> answers last.", actor=coordinator)
    client.force_login(volunteer)
    page = client.get(reverse("guidelines-version", args=["climate", 2])).text
    assert "Rank &lt;" in page
    assert "script" in page.partition("<ins>")[2].partition("</ins>")[0] and "<script>" not in page
    assert "b" in page.partition("<del>")[2].partition("</del>")[0]
    assert "added:" in page and "removed:" in page
    assert "What changed" not in client.get(reverse("guidelines-version", args=["climate", 1])).text


@pytest.mark.parametrize("number", ["0", "3", "9" * 40])
def test_a_version_that_is_not_there_is_not_found(client, project, coordinator, number):
    write_guidelines(project=project, text="One.", actor=coordinator)
    client.force_login(make_member(project))
    assert client.get(f"/p/climate/guidelines/{number}/").status_code == 404
