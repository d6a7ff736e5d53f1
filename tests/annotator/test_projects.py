import pytest
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse

from annotator.models import AuditEvent, FlagKind, GuidelinesVersion, Project, Role
from annotator.services.guidelines import write_guidelines
from annotator.services.projects import change_settings, create_project
from tests.factories import make_user
from tests.pressing import FormReader, filled, press

SETTINGS = "/p/climate/settings/"
FIELDS = {
    "name": "Climate tutor",
    "description": "",
    "guidelines": "",
    "system_prompt": "",
    "completions_per_comparison": 4,
    "judgments_per_comparison": 1,
    "assignment_minutes": 30,
    "licence": "CC-BY-4.0",
    "consent_text": "",
    "practice_length": 5,
    "practice_pass_mark": 4,
    "offers_rewrites": "on",
}


@pytest.mark.django_db
def test_a_new_project_has_its_coordinator_and_an_audit_row():
    founder = make_user()
    project = create_project(name="A", slug="a", base_model="models/tiny", coordinator=founder)
    assert project.memberships.get().user == founder
    assert project.memberships.get().role == Role.COORDINATOR
    assert AuditEvent.objects.get(verb="project.created").actor == founder


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"slug": "not a slug"}, {"name": ""}, {"completions_per_comparison": 9}])
def test_a_project_with_values_no_form_would_take_is_not_made(wrong):
    values = {"name": "A", "slug": "a", "base_model": "models/tiny", **wrong}
    with pytest.raises(ValidationError):
        create_project(coordinator=make_user(), **values)
    assert not Project.objects.exists()


def test_settings_are_saved_and_audited_by_field_name(client, project, coordinator):
    client.force_login(coordinator)
    page = press(client, SETTINGS, guidelines="Be kind.")
    assert page.status_code == 302
    assert GuidelinesVersion.objects.current(project).text == "Be kind."
    event = AuditEvent.objects.get(verb="project.changed")
    assert event.data == {"fields": ["guidelines"]}


def test_saving_what_is_saved_already_writes_no_audit_row(client, project, coordinator):
    client.force_login(coordinator)
    assert press(client, SETTINGS).status_code == 302
    assert not AuditEvent.objects.filter(verb="project.changed").exists()


def test_who_changes_something_else_writes_no_guidelines_anew_and_stops_nobody(client, project, coordinator):
    write_guidelines(project=project, text="Be kind.\n\nBe fair.\n", actor=coordinator)
    client.force_login(coordinator)
    press(client, SETTINGS, name="Tides")
    assert GuidelinesVersion.objects.current(project).number == 1
    assert AuditEvent.objects.get(verb="project.changed").data == {"fields": ["name"]}


def test_who_changes_something_else_is_shown_what_others_wrote_since_and_leaves_it(
    client, project, coordinator
):
    client.force_login(coordinator)
    sent = filled(client, SETTINGS)
    meanwhile = {"guidelines": "Be kind.", "hidden_words": ["zephyr"], "consent_text": "We keep all of it."}
    change_settings(project=project, values=meanwhile, actor=coordinator)
    wrong = client.post(SETTINGS, sent | {"name": ""})
    assert wrong.status_code == 422 and 'name="initial-guidelines"' in wrong.text
    changed = client.post(SETTINGS, sent | {"name": "Tides"})
    assert changed.status_code == 409
    again = next(fields for _action, fields in FormReader(changed.text).forms if "guidelines" in fields)
    assert client.post(SETTINGS, again).status_code == 302
    project.refresh_from_db()
    assert project.name == "Tides"
    assert GuidelinesVersion.objects.get(project=project).text == "Be kind."
    assert project.hidden_words == ["zephyr"] and project.consent_text == "We keep all of it."
    assert AuditEvent.objects.filter(verb="project.changed").first().data == {"fields": ["name"]}


def test_what_is_changed_on_the_page_counts_beside_what_it_showed(client, project, coordinator):
    write_guidelines(project=project, text="Be kind.", actor=coordinator)
    change_settings(project=project, values={"hidden_words": ["zephyr", "soft wind"]}, actor=coordinator)
    client.force_login(coordinator)
    press(client, SETTINGS, guidelines="", hidden_words="zephyr\r\n", consent_text="All.")
    project.refresh_from_db()
    assert GuidelinesVersion.objects.current(project).text == ""
    assert project.hidden_words == ["zephyr"] and project.consent_text == "All."


