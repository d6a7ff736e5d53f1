"""The page of the audit log, and its export."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from annotator.log_words import SENTENCES
from annotator.models import AuditEvent, Project, Role, User
from annotator.services.audit import record
from annotator.services.erasing import erase_person
from annotator.services.invitations.inviting import invite
from annotator.services.log.reading import read_lines
from annotator.services.members import change_role, remove_member
from annotator.services.prompts.withdrawing import withdraw_prompts
from tests.factories import make_member, make_project, make_prompt, make_user
from tests.training.making import make_candidate

RECORDED = re.compile(r'\brecord\(\s*"([a-z_.]+)"|\bverb = "([a-z_.]+)" if .+ else "([a-z_.]+)"')
CALLS = re.compile(r"(?<!def )\brecord\(\s*([^,]+),")


def plain(sentence: str) -> str:
    return sentence.translate({0x2068: None, 0x2069: None})


def sentences(client, **query: str) -> list[str]:
    page = client.get(reverse("log", args=["climate"]), query)
    assert page.status_code == 200
    return [plain(line.sentence) for line in page.context["lines"]]


@pytest.fixture
def coordinating(client, project, coordinator):
    User.objects.filter(pk=coordinator.pk).update(name="Ada")
    client.force_login(coordinator)
    return client


@pytest.fixture
def code() -> str:
    apps = [Path(settings.BASE_DIR) / app for app in ("annotator", "ranking", "training", "config")]
    return "\n".join(path.read_text() for app in apps for path in app.rglob("*.py"))


def test_every_verb_that_the_code_records_has_a_sentence(code):
    recorded = {verb for found in RECORDED.findall(code) for verb in found if verb}
    assert len(recorded) > 50 and recorded - SENTENCES.keys() == set()


def test_no_verb_is_recorded_in_another_way_than_the_one_that_is_looked_for(code):
    assert {name for name in CALLS.findall(code) if not name.startswith('"')} == {"verb"}


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
@pytest.mark.parametrize("verb", SENTENCES)
def test_every_sentence_can_be_said_of_a_row_with_nothing_in_it(db, language, verb):
    event = AuditEvent(verb=verb, target="gone:1", data={})
    with translation.override(language):
        (line,) = read_lines([event])
    assert line.sentence and "%" not in line.sentence


def test_an_act_reads_as_a_plain_sentence_with_its_person_and_its_number(db):
    project = make_project()
    actor = make_member(project, Role.COORDINATOR, name="Ana")
    version = make_candidate(project, 3)
    record("version.released", actor=actor, project=project, target=version)
    (line,) = read_lines(project.audit_events.filter(verb="version.released"))
    assert plain(line.sentence) == "Ana released version 3"


def test_a_row_reads_well_when_what_it_is_about_or_who_did_it_is_gone(project, coordinator):
    member = make_member(project, name="Bo")
    helper = make_member(project, Role.COORDINATOR, name="Cy")
    change_role(membership=project.memberships.get(user=member), role=Role.REVIEWER, actor=helper)
    events = project.audit_events.filter(verb="member.role_changed")
    assert plain(read_lines(events)[0].sentence) == "Cy changed the role of Bo from Volunteer to Reviewer"
    for person in (member, helper):
        remove_member(membership=project.memberships.get(user=person), actor=coordinator)
        erase_person(user=person)
    assert plain(read_lines(events.all())[0].sentence) == (
        "Somebody whose account was erased changed the role of (no longer there) from Volunteer to Reviewer"
    )


def test_what_happens_by_itself_is_done_by_chorus_and_an_unknown_verb_is_shown_as_it_is(project):
    prompt = make_prompt(project)
    withdraw_prompts(project=project, prompt_ids=[prompt.pk], actor=None)
    record("something.new", actor=None, project=project, target=None, percent="100%s")
    lines = read_lines(project.audit_events.all()[:2])
    assert [plain(line.sentence) for line in lines] == ["Chorus: something.new", "Chorus withdrew prompts: 1"]


def test_the_page_is_newest_first_and_goes_on_by_a_cursor(coordinating, project):
    for number in range(55):
        record("practice.added", actor=None, project=project, target=project, count=number)
    first = coordinating.get(reverse("log", args=["climate"]))
    shown = [line.event.data["count"] for line in first.context["lines"]]
    assert shown == list(range(54, 4, -1))
    record("practice.added", actor=None, project=project, target=project, count=99)
    assert f"before={first.context['next']}" in first.text
    later = coordinating.get(reverse("log", args=["climate"]), {"before": first.context["next"]})
    assert [line.event.data.get("count") for line in later.context["lines"]][:5] == [4, 3, 2, 1, 0]
    assert later.context["next"] is None and "To the newest" in later.text


def test_the_log_is_narrowed_by_what_it_is_about_by_person_and_by_day(coordinating, project, coordinator):
    other = make_member(project, Role.COORDINATOR, name="Bo")
    make_prompt(project)
    withdraw_prompts(project=project, prompt_ids=[project.prompts.get().pk], actor=other)
    assert sentences(coordinating, group="prompts") == [
        "Bo withdrew prompts: 1",
        "Chorus added prompts: 1",
    ]
    assert sentences(coordinating, group="prompts", person=other.pk) == ["Bo withdrew prompts: 1"]
    assert sentences(coordinating, group="datasets") == []
    today = timezone.localdate().isoformat()
    assert len(sentences(coordinating, group="prompts", since=today, until=today)) == 2
    assert sentences(coordinating, since="2999-01-01") == sentences(coordinating, until="2000-01-01") == []


def test_days_are_those_of_the_projects_clock(coordinating, project, monkeypatch):
    Project.objects.filter(pk=project.pk).update(timezone="Pacific/Auckland")
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 7, 1, 20, tzinfo=UTC))
    record("practice.removed", actor=None, project=project, target=None)
    monkeypatch.undo()
    assert len(sentences(coordinating, since="2026-07-02", until="2026-07-02")) == 1
    assert sentences(coordinating, since="2026-07-01", until="2026-07-01") == []


@pytest.mark.parametrize(
    "query",
    [
        {"before": "x"},
        {"before": "9" * 5000},
        {"before": "-1"},
        {"before": "١"},
        {"group": "?"},
        {"group": "\0"},
        {"person": "9" * 500},
        {"person": "\0"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"since": "\0", "until": "2026-99-99"},
    ],
)
def test_the_page_and_the_export_bear_any_query(coordinating, project, query):
    make_prompt(project)
    assert "Chorus added prompts: 1" in sentences(coordinating, **query)
    address = reverse("log-export", args=["climate", "csv"])
    assert b"prompts.imported" in coordinating.get(address, query).getvalue()


def test_the_log_of_another_project_is_not_shown(coordinating, project, coordinator):
    other = make_project(coordinator=coordinator, name="Elsewhere")
    make_prompt(other)
    assert not any("prompts" in sentence for sentence in sentences(coordinating))
    stranger = make_user(name="Stranger")
    record("practice.added", actor=stranger, project=other, target=other, count=1)
    assert str(stranger.pk) not in {
        str(choice[0])
        for choice in coordinating.get(reverse("log", args=["climate"]))
        .context["form"]["person"]
        .field.choices
    }


def test_the_number_of_queries_does_not_grow_with_the_log(coordinating, project, coordinator):
    counted = []
    for _ in range(2):
        for _each in range(8):
            member = make_member(project)
            change_role(
                membership=project.memberships.get(user=member), role=Role.REVIEWER, actor=coordinator
            )
            make_prompt(project)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            sentences(coordinating)
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 12


def test_details_and_hostile_names_are_text(coordinating, project):
    bad = make_member(project, Role.COORDINATOR, name="<b>Eve</b>")
    record("mask.word_hidden", actor=bad, project=project, target=None, word="<script>", spans=[[0, 3]])
    page = coordinating.get(reverse("log", args=["climate"])).text
    assert "&lt;b&gt;Eve" in page and "<b>Eve" not in page and "&lt;script&gt;" in page
    assert "<code>[[0, 3]]</code>" in page


def export(client, file_format: str, **query: str) -> str:
    answer = client.get(reverse("log-export", args=["climate", file_format]), query)
    assert answer.status_code == 200 and answer.streaming
    assert f'filename="climate-log.{file_format}"' in answer["Content-Disposition"]
    return answer.getvalue().decode()


def test_the_export_holds_what_is_narrowed_also_over_several_chunks(coordinating, project, monkeypatch):
    monkeypatch.setattr("annotator.services.log.reading.CHUNK", 3)
    for number in range(8):
        record("practice.added", actor=None, project=project, target=project, count=number)
    make_prompt(project)
    rows = [json.loads(line) for line in export(coordinating, "jsonl", group="settings").splitlines()]
    assert [row["data"]["count"] for row in rows if row["act"] == "practice.added"] == list(range(7, -1, -1))
    assert rows[0]["sentence"] == "Somebody whose account was erased added practice comparisons: 7"
    assert {row["act"] for row in rows} <= {"practice.added", "project.created", "guidelines.written"}
    table = list(csv.DictReader(io.StringIO(export(coordinating, "csv", group="settings"))))
    assert [row["act"] for row in table] == [row["act"] for row in rows]
    assert json.loads(table[0]["data"]) == {"count": 7}


def test_no_cell_of_the_export_is_a_formula(coordinating, project):
    bad = make_member(project, Role.COORDINATOR, name="=HYPERLINK(1)")
    record("practice.removed", actor=bad, project=project, target=None)
    row = next(csv.DictReader(io.StringIO(export(coordinating, "csv", person=str(bad.pk)))))
    assert row["who"] == "'=HYPERLINK(1)" and row["sentence"].startswith("'=HYPERLINK(1) removed")


def test_the_export_is_in_the_language_and_on_the_clock_of_its_page(coordinating, project, coordinator):
    Project.objects.filter(pk=project.pk).update(timezone="Asia/Tokyo")
    coordinator.interface_language = "fr"
    coordinator.save()
    make_prompt(project)
    (row,) = map(json.loads, export(coordinating, "jsonl", group="prompts").splitlines())
    assert row["at"].endswith("+09:00") and row["sentence"] != "Chorus added prompts: 1"
    assert timezone.get_current_timezone_name() == "UTC"


def test_there_is_no_other_format_and_only_coordinators_get_one(client, coordinating, project, reviewer):
    assert client.get(reverse("log-export", args=["climate", "pdf"])).status_code == 404
    address = reverse("log-export", args=["climate", "csv"])
    assert client.post(address).status_code == 405
    client.force_login(reviewer)
    assert client.get(address).status_code == 403
    client.force_login(make_user())
    assert client.get(address).status_code == 404


# The database


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "x"},
        {"target": "x"},
        {"data": {"taken": 2}},
        {"data": {"email": "eve@example.org"}},
        {"created_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"project": None},
    ],
)
def test_a_row_of_the_log_is_not_changed(project, coordinator, change):
    invite(project=project, role=Role.VOLUNTEER, email="bo@example.org", actor=coordinator)
    rows = AuditEvent.objects.filter(verb="invitation.created", data__email="bo@example.org")
    with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
        rows.update(**change)
    assert rows.count() == 1


def test_nobody_takes_the_place_of_who_did_it(project, coordinator, volunteer):
    for verb in ("project.created", "prompts.imported"):
        make_prompt(project)
        rows = AuditEvent.objects.filter(verb=verb)
        with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
            rows.update(actor=volunteer)


def test_who_is_erased_leaves_their_acts_without_their_name_and_address(project, coordinator):
    invite(project=project, role=Role.VOLUNTEER, email="bo@example.org", actor=coordinator)
    bo = make_member(project, email="bo@example.org", name="Bo")
    consent = AuditEvent.objects.get(verb="consent.given", actor=bo)
    remove_member(membership=project.memberships.get(user=bo), actor=coordinator)
    erase_person(user=bo)
    consent.refresh_from_db()
    assert consent.actor is None
    assert "bo@example.org" not in str(list(AuditEvent.objects.values()))
