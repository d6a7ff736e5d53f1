"""In which language a page is, and how one chooses it."""

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import translation

from annotator.models import Author
from annotator.services.completions import get_or_create_author
from tests.factories import make_member, make_project

pytestmark = pytest.mark.django_db
CODES = [code for code, _name in settings.LANGUAGES]
CHOOSE = reverse("choose-language")


def shown_in(response) -> str:
    """The language and direction that a page declares."""
    return response.text.partition("<html ")[2].partition(" data-")[0]


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("ar", 'lang="ar" dir="rtl"'),
        ("es-MX,en;q=0.5", 'lang="es" dir="ltr"'),
        ("de, fr-CA;q=0.8, en;q=0.5", 'lang="fr" dir="ltr"'),
        ("de", 'lang="en" dir="ltr"'),
        ("\x00*;q=nan", 'lang="en" dir="ltr"'),
    ],
)
def test_a_page_is_in_the_first_language_of_the_browser_that_there_is(client, asked, language):
    response = client.get(reverse("account_login"), headers={"accept-language": asked})
    assert shown_in(response) == language


def test_every_language_is_offered_by_its_own_name_and_the_current_one_is_marked(client):
    page = client.get(reverse("account_login"), headers={"accept-language": "fr"}).text
    for code, name in settings.LANGUAGES:
        is_current = ' aria-current="true"' if code == "fr" else ""
        assert f'value="{code}" lang="{code}"{is_current}>' in page
        assert name[:6] in page


def test_a_chosen_language_stays_and_beats_the_browsers(client):
    response = client.post(CHOOSE, {"language": "ar", "next": "/account/login/"})
    assert (response.status_code, response["Location"]) == (302, "/account/login/")
    assert int(response.cookies[settings.LANGUAGE_COOKIE_NAME]["max-age"]) > 300 * 24 * 60 * 60
    page = client.get(reverse("account_login"), headers={"accept-language": "es"})
    assert shown_in(page) == 'lang="ar" dir="rtl"'


def test_choosing_a_language_keeps_the_page_with_its_question(client):
    project = make_project()
    client.force_login(project.memberships.get().user)
    page = client.get(reverse("prompts", args=[project.slug]), {"q": "a&b", "split": "train"})
    assert f'name="next" value="/p/{project.slug}/prompts/?q=a%26b&amp;split=train"' in page.text


def test_from_a_form_that_was_answered_one_goes_back_to_the_page_that_it_was_on(client):
    project = make_project()
    client.force_login(project.memberships.get().user)
    people = reverse("people", args=[project.slug])
    page = client.post(people, {"role": "king"}, headers={"referer": "http://testserver/p/x/"})
    assert page.status_code == 422
    assert f'name="next" value="{people}"' in page.text


@pytest.mark.parametrize("times", [1, 2])
def test_from_a_form_at_an_address_of_its_own_one_comes_to_the_page_above_it(client, times):
    project = make_project()
    client.force_login(project.memberships.get().user)
    form = reverse("open-round", args=[project.slug])
    for _ in range(times):
        page = client.post(form, {}, headers={"referer": f"http://testserver{form}"})
        assert page.status_code == 422
    _before, _name, found = page.text.partition('name="next" value="')
    page = client.post(
        CHOOSE,
        {"language": "fr", "next": found.partition('"')[0]},
        headers={"accept": "text/html,*/*"},
        follow=True,
    )
    assert page.redirect_chain[-1][0] == reverse("project", args=[project.slug])
    assert shown_in(page) == 'lang="fr" dir="ltr"'


def test_whoever_opens_an_address_for_forms_comes_to_a_page_and_a_program_gets_405(client):
    project = make_project()
    client.force_login(project.memberships.get().user)
    address = reverse("judgment", args=[project.slug, 1])
    assert client.get(address).status_code == 405
    response = client.get(address, headers={"accept": "text/html"})
    assert response["Location"] == reverse("desk", args=[project.slug])
    assert client.get("/language/", headers={"accept": "text/html"})["Location"] == "/"
    assert client.put(address, headers={"accept": "text/html"}).status_code == 405


@pytest.mark.parametrize("code", ["", "xx", "de", "e%00s", "../es", "%ED%A0%80"])
def test_a_language_that_there_is_not_changes_nothing(client, code):
    response = client.post(CHOOSE, f"language={code}", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 302
    assert shown_in(client.get(reverse("account_login"))) == 'lang="en" dir="ltr"'


@pytest.mark.parametrize("address", ["https://a.example/", "//a.example", "javascript:alert(1)", "\x00", ""])
def test_choosing_a_language_leads_nowhere_else(client, address):
    response = client.post(CHOOSE, {"language": "es", "next": address})
    assert (response.status_code, response["Location"]) == (302, "/")


def test_an_endless_address_is_not_a_failure_of_the_site(client):
    endless = "a" * 1_000_000
    assert client.post(CHOOSE, {"language": endless, "next": "/" + endless}).status_code < 500


def test_a_language_is_chosen_by_a_post_only(client):
    assert client.get(CHOOSE, {"language": "es"}).status_code == 405


def test_pages_that_refuse_speak_the_readers_language_too(client):
    client.force_login(make_member(make_project()))
    client.post(CHOOSE, {"language": "ar"})
    assert shown_in(client.get("/p/nowhere/")) == 'lang="ar" dir="rtl"'


def test_the_name_of_a_versions_author_is_shown_in_the_readers_language_and_kept_as_it_is():
    author = get_or_create_author(project=make_project(), kind=Author.Kind.MODEL, name="Version 12")
    with translation.override("es"):
        assert (str(author), author.name) == ("Versión 12", "Version 12")


def test_the_name_that_a_person_gave_is_no_version_in_any_language():
    author = get_or_create_author(project=make_project(), kind=Author.Kind.IMPORT, name="Version 12")
    with translation.override("es"):
        assert str(author) == "Version 12"
