"""What a person sets for themselves, and the looks of the pages."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext, override

from tests.factories import make_member, make_prompt, make_user
from tests.pressing import filled, press


@pytest.fixture
def ada(db):
    return make_user("ada@example.org", "Ada")


def html_tag(page) -> str:
    return re.search("<html[^>]*>", page.text)[0]


def test_who_says_nothing_gets_what_their_device_says(client, ada):
    client.force_login(ada)
    page = client.get(reverse("account"))
    assert 'data-theme="auto" data-text="normal" data-motion="auto" data-shortcuts="on"' in html_tag(page)
    assert '<meta name="color-scheme" content="light dark">' in page.text


def test_every_page_says_how_its_reader_wants_it(client, ada):
    type(ada).objects.update(theme="dark", text_size="larger", reduced_motion="on", shortcuts=False)
    client.force_login(ada)
    page = client.get(reverse("account"))
    assert 'data-theme="dark" data-text="larger" data-motion="on" data-shortcuts="off"' in html_tag(page)
    assert '<meta name="color-scheme" content="dark">' in page.text


def test_pages_for_everybody_have_the_looks_of_a_device(client, db):
    page = client.get(reverse("account_login"))
    assert 'data-theme="auto" data-text="normal" data-motion="auto" data-shortcuts="on"' in html_tag(page)


def test_dark_has_the_same_colours_whether_the_device_or_its_owner_chose_it():
    css = (Path(settings.BASE_DIR) / "static/css/chorus.css").read_text()
    by_device = re.search(r':root:not\(\[data-theme="light"\]\) {(.*?)}', css, re.S)[1]
    by_choice = re.search(r':root\[data-theme="dark"\] {(.*?)}', css, re.S)[1]
    colours = re.findall(r"--[\w-]+: #\w+;", by_device)
    assert len(colours) > 10
    assert colours == re.findall(r"--[\w-]+: #\w+;", by_choice)


MANY = [first + second for first in "abcdef" for second in "abcdef"]


@pytest.mark.parametrize(
    "codes", ["en", {"en": 1}, [1], ["EN"], ["en-GB"], ["\0"], ["\ud800"], ["en", "en"], ["x" * 9], MANY]
)
def test_languages_are_a_few_different_codes(ada, codes):
    ada.languages = codes
    with pytest.raises(ValidationError) as error:
        ada.full_clean()
    assert list(error.value.message_dict) == ["languages"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("interface_language", "xx"), ("theme", "pink"), ("text_size", "huge"), ("reduced_motion", "off")],
)
def test_settings_that_the_site_does_not_have_are_refused(ada, field, value):
    setattr(ada, field, value)
    with pytest.raises(ValidationError) as error:
        ada.full_clean()
    assert list(error.value.message_dict) == [field]


def test_a_language_is_read_in_every_region_and_who_named_none_reads_all(ada):
    assert ada.reads("ar")
    ada.languages = ["pt", "en"]
    assert ada.reads("pt") and ada.reads("pt-BR") and ada.reads("EN-gb")
    assert not ada.reads("ar") and not ada.reads("p")


GOOD = {"languages": ["en", "ar"], "text_size": "large", "theme": "dark", "reduced_motion": "on"}


def test_settings_are_saved_and_the_page_says_so(client, ada):
    client.force_login(ada)
    address = reverse("personal-settings")
    sent = filled(client, address, **GOOD, mail_round_opened="on")
    del sent["shortcuts"]  # as a browser does with a box that is not ticked
    page = client.post(address, sent, follow=True)
    assert "Your settings were saved." in page.text and 'data-theme="dark"' in html_tag(page)
    ada.refresh_from_db()
    assert sorted(ada.languages) == ["ar", "en"]
    assert (ada.text_size, ada.theme, ada.reduced_motion) == ("large", "dark", "on")
    assert ada.mail_round_opened and not ada.shortcuts and ada.interface_language == ""


def test_a_page_that_was_left_open_takes_back_nothing_that_was_set_on_another(client, ada):
    client.force_login(ada)
    address = reverse("personal-settings")
    left_open = filled(client, address, text_size="large")
    press(client, address, theme="dark", languages=["fr", "en"])
    client.post(reverse("choose-language"), {"language": "es", "next": "/account/"})
    client.post(address, left_open)
    ada.refresh_from_db()
    assert (ada.theme, ada.text_size, ada.interface_language) == ("dark", "large", "es")
    assert sorted(ada.languages) == ["en", "fr"]
    client.post(address, filled(client, address) | {"languages": []})
    ada.refresh_from_db()
    assert ada.languages == []


def test_the_page_offers_first_the_languages_of_ones_projects(client, project):
    make_prompt(project, "Habari?", language="sw-KE")
    reader = make_member(project)
    client.force_login(reader)
    form = client.get(reverse("personal-settings")).context["form"]
    assert "sw" in [box.data["value"] for box in form.near_languages]
    assert "de" in [box.data["value"] for box in form.other_languages]


def test_a_language_that_nobody_here_knows_can_be_chosen_where_a_project_asks_in_it(client, project):
    make_prompt(project, "Bawo ni?", language="yo")
    reader = make_member(project)
    client.force_login(reader)
    assert client.post(reverse("personal-settings"), GOOD | {"languages": ["yo"]}).status_code == 302
    reader.refresh_from_db()
    assert reader.languages == ["yo"]


def test_a_language_that_one_chose_stays_when_no_project_asks_in_it_any_more(client, ada):
    type(ada).objects.update(languages=["yo"])
    client.force_login(ada)
    form = client.get(reverse("personal-settings")).context["form"]
    assert "yo" in [box.data["value"] for box in form.near_languages]
    assert client.post(reverse("personal-settings"), GOOD | {"languages": ["yo"]}).status_code == 302


@pytest.mark.parametrize(
    "bad",
    [
        {"theme": "pink"},
        {"theme": ""},
        {"text_size": "9" * 5000},
        {"languages": ["en", "\0"]},
        {"languages": "x" * 45_000},
        {"interface_language": "tlh"},
        {"reduced_motion": ["on", "off"]},
    ],
)
def test_wrong_settings_are_shown_and_nothing_is_stored(client, ada, bad):
    client.force_login(ada)
    page = client.post(reverse("personal-settings"), GOOD | bad)
    assert page.status_code == 422
    assert "Nothing was saved yet" in page.text and "errorlist" in page.text
    assert 'data-theme="auto"' in html_tag(page)
    ada.refresh_from_db()
    assert (ada.theme, ada.languages, ada.text_size) == ("auto", [], "normal")


def test_settings_are_for_who_signed_in_and_refuse_other_methods(client, ada):
    assert client.get(reverse("personal-settings")).url.startswith(reverse("account_login"))
    client.force_login(ada)
    assert client.put(reverse("personal-settings")).status_code == 405


def test_a_language_chosen_at_the_foot_of_a_page_goes_with_the_person(client, ada):
    type(ada).objects.update(interface_language="fr")
    client.force_login(ada)
    client.post(reverse("choose-language"), {"language": "es", "next": "/account/"})
    ada.refresh_from_db()
    assert ada.interface_language == "es"
    client.post(reverse("choose-language"), {"language": "tlh", "next": "/account/"})
    ada.refresh_from_db()
    assert ada.interface_language == "es"


def test_the_word_of_success_is_in_the_language_that_was_just_chosen(client, ada):
    client.force_login(ada)
    page = client.post(reverse("personal-settings"), GOOD | {"interface_language": "fr"}, follow=True)
    assert 'lang="fr"' in html_tag(page)
    (message,) = page.context["messages"]
    with override("fr"):
        assert str(message) == gettext("Your settings were saved.") != "Your settings were saved."
