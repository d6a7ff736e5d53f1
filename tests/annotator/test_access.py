"""Who may see what: over the whole site, and page by page of people and material."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.views.defaults import bad_request, server_error
from rest_framework.permissions import AllowAny

from annotator.models import Role
from annotator.services.guidelines import write_guidelines
from tests.factories import coordinator_of, make_member, make_prompt

# They say for themselves who may use them, each class with allauth's own decorators.
THIRD_PARTY = ("allauth.",)


def all_patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from all_patterns(entry, prefix + str(entry.pattern))
        else:
            yield prefix + str(entry.pattern), entry


def says_who_may_use_it(view) -> bool:
    if api_view := getattr(view, "cls", None):
        is_open = AllowAny in view.initkwargs.get("permission_classes", api_view.permission_classes)
        return not is_open or "permission_classes" in {*vars(api_view), *view.initkwargs}
    for_project = bool(getattr(view, "roles", ()))
    for_everyone = not getattr(view, "login_required", True)
    for_signed_in = hasattr(view, "redirect_field_name")
    return for_project or for_everyone or for_signed_in


def test_every_view_of_the_site_says_who_may_use_it():
    silent = [
        route
        for route, pattern in all_patterns()
        if not pattern.callback.__module__.startswith(THIRD_PARTY)
        and not says_who_may_use_it(pattern.callback)
    ]
    assert silent == []


def test_every_view_below_a_project_checks_membership():
    views = {route: pattern.callback for route, pattern in all_patterns() if "<slug:slug>" in route}
    assert len(views) >= 10
    assert [
        route for route, view in views.items() if not getattr(getattr(view, "cls", view), "roles", ())
    ] == []


def test_a_view_that_says_nothing_would_be_found():
    assert not says_who_may_use_it(lambda request: None)


V, R, C = Role.VOLUNTEER, Role.REVIEWER, Role.COORDINATOR
PAGES = [
    ("guidelines", "get", {V, R, C}),
    ("guidelines-version", "get", {V, R, C}),
    ("prompts", "get", {R, C}),
    ("prompt", "get", {R, C}),
    ("import-prompts", "get", {C}),
    ("import-prompts", "post", {C}),
    ("write-prompts", "get", {C}),
    ("write-prompts", "post", {C}),
    ("edit-prompt", "get", {C}),
    ("edit-prompt", "post", {C}),
    ("withdraw-prompt", "post", {C}),
    ("restore-prompt", "post", {C}),
    ("people", "get", {C}),
    ("people", "post", {C}),
    ("log", "get", {C}),
    ("invite-many", "post", {C}),
    ("make-open-link", "post", {C}),
    ("revoke-invitation", "post", {C}),
    ("change-role", "post", {C}),
    ("remove-member", "post", {C}),
    ("settings", "get", {C}),
    ("settings", "post", {C}),
    ("settings-section", "get", {C}),
    ("settings-section", "post", {C}),
    ("webhooks", "get", {C}),
    ("webhooks", "post", {C}),
    ("test-webhook", "post", {C}),
    ("remove-webhook", "post", {C}),
]


def address(name: str, project) -> str:
    if name in ("prompt", "edit-prompt", "withdraw-prompt", "restore-prompt"):
        return reverse(name, args=[project.slug, make_prompt(project).number])
    if name == "settings-section":
        return reverse(name, args=[project.slug, "ranking"])
    if name == "guidelines-version":
        actor = coordinator_of(project)
        return reverse(
            name, args=[project.slug, write_guidelines(project=project, text="Be.", actor=actor).number]
        )
    if name in ("revoke-invitation", "change-role", "remove-member", "test-webhook", "remove-webhook"):
        return reverse(name, args=[project.slug, 1])
    return reverse(name, args=[project.slug])


@pytest.mark.parametrize(("name", "method", "allowed"), PAGES)
@pytest.mark.parametrize("role", [V, R, C])
def test_roles(client, project, name, method, allowed, role):
    client.force_login(make_member(project, role))
    page = getattr(client, method)(address(name, project))
    if role in allowed:
        assert page.status_code not in (403, 405)
    else:
        assert page.status_code == 403
        assert "not for your role" in page.text


@pytest.mark.parametrize(("name", "method", "allowed"), PAGES)
def test_someone_elses_project_is_not_found(client, project, stranger, name, method, allowed):
    client.force_login(stranger)
    page = getattr(client, method)(address(name, project))
    assert page.status_code == 404 and "There is no such page" in page.text


@pytest.mark.parametrize(("name", "method", "allowed"), PAGES)
def test_without_signing_in_every_page_asks_for_it(client, project, name, method, allowed):
    assert getattr(client, method)(address(name, project)).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ["guidelines", "guidelines-version", "prompts", "prompt", "log", "home"])
def test_pages_to_read_refuse_post(client, project, coordinator, name):
    client.force_login(coordinator)
    url = reverse("home") if name == "home" else address(name, project)
    assert client.post(url).status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        "invite-many",
        "make-open-link",
        "revoke-invitation",
        "change-role",
        "remove-member",
        "withdraw-prompt",
        "restore-prompt",
    ],
)
def test_acts_refuse_get(client, project, coordinator, name):
    client.force_login(coordinator)
    assert client.get(address(name, project)).status_code == 405


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
@pytest.mark.parametrize(
    "name", ["import-prompts", "write-prompts", "edit-prompt", "settings", "settings-section"]
)
def test_forms_refuse_other_methods(client, project, coordinator, name, method):
    client.force_login(coordinator)
    assert getattr(client, method)(address(name, project)).status_code == 405


def test_a_form_without_csrf_token_is_refused_with_words(project, coordinator):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(coordinator)
    page = client.post(reverse("people", args=["climate"]), {"role": "volunteer", "days": 7})
    assert page.status_code == 403 and "open for too long" in page.text
    assert not project.invitations.exists()


def test_the_pages_of_failures_need_neither_user_nor_database(rf):
    assert "on our side" in server_error(rf.get("/")).text
    assert "could not be read" in bad_request(rf.get("/"), ValueError()).text


@pytest.mark.parametrize("name", ["join", "sign-in-link", "unsubscribe"])
def test_a_page_whose_address_is_a_secret_is_not_cached_and_no_other_site_learns_the_address(
    client, db, name
):
    page = client.get(reverse(name, args=["secret"]))
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "same-origin"


def test_pages_carry_a_strict_content_security_policy(client, project, coordinator):
    client.force_login(coordinator)
    policy = client.get(reverse("people", args=["climate"]))["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert {"script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
