import re

import pytest
from django.conf import settings
from django.contrib.auth import get_user
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from annotator.forms.account import NameForm
from annotator.forms.personal_settings import SettingsForm
from annotator.services.sign_in import create_sign_in_link
from tests.factories import PASSWORD, make_user
from tests.mail_jobs import run_mail_jobs
from tests.pressing import filled, press


@pytest.fixture
def ada(db):
    return make_user("ada@example.org", "Ada")


def path_of(link: str) -> str:
    return re.sub(r"^https?://[^/]+", "", link)


def press_button(client, link: str):
    """Send the form of the page that a sign-in link leads to."""
    return client.post(reverse("use-sign-in-link"), {"token": link.rstrip("/").rpartition("/")[2]})


def test_sign_in_by_address_and_password(client, ada):
    page = client.get(reverse("account_login"))
    assert page.status_code == 200 and "invitation" in page.text
    field = re.search(r'<input[^>]+name="password"[^>]*>', page.text)[0]
    assert 'type="password"' in field and 'autocomplete="current-password"' in field
    client.post(reverse("account_login"), {"login": "ADA@example.org", "password": PASSWORD})
    assert get_user(client) == ada


def test_a_password_counts_as_it_was_typed_however_long(client, ada):
    client.post(reverse("account_login"), {"login": ada.email, "password": PASSWORD})
    typed = "  Пароль with spaces, 🌊 and more of it " * 10
    change = {"oldpassword": PASSWORD, "password1": typed, "password2": typed}
    assert client.post(reverse("account_change_password"), change).status_code == 302
    for password, is_right in ((typed.strip(), False), (typed[:72], False), (typed, True)):
        browser = Client()
        browser.post(reverse("account_login"), {"login": ada.email, "password": password})
        assert get_user(browser).is_authenticated == is_right


def test_a_wrong_password_does_not_sign_in(client, ada):
    page = client.post(reverse("account_login"), {"login": ada.email, "password": "wrong"})
    assert page.status_code == 200 and not get_user(client).is_authenticated


def test_a_page_sends_to_sign_in_and_back(client, ada):
    page = client.get(reverse("account"))
    assert page.url == f"{reverse('account_login')}?next={reverse('account')}"
    page = client.post(page.url, {"login": ada.email, "password": PASSWORD, "next": reverse("account")})
    assert page.url == reverse("account")


def test_a_sign_in_link_needs_a_click_and_works_once(client, ada):
    link = create_sign_in_link(ada)
    page = client.get(path_of(link), follow=True)
    assert page.redirect_chain == [(reverse("use-sign-in-link"), 302)]
    assert "no-store" in page["Cache-Control"]
    assert not get_user(client).is_authenticated
    assert press_button(client, link).url == reverse("home")
    assert get_user(client) == ada
    client.logout()
    assert press_button(client, link).status_code == 410
    assert client.get(path_of(link)).status_code == 410
    assert not get_user(client).is_authenticated


def test_the_page_of_a_sign_in_link_refuses_who_opened_none(client, db):
    assert client.get(reverse("use-sign-in-link")).status_code == 410
    assert client.put(reverse("use-sign-in-link")).status_code == 405


def test_a_sign_in_link_of_someone_who_may_not_sign_in_is_refused(client, ada):
    link = create_sign_in_link(ada)
    ada.is_active = False
    ada.save()
    assert press_button(client, link).status_code == 410


@pytest.mark.parametrize("token", ["x", "é", "%00", "A" * 5000])
def test_a_wrong_sign_in_link_is_refused(client, db, token):
    assert client.get(f"/sign-in/{token}/").status_code in (404, 410)
    assert client.post("/sign-in/", {"token": token}).status_code == 410


def test_the_command_prints_a_link_that_signs_in(client, ada, capsys):
    call_command("sign_in_link", "Ada@example.org")
    press_button(client, capsys.readouterr().out.strip())
    assert get_user(client) == ada


def test_the_command_refuses_an_unknown_address(db):
    with pytest.raises(CommandError, match="Nobody"):
        call_command("sign_in_link", "nobody@example.org")


def test_a_sign_in_link_does_not_go_around_the_second_factor(client, ada):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(ada, generate_totp_secret())
    page = press_button(client, create_sign_in_link(ada))
    assert page.url == reverse("mfa_authenticate")
    assert not get_user(client).is_authenticated


def test_a_forgotten_password_is_reset_by_mail(client, ada):
    client.post(reverse("account_reset_password"), {"email": ada.email})
    run_mail_jobs()
    message = mail.outbox[0]
    assert message.subject.startswith("[Chorus] ")
    assert "Hello from" not in message.body and "Thank you for using" not in message.body
    link = re.search(r"http://\S+", message.body)[0]
    page = client.get(path_of(link), follow=True)
    form = {"password1": "another long phrase", "password2": "another long phrase"}
    client.post(page.redirect_chain[-1][0], form)
    ada.refresh_from_db()
    assert ada.check_password("another long phrase")


def test_the_pages_of_a_new_password_name_whom_to_ask(client, ada):
    assert "ask a coordinator" in client.get(reverse("account_reset_password")).text
    page = client.post(reverse("account_reset_password"), {"email": ada.email}, follow=True)
    assert "ask a coordinator" in page.text and "contact us" not in page.text


