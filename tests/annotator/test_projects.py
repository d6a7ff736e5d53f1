import pytest
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse

from annotator.models import AuditEvent, FlagKind, GuidelinesVersion, Project, Role
from annotator.services.guidelines import write_guidelines
from annotator.services.projects import change_settings, create_project
from annotator.settings_sections import SECTIONS
from tests.factories import make_user
from tests.pressing import FormReader, filled, press

SETTINGS = "/p/climate/settings/"


def page_of(section: str) -> str:
    """Where a section of the settings is changed."""
    return SETTINGS if section == "about" else f"{SETTINGS}{section}/"


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
    page = press(client, page_of("guidelines"), guidelines="Be kind.")
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
    meanwhile = {"system_prompt": "Be kind.", "description": "For schools."}
    change_settings(project=project, values=meanwhile, actor=coordinator)
    wrong = client.post(SETTINGS, sent | {"name": ""})
    assert wrong.status_code == 422 and 'name="initial-system_prompt"' in wrong.text
    changed = client.post(SETTINGS, sent | {"name": "Tides"})
    assert changed.status_code == 409
    again = next(fields for _action, fields in FormReader(changed.text).forms if "system_prompt" in fields)
    assert client.post(SETTINGS, again).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.system_prompt) == ("Tides", "Be kind.")
    assert project.description == "For schools."
    assert AuditEvent.objects.filter(verb="project.changed").first().data == {"fields": ["name"]}


def test_guidelines_that_somebody_else_wrote_meanwhile_are_not_taken_back(client, project, coordinator):
    client.force_login(coordinator)
    sent = filled(client, page_of("guidelines"), guidelines="Be kind.")
    write_guidelines(project=project, text="Be fair.", actor=coordinator)
    changed = client.post(page_of("guidelines"), sent)
    assert changed.status_code == 409 and "Now it is: Be fair." in changed.text
    assert GuidelinesVersion.objects.current(project).text == "Be fair."


def test_what_is_changed_on_the_page_counts_beside_what_it_showed(client, project, coordinator):
    write_guidelines(project=project, text="Be kind.", actor=coordinator)
    change_settings(project=project, values={"hidden_words": ["zephyr", "soft wind"]}, actor=coordinator)
    client.force_login(coordinator)
    press(client, page_of("guidelines"), guidelines="")
    press(client, page_of("advanced"), hidden_words="zephyr\r\n")
    press(client, page_of("publishing"), consent_text="All.")
    project.refresh_from_db()
    assert GuidelinesVersion.objects.current(project).text == ""
    assert project.hidden_words == ["zephyr"] and project.consent_text == "All."


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("ranking", {"completions_per_comparison": 1}),
        ("ranking", {"completions_per_comparison": "9" * 5000}),
        ("ranking", {"judgments_per_comparison": 0}),
        ("ranking", {"judgments_per_comparison": 3, "most_judgments_per_comparison": 2}),
        ("ranking", {"most_judgments_per_comparison": 51}),
        ("ranking", {"sampling": "by magic"}),
        ("advanced", {"assignment_minutes": "NaN"}),
        ("ranking", {"flags_off": ["rude"]}),
        ("ranking", {"criteria": "Tone\n tone "}),
        ("ranking", {"criteria": "\n".join("abcdefg")}),
        ("ranking", {"criteria": "x" * 41}),
        ("ranking", {"criteria": "To\0ne"}),
        ("ranking", {"criteria": "To\x07ne"}),
        ("ranking", {"flags_off": ["spam", "\0"]}),
        ("ranking", {"flags_off": ["factual_error"]}),
        ("about", {"name": "a\0b"}),
        ("about", {"name": "x" * 121}),
        ("guidelines", {"guidelines": "x" * 20_001}),
        ("guidelines", {"guidelines": "a\0b"}),
        ("publishing", {"licence": "none"}),
        ("volunteers", {"practice_length": 0}),
        ("volunteers", {"practice_length": 21}),
        ("volunteers", {"practice_pass_mark": 6}),
        ("publishing", {"consent_text": "a\0b"}),
    ],
)
def test_wrong_settings_are_shown_and_not_saved(client, project, coordinator, section, wrong):
    client.force_login(coordinator)
    before = Project.objects.values().get(pk=project.pk)
    address = page_of(section)
    page = client.post(address, filled(client, address) | wrong)
    assert page.status_code == 422
    assert "Nothing was saved yet" in page.text
    assert Project.objects.values().get(pk=project.pk) == before
    assert GuidelinesVersion.objects.current(project) is None


def test_every_setting_is_in_one_section_and_each_page_leads_to_all(client, project, coordinator):
    client.force_login(coordinator)
    fields = [name for section in SECTIONS.values() for name in section.fields]
    assert len(fields) == len(set(fields))
    for name, section in SECTIONS.items():
        page = client.get(page_of(name))
        assert tuple(page.context["form"].fields) == section.fields
        assert all(f'href="{page_of(each)}"' in page.text for each in SECTIONS)
        assert f'href="{page_of(name)}" aria-current="page"' in page.text
    assert client.get(f"{SETTINGS}about/").status_code == client.get(f"{SETTINGS}x/").status_code == 404


def test_a_project_switches_flags_off_but_never_the_one_of_facts(client, project, coordinator):
    assert project.flag_kinds == FlagKind.values
    client.force_login(coordinator)
    off = ["off_topic", "leaks_author"]
    press(client, page_of("ranking"), flags_off=off)
    project.refresh_from_db()
    assert project.flag_kinds == ["factual_error", "harmful", "spam"]
    press(client, page_of("ranking"), flags_off=FlagKind.values[1:])
    project.refresh_from_db()
    assert project.flag_kinds == ["factual_error"]
    press(client, page_of("ranking"), flags_off=FlagKind.values[1:])
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
    press(client, page_of("ranking"), criteria=criteria)
    project.refresh_from_db()
    assert project.criteria == ["Accuracy", "Ton & Stil"]
    assert "Accuracy\nTon &amp; Stil" in client.get(page_of("ranking")).text
    press(client, page_of("ranking"), criteria=criteria)
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
