import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse

from tests.factories import make_user


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
