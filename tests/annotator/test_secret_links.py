"""What lets somebody in, or acts for them, does not stay in the log."""

import io
import logging

import pytest
import sesame.utils
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from annotator.models import Role
from annotator.services.invitations.inviting import invite
from annotator.services.telling.mail import SALT
from annotator.services.tokens import create_api_token
from annotator.sign_in.secret_links import SecretConverter, hide_secrets, secret_routes
from config.logs import Handler, JSONFormatter
from tests.factories import make_project, make_user

LINKS = ["join", "sign-in-link", "unsubscribe", "account_reset_password_from_key", "account_confirm_email"]
TEXT = logging.Formatter("%(levelname)s %(name)s: %(message)s")


@pytest.fixture(params=[TEXT, JSONFormatter()], ids=["text", "json"])
def log(request):
    """What the site's handler writes, in both of its ways."""
    handler = Handler(io.StringIO())
    handler.setFormatter(request.param)
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)


def address_of(name: str, token: str) -> str:
    if name == "account_reset_password_from_key":
        return reverse(name, kwargs={"uidb36": "1a", "key": token})
    return reverse(name, args=[token])


@pytest.fixture
def tokens(db) -> dict[str, str]:
    """A real secret for each kind of link."""
    from allauth.account.forms import default_token_generator

    project = make_project()
    ada = make_user("ada@example.org")
    _, invitation = invite(project=project, role=Role.VOLUNTEER, email="", actor=ada)
    return {
        "join": invitation,
        "sign-in-link": sesame.utils.get_token(ada),
        "unsubscribe": signing.dumps(ada.pk, salt=SALT),
        "account_reset_password_from_key": default_token_generator.make_token(ada),
        "account_confirm_email": signing.dumps(ada.pk, salt="email"),
    }


def test_every_secret_of_an_address_is_declared():
    """A parameter with a name like a secret's is one, in every address that leads to a page."""

    def walk(patterns, before=""):
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, before + str(pattern.pattern))
            elif isinstance(pattern, URLPattern):
                yield before + str(pattern.pattern), pattern

    undeclared = {
        route
        for route, pattern in walk(get_resolver().url_patterns)
        for name in pattern.pattern.regex.groupindex
        if name in {"token", "key", "secret", "code"}
        and not isinstance(pattern.pattern.converters.get(name), SecretConverter)
    }
    # allauth's, which ours with the same addresses come before.
    assert undeclared == {
        r"account/^confirm-email/(?P<key>[-:\w]+)/$",
        r"account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
    }
    assert len(list(secret_routes())) == len(LINKS)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("end", ["", "x/", "x", "/?a=b"])
def test_a_line_of_a_refused_request_has_no_secret(client, tokens, log, name, end):
    token = tokens[name]
    for method in ("put", "delete", "get"):
        getattr(client, method)(address_of(name, token) + end, headers={"Accept": "text/plain"})
    client.get("/nowhere" + address_of(name, token))
    client.get("/nowhere/", headers={"Referer": f"https://chorus.example{address_of(name, token)}"})
    assert token not in log.getvalue()
    assert "[secret]" in log.getvalue()


@pytest.mark.parametrize("name", LINKS)
def test_a_traceback_has_no_secret_however_the_error_repeats_it(tokens, log, name, monkeypatch):
    token = tokens[name]

    @login_not_required
    def fail(request, *_args, **_kwargs):
        raise ValueError(f"{request!r} of {request.build_absolute_uri()} with {token}")

    monkeypatch.setattr(URLPattern, "resolve", _resolving_to(fail))
    assert Client(raise_request_exception=False).get(address_of(name, token)).status_code == 500
    assert "ValueError" in log.getvalue() and token not in log.getvalue()


def _resolving_to(view):
    resolve = URLPattern.resolve

    def resolved(self, path):
        if match := resolve(self, path):
            match.func = view
        return match

    return resolved


def test_a_posted_secret_is_not_in_the_traceback_of_what_came_of_it(tokens, log, monkeypatch):
    def fail(token):
        raise ValueError(f"cannot find {token}")

    monkeypatch.setattr("annotator.views.joining.find_invitation", fail)
    client = Client(raise_request_exception=False)
    form = {"token": tokens["join"], "password": "a long enough secret", "name": "Ada"}
    assert client.post(reverse("accept-invitation"), form).status_code == 500
    assert "cannot find [secret]" in log.getvalue()


def test_a_password_is_not_in_a_traceback_whatever_signs_it_has(db, log, monkeypatch):
    password = 'it\'s \\ a "secret" phrase'

    def fail(token):
        raise ValueError(f"{password} {password!r}")

    monkeypatch.setattr("annotator.views.joining.find_invitation", fail)
    client = Client(raise_request_exception=False)
    client.post(reverse("accept-invitation"), {"token": "a", "password": password})
    assert "ValueError: [secret]" in log.getvalue() and "phrase" not in log.getvalue()


def test_an_api_token_is_not_in_a_line_that_quotes_its_header(tokens, log):
    token = create_api_token(user=make_user())
    logging.getLogger("somewhere").error("Bad header: Authorization: Token %s", token)
    logging.getLogger("somewhere").error("Bad header: %s", {"authorization": f"bearer {token}"})
    assert token not in log.getvalue()


def test_a_visitor_cannot_choose_what_the_lines_of_others_hide(client, db, log):
    for word in ("Internal", "django.request", "Not Found"):
        client.get(reverse("join", args=[word]))
    logging.getLogger("django.request").error("Internal Server Error: /p/x/")
    assert "Internal Server Error: /p/x/" in log.getvalue()


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("Not Found: /JOIN/abc/", "Not Found: /JOIN/[secret]/"),
        ("//join//abc", "//join//[secret]"),
        ("?next=%2Fjoin%2Fabc%2F", "?next=%2Fjoin%2F[secret]"),
        ("<WSGIRequest: GET '/sign-in/abc/?x=1'>", "<WSGIRequest: GET '/sign-in/[secret]/?x=1'>"),
        ("/account/password/reset/key/1-set-password/", "/account/password/reset/key/1-[secret]/"),
        ("Forbidden: /join/", "Forbidden: /join/"),
        ("The token was refused: /p/climate/", "The token was refused: /p/climate/"),
    ],
)
def test_what_is_hidden_is_the_secret_alone(line, written):
    assert hide_secrets(line) == written
