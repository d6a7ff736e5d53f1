"""What members agree to, and that it stays as evidence."""

import pytest
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import override

from annotator.consent_text import consent_text, hash_of_default_words
from annotator.errors import RefusedError
from annotator.models import AuditEvent, Consent, Project
from annotator.services.consent import give_consent
from annotator.services.members import remove_member
from annotator.services.projects import change_settings
from tests.factories import coordinator_of, make_newcomer, make_project, make_ready


@pytest.fixture
def newcomer(project):
    return project.memberships.get(user=make_newcomer(project))


def test_a_consent_keeps_the_words_the_licence_and_the_language_as_they_were(project, coordinator, newcomer):
    words = consent_text(project)
    with translation.override("en"):
        consent = give_consent(membership=newcomer, number=1)
    change_settings(
        project=project, values={"licence": "CC0-1.0", "consent_text": "Other."}, actor=coordinator
    )
    consent.refresh_from_db()
    assert (consent.text, consent.licence, consent.language) == (words, "CC-BY-4.0", "en")
    assert AuditEvent.objects.filter(verb="consent.given", actor=newcomer.user).count() == 1


def test_agreeing_twice_is_one_consent(newcomer):
    assert give_consent(membership=newcomer, number=1) == give_consent(membership=newcomer, number=1)
    assert AuditEvent.objects.filter(verb="consent.given", actor=newcomer.user).count() == 1


@pytest.mark.parametrize("number", [0, 2])
def test_only_what_is_asked_now_can_be_agreed_to(newcomer, number):
    with pytest.raises(RefusedError, match="once more"):
        give_consent(membership=newcomer, number=number)
    assert not Consent.objects.filter(user=newcomer.user).exists()


def test_other_words_that_come_with_chorus_are_put_before_every_member(project, newcomer, monkeypatch):
    own = make_project()
    change_settings(project=own, values={"consent_text": "Ours."}, actor=coordinator_of(own))
    make_ready(own, coordinator_of(own))
    give_consent(membership=newcomer, number=1)
    call_command("migrate", verbosity=0)
    project.refresh_from_db()
    assert project.consent_number == 1 and project.memberships.filter(ready_at__isnull=False).exists()
    monkeypatch.setattr("annotator.consent_text.default_words", lambda project: "We keep all.")
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    project.refresh_from_db()
    assert project.consent_number == 2 and not project.memberships.exclude(ready_at=None).exists()
    assert own.memberships.get().ready_at
    assert AuditEvent.objects.filter(verb="consent.words_changed").count() == 1
    assert give_consent(membership=newcomer, number=2).text == "We keep all."


def test_a_project_of_an_earlier_version_is_not_asked_anew_by_the_upgrade(project):
    Project.objects.update(default_consent_hash="")
    call_command("migrate", verbosity=0)
    project.refresh_from_db()
    assert project.consent_number == 1 and project.default_consent_hash


def test_the_language_in_which_it_is_installed_changes_no_hash():
    with override("fr"):
        french = hash_of_default_words("CC0-1.0")
    assert french == hash_of_default_words("CC0-1.0") != hash_of_default_words("CC-BY-4.0")


def test_a_consent_outlives_the_membership(project, coordinator, newcomer):
    give_consent(membership=newcomer, number=1)
    remove_member(membership=newcomer, actor=coordinator)
    assert Consent.objects.filter(project=project).exclude(user=coordinator).exists()


@pytest.mark.parametrize("values", [{"licence": "CC0-1.0"}, {"consent_text": "We keep all."}])
def test_whoever_asks_for_something_else_asks_everybody_anew(project, coordinator, volunteer, values):
    change_settings(project=project, values=values, actor=coordinator)
    project.refresh_from_db()
    assert project.consent_number == 2
    assert not project.memberships.exclude(ready_at=None).exists()


def test_another_setting_asks_nobody_anew(project, coordinator, volunteer):
    change_settings(project=project, values={"name": "Sea tutor"}, actor=coordinator)
    project.refresh_from_db()
    assert project.consent_number == 1
    assert not project.memberships.filter(ready_at=None).exists()


def test_the_words_name_what_is_stored_the_licence_and_how_to_withdraw(project):
    words = consent_text(project)
    for words_in_it in ("ranks, flags", "Climate tutor", "[CC BY 4.0](https://", "withdraw"):
        assert words_in_it in words
    project.consent_text = "Our own."
    assert consent_text(project) == "Our own."