@pytest.mark.parametrize(
    "wrong",
    [
        {"completions_per_comparison": 1},
        {"completions_per_comparison": "9" * 5000},
        {"judgments_per_comparison": 0},
        {"assignment_minutes": "NaN"},
        {"flags_off": ["rude"]},
        {"criteria": "Tone\n tone "},
        {"criteria": "\n".join("abcdefg")},
        {"criteria": "x" * 41},
        {"criteria": "To\0ne"},
        {"criteria": "To\x07ne"},
        {"flags_off": ["spam", "\0"]},
        {"flags_off": ["factual_error"]},
        {"name": "a\0b"},
        {"name": "x" * 121},
        {"guidelines": "x" * 20_001},
        {"guidelines": "a\0b"},
        {"licence": "none"},
        {"practice_length": 0},
        {"practice_length": 21},
        {"practice_pass_mark": 6},
        {"consent_text": "a\0b"},
    ],
)
def test_wrong_settings_are_shown_and_not_saved(client, project, coordinator, wrong):
    client.force_login(coordinator)
    page = client.post(reverse("settings", args=["climate"]), {**FIELDS, "guidelines": "New.", **wrong})
    assert page.status_code == 422
    assert "Nothing was saved yet" in page.text
    project.refresh_from_db()
    assert GuidelinesVersion.objects.current(project) is None and project.name == "Climate tutor"


def test_a_project_switches_flags_off_but_never_the_one_of_facts(client, project, coordinator):
    assert project.flag_kinds == FlagKind.values
    client.force_login(coordinator)
    off = ["off_topic", "leaks_author"]
    press(client, SETTINGS, flags_off=off)
    project.refresh_from_db()
    assert project.flag_kinds == ["factual_error", "harmful", "spam"]
    press(client, SETTINGS, flags_off=FlagKind.values[1:])
    project.refresh_from_db()
    assert project.flag_kinds == ["factual_error"]
    press(client, SETTINGS, flags_off=FlagKind.values[1:])
    assert AuditEvent.objects.filter(verb="project.changed").count() == 2


def test_a_new_kind_of_flag_shows_in_projects_that_exist(project, coordinator, monkeypatch):
    change_settings(project=project, values={"flags_off": ["spam"]}, actor=coordinator)
    kinds = [(kind.name, (kind.value, kind.label)) for kind in FlagKind]
    more = models.TextChoices("FlagKind", [*kinds, ("RUDE", ("rude", "Rude"))])
    monkeypatch.setattr("annotator.models.projects.FlagKind", more)
    project.refresh_from_db()
    assert "rude" in project.flag_kinds and "spam" not in project.flag_kinds


@pytest.mark.parametrize("kinds", [["factual_error"], ["spam"] * 2, ["rude"], "spam", [{}]])
def test_no_service_switches_off_flags_that_are_none_or_the_one_of_facts(project, coordinator, kinds):
    with pytest.raises(ValidationError):
        change_settings(project=project, values={"flags_off": kinds}, actor=coordinator)
    project.refresh_from_db()
    assert project.flag_kinds == FlagKind.values


def test_a_projects_criteria_are_entered_one_a_line(client, project, coordinator):
    client.force_login(coordinator)
    criteria = " Accuracy \r\n\r\nTon & Stil\r\n"
    press(client, SETTINGS, criteria=criteria)
    project.refresh_from_db()
    assert project.criteria == ["Accuracy", "Ton & Stil"]
    assert "Accuracy\nTon &amp; Stil" in client.get(reverse("settings", args=["climate"])).text
    press(client, SETTINGS, criteria=criteria)
    assert AuditEvent.objects.filter(verb="project.changed").count() == 1


@pytest.mark.parametrize("criteria", ["Tone", [None], [1], [""], [" Tone"], ["lone \ud800"], ["a\nb"]])
def test_no_service_stores_criteria_that_are_none(project, coordinator, criteria):
    with pytest.raises(ValidationError):
        change_settings(project=project, values={"criteria": criteria}, actor=coordinator)
    project.refresh_from_db()
    assert project.criteria == []


def test_the_base_model_is_shown_and_cannot_be_changed(client, project, coordinator):
    client.force_login(coordinator)
    assert "<code>models/tiny</code>" in client.get(reverse("settings", args=["climate"])).text
    press(client, SETTINGS, base_model="models/other")
    project.refresh_from_db()
    assert project.base_model == "models/tiny"


def test_home_goes_to_the_only_project(client, project, volunteer):
    client.force_login(volunteer)
    assert client.get(reverse("home")).url == reverse("project", args=["climate"])


def test_home_lists_several_projects_and_only_ones_own(client, project, coordinator, stranger):
    create_project(name="Second", slug="second", base_model="m", coordinator=coordinator)
    client.force_login(coordinator)
    page = client.get(reverse("home"))
    assert "Climate tutor" in page.text and "Second" in page.text
    assert "/p/other/" not in page.text


@pytest.mark.django_db
def test_home_of_someone_without_project_says_what_to_do(client):
    client.force_login(make_user())
    assert "invitation link" in client.get(reverse("home")).text
