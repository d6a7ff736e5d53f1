"""Attempts are counted once for all processes, and the count holds for those who come at the same moment."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from annotator.models import RateLimit
from annotator.sign_in.rate_limits import RateLimitCache
from tests.factories import PASSWORD, make_user
from tests.racing import at_once


def try_token(email: str, headers: dict[str, str] | None = None) -> int:
    sent = {"email": email, "password": "wrong"}
    return APIClient().post(reverse("api-token"), sent, headers=headers).status_code


@pytest.mark.django_db
def test_another_process_sees_what_was_counted_here():
    cache.set("who", [1.5, 2.25], 60)
    assert RateLimitCache("", {}).get("who") == [1.5, 2.25]
    assert not RateLimitCache("", {}).add("who", True, 60)


@pytest.mark.django_db
def test_a_value_is_gone_when_its_time_is_over_and_can_be_added_anew():
    assert cache.add("lock", True, 60) and not cache.add("lock", True, 60)
    RateLimit.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert cache.get("lock") is None
    assert cache.add("lock", 2, 60) and cache.get("lock") == 2
    assert cache.delete("lock") and not cache.delete("lock")


@pytest.mark.django_db
def test_what_expired_is_removed_and_what_is_kept_names_nobody():
    cache.set("who:192.0.2.7", [1], 60)
    RateLimit.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    cache.set("who:192.0.2.8", [1], 60)
    assert "192" not in RateLimit.objects.get().key_hash
    cache.clear()
    assert not RateLimit.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("left_over", [False, True])
def test_of_many_who_add_at_once_one_does(left_over):
    if left_over:
        cache.set("lock", True, 60)
        RateLimit.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert sum(at_once(lambda value: cache.add("lock", value, 60), range(8))) == 1


@pytest.mark.django_db(transaction=True)
def test_tokens_tried_at_once_do_not_get_around_the_limit(settings):
    settings.ACCOUNT_RATE_LIMITS = {"api_token": "3/m/ip", "login_failed": "100/m/ip"}
    statuses = at_once(try_token, [f"p{n}@example.org" for n in range(8)])
    assert statuses.count(400) <= 3 and set(statuses) == {400, 429}


@pytest.mark.django_db
@pytest.mark.parametrize(("proxies", "claimed"), [(0, "192.0.2.{}"), (1, "192.0.2.{}, 198.51.100.7")])
def test_an_address_of_ones_own_making_does_not_get_around_the_limit(settings, proxies, claimed):
    """Without a proxy nothing is believed; behind one, what that one adds."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    settings.ACCOUNT_RATE_LIMITS = {"api_token": "3/m/ip", "login_failed": "100/m/ip"}
    statuses = [try_token(f"p{n}@example.org", {"X-Forwarded-For": claimed.format(n)}) for n in range(5)]
    assert statuses == [400, 400, 400, 429, 429]


@pytest.mark.django_db
def test_the_sign_in_page_counts_with_the_api_and_says_when_it_is_too_often(client):
    make_user("ada@example.org")
    wrong = {"login": "ada@example.org", "password": "wrong"}
    assert {try_token("ada@example.org") for _ in range(3)} == {400}
    for _ in range(3):
        page = client.post(reverse("account_login"), wrong)
    assert "Too many failed" in page.text
    # The right password is not told from a wrong one meanwhile.
    assert "Too many failed" in client.post(reverse("account_login"), wrong | {"password": PASSWORD}).text
    assert try_token("ada@example.org") == 429


@pytest.mark.django_db
def test_the_page_of_too_many_attempts_is_in_the_sites_frame(client):
    for _ in range(6):
        page = client.post(reverse("account_reset_password"), {"email": "ada@example.org"})
    assert page.status_code == 429
    assert 'class="site-header"' in page.text and "Wait a few minutes" in page.text
