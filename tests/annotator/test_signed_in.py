"""Who is signed in, and who no longer is."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from annotator.models import User
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(client):
    user = make_user("ana@example.org")
    client.force_login(user)
    return user


def is_known(client):
    return client.get(reverse("account")).status_code == 200


def test_a_session_knows_its_user_with_one_query_each(client, user, django_assert_num_queries):
    session = client.session
    with django_assert_num_queries(1):
        assert session.load()["_auth_user_id"] == str(user.pk)
    assert is_known(client)


def test_a_sign_in_begins_another_session(client):
    session = client.session
    session["before"] = "it"
    session.save()
    planted = client.cookies["sessionid"].value
    user = make_user("ana@example.org")
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert len(client.cookies["sessionid"].value) == 32 and client.cookies["sessionid"].value != planted
    assert is_known(client) and not Session.objects.filter(pk=planted).exists()


def test_a_session_ends_with_its_time_its_row_its_user_and_its_users_password(client, user):
    ends = {
        "time": lambda: Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1)),
        "row": lambda: Session.objects.all().delete(),
        "user": lambda: User.objects.all().delete(),
        "activity": lambda: User.objects.update(is_active=False),
        "password": lambda: User.objects.update(password="!another"),
    }
    for end in ends.values():
        User.objects.all().delete()
        client.force_login(make_user("ben@example.org"))
        assert is_known(client)
        end()
        assert not is_known(client)


@pytest.mark.parametrize("key", ["", "short", "x" * 32, "é" * 8, "'; --" * 8])
def test_a_cookie_of_ones_own_making_is_nobodys(client, key):
    client.cookies["sessionid"] = key
    assert not is_known(client)


def test_the_log_tells_of_sign_ins_and_of_refused_ones(client, caplog):
    user = make_user("ana@example.org")
    for password in ("wrong", PASSWORD):
        client.post(reverse("account_login"), {"login": user.email, "password": password})
    client.get(reverse("sign-in-link", args=["no-such-link"]))
    lines = [record.getMessage() for record in caplog.records if record.name == "annotator.sign_in.receivers"]
    refused = ["A sign-in was refused: 127.0.0.1", "A sign-in was refused: a link"]
    assert lines == [refused[0], f"User {user.pk} signed in.", refused[1]]
    assert user.email not in caplog.text