def test_nothing_is_mailed_to_an_address_without_account_and_the_page_does_not_tell(client, ada):
    pages = [
        client.post(reverse("account_reset_password"), {"email": email}, follow=True)
        for email in (ada.email, "nobody@example.org")
    ]
    run_mail_jobs()
    assert [message.to for message in mail.outbox] == [[ada.email]]
    assert pages[0].redirect_chain == pages[1].redirect_chain
    assert mail.outbox[0].from_email == settings.DEFAULT_FROM_EMAIL


def test_the_name_can_be_changed(client, ada):
    client.force_login(ada)
    assert client.post(reverse("account"), {"name": "Ada L."}).status_code == 302
    ada.refresh_from_db()
    assert ada.name == "Ada L."


@pytest.mark.parametrize(
    ("page", "form", "sent"),
    [
        ("account", NameForm, {"name": "Ada L."}),
        ("personal-settings", SettingsForm, {"text_size": "large", "theme": "dark", "reduced_motion": "on"}),
    ],
)
def test_a_link_that_signs_in_while_a_form_is_saved_stays_used(client, ada, monkeypatch, page, form, sent):
    client.force_login(ada)
    link = create_sign_in_link(type(ada).objects.get())
    is_valid = form.is_valid

    def is_valid_while_the_link_is_used(self) -> bool:
        assert press_button(Client(), link).status_code == 302
        return is_valid(self)

    monkeypatch.setattr(form, "is_valid", is_valid_while_the_link_is_used)
    assert client.post(reverse(page), sent).status_code == 302
    assert press_button(client, link).status_code == 410


@pytest.mark.parametrize("name", ["a\0b", "x" * 151])
def test_a_wrong_name_is_not_stored(client, ada, name):
    client.force_login(ada)
    assert client.post(reverse("account"), {"name": name}).status_code == 422
    ada.refresh_from_db()
    assert ada.name == "Ada"


def test_an_api_token_is_shown_once_replaced_and_revoked(client, ada):
    client.force_login(ada)
    account, create, revoke = (reverse(name) for name in ("account", "create-api-token", "revoke-api-token"))
    page = press(client, account, create, follow=True)
    token = page.context["token"]
    assert page.redirect_chain == [(account, 302)] and token in page.text
    assert Token.objects.get(user=ada).key == token
    assert token not in client.get(account).text
    assert press(client, account, create, follow=True).context["token"] != token
    sent = filled(client, account, revoke)
    assert client.post(revoke, sent).status_code == 302
    assert not Token.objects.exists()
    assert client.post(revoke, sent).status_code == 409


@pytest.mark.parametrize("name", ["create-api-token", "revoke-api-token"])
def test_tokens_are_made_and_revoked_by_post_only(client, ada, name):
    client.force_login(ada)
    assert client.get(reverse(name)).status_code == 405


def test_the_account_and_sign_in_links_refuse_other_methods(client, ada):
    assert client.put(path_of(create_sign_in_link(ada))).status_code == 405
    client.force_login(ada)
    assert client.put(reverse("account")).status_code == 405


def test_nobody_claims_another_address(client, ada):
    client.force_login(ada)
    assert client.get(reverse("account_email")).url == reverse("account")
    assert (
        client.post(reverse("account_email"), {"email": "bo@example.org", "action_add": ""}).status_code
        == 405
    )
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"


def test_a_second_factor_can_be_set_up_without_a_verified_address(client, ada):
    client.post(reverse("account_login"), {"login": ada.email, "password": PASSWORD})
    url = reverse("mfa_activate_totp")
    page = client.post(client.get(url).url, {"password": PASSWORD}, follow=True)
    assert page.redirect_chain[-1][0] == url and "data:image/svg+xml" in page.text


@pytest.mark.parametrize("name", ["account_login", "account_reset_password"])
def test_forms_for_everybody_bear_bad_input(client, ada, name):
    for email in ("a\0@example.org", "x" * 5000, "{}"):
        page = client.post(reverse(name), {"login": email, "email": email, "password": "\0"})
        assert page.status_code == 200


def test_signing_in_never_sends_to_another_site(client, ada):
    url = reverse("account_login")
    page = client.post(url, {"login": ada.email, "password": PASSWORD, "next": "//evil.example/"})
    assert page.url == reverse("home")


@pytest.mark.parametrize(
    "name",
    [
        *("account", "account_logout", "account_change_password", "account_email", "mfa_index"),
        *("mfa_activate_totp", "usersessions_list", "account_reauthenticate"),
        *("mfa_add_webauthn", "mfa_list_webauthn"),
    ],
)
def test_every_page_of_the_account_is_in_the_sites_frame_without_inline_code(client, ada, name):
    client.post(reverse("account_login"), {"login": ada.email, "password": PASSWORD})
    page = client.get(reverse(name), follow=True)
    assert page.status_code == 200
    assert 'class="site-header"' in page.text and f'action="{reverse("account_logout")}"' in page.text
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", page.text)
    for script in re.findall(r"<script[^>]*>", page.text):
        assert " src=" in script or 'type="application/json"' in script
