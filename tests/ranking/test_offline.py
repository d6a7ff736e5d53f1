"""What the browser needs to send later what was judged without a connection."""

import pytest
from django.urls import reverse

from tests.factories import make_member

pytestmark = pytest.mark.django_db


def test_the_sender_is_who_is_signed_in(client, volunteer):
    response = client.get(reverse("sender"))
    assert response.json()["volunteer"] == volunteer.pk and response.json()["token"]
    assert "no-store" in response["Cache-Control"]
    assert client.post(reverse("sender")).status_code == 405
    client.logout()
    assert client.get(reverse("sender")).status_code == 302


@pytest.mark.parametrize(("name", "kind"), [("service-worker", "text/javascript"), ("offline", "text/html")])
def test_the_service_worker_and_its_page_are_for_everyone_alike(client, name, kind):
    response = client.get(reverse(name))
    assert response.status_code == 200 and response["Content-Type"].startswith(kind)
    assert client.post(reverse(name)).status_code == 405


def test_the_service_worker_serves_the_whole_site(client):
    assert reverse("service-worker").count("/") == 1
    response = client.get(reverse("service-worker"))
    assert "worker-src 'self'" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]


def test_the_page_for_no_connection_names_nobody_to_those_who_ask_without_cookies(client, current):
    client.force_login(make_member(current.project, email="vera@example.org", name="Vera"))
    assert "Vera" in client.get(reverse("offline")).content.decode()
    client.logout()
    assert "Vera" not in client.get(reverse("offline")).content.decode()
