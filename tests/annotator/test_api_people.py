"""The API of people and material: token, projects, prompts."""

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from annotator.models import AuditEvent, Role
from tests.api import client_of
from tests.factories import PASSWORD, coordinator_of, make_member, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db


def ask_for_token(email: str, password: str = PASSWORD):
    return APIClient().post(reverse("api-token"), {"email": email, "password": password})


def test_a_token_for_address_and_password_in_any_case():
    make_user("ada@example.org")
    answer = ask_for_token("Ada@Example.org")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    client = APIClient(headers={"authorization": f"Token {answer.json()['token']}"})
    assert client.get(reverse("api-projects")).json()["results"] == []
    assert AuditEvent.objects.get().verb == "api_token.created"


def test_a_wrong_password_and_an_unknown_address_are_refused_alike():
    make_user("ada@example.org")
    make_user("gone@example.org", is_active=False)
    answers = [
        ask_for_token("ada@example.org", "wrong"),
        ask_for_token("nobody@example.org"),
        ask_for_token("gone@example.org"),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert len({answer.content for answer in answers}) == 1
    assert not Token.objects.exists()


def test_a_token_needs_both_fields():
    answer = APIClient().post(reverse("api-token"), {"email": "no address"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"email", "password"}


def test_an_account_with_a_second_step_makes_its_token_on_the_account_page():
    person = make_user("ada@example.org")
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
    answer = ask_for_token("ada@example.org")
    assert answer.status_code == 403
    assert "account page" in answer.json()["detail"]
    assert ask_for_token("ada@example.org", "wrong").status_code == 400
    assert not Token.objects.exists()


def test_guessing_passwords_is_slowed_down_even_for_the_right_one():
    make_user("ada@example.org")
    statuses = [ask_for_token("ada@example.org", f"guess {n}").status_code for n in range(25)]
    assert statuses[0] == 400
    assert statuses[-1] == 429
    assert ask_for_token("ada@example.org").status_code == 429


def test_only_your_projects_are_listed_with_your_role():
    project, person = make_project("tutor"), make_user()
    make_project("other")
    member = make_member(project, Role.REVIEWER)
    answer = client_of(member).get(reverse("api-projects"))
    assert [(one["slug"], one["role"]) for one in answer.json()["results"]] == [("tutor", "reviewer")]
    assert client_of(person).get(reverse("api-projects")).json()["results"] == []
    shown = client_of(member).get(reverse("api-project", args=["tutor"])).json()
    assert shown == answer.json()["results"][0]


def post_prompts(project, prompts, **fields):
    client = client_of(coordinator_of(project))
    return client.post(reverse("api-prompts", args=[project.slug]), {"prompts": prompts, **fields})


def test_prompts_are_stored_and_listed():
    project = make_project()
    talk = [
        {"role": "user", "content": "What is methane?"},
        {"role": "assistant", "content": "A gas."},
        {"role": "user", "content": "From where?"},
    ]
    answer = post_prompts(
        project, [{"prompt": "Why?", "language": "en", "source": "school"}, {"messages": talk}]
    )
    assert answer.status_code == 201
    report = answer.json()
    assert (report["taken"], report["skipped"]) == (2, [])
    listed = (
        client_of(make_member(project, Role.REVIEWER)).get(reverse("api-prompts", args=[project.slug])).json()
    )
    assert [one["id"] for one in listed["results"]] == report["ids"]
    assert listed["results"][0] | {"created_at": ""} == {
        "id": report["ids"][0],
        "number": 1,
        "messages": [{"role": "user", "content": "Why?"}],
        "language": "en",
        "source": "school",
        "tags": [],
        "split": project.prompts.first().split,
        "tokens": None,
        "too_long": False,
        "withdrawn_at": None,
        "created_at": "",
    }
    assert listed["results"][1]["messages"] == talk


def test_known_and_repeated_prompts_are_skipped_with_the_reason():
    project = make_project()
    make_prompt(project, "Known?")
    report = post_prompts(project, [{"prompt": "Known?"}, {"prompt": "New?"}, {"prompt": "New?"}]).json()
    assert report["taken"] == 1
    assert report["skipped"] == [
        {"line": 1, "reason": "the project has this prompt already"},
        {"line": 3, "reason": "the same as line 2"},
    ]


def test_an_empty_prompt_is_refused():
    project = make_project()
    answer = post_prompts(project, [{"prompt": ""}, {"prompt": "Right?"}, {"messages": None}, {"prompt": 7}])
    assert answer.status_code == 400
    assert answer.json() == {
        "prompts": [
            {"line": 1, "reason": "the prompt is empty"},
            {"line": 3, "reason": "there is no prompt in it"},
            {"line": 4, "reason": "prompt must be a text or a list of messages, not a number"},
        ]
    }
    assert not project.prompts.exists()


def test_one_wrong_prompt_and_none_is_stored():
    project = make_project()
    answer = post_prompts(
        project, [{"prompt": "Right?"}, {"prompt": 7}, None, {"prompt": "a", "messages": []}]
    )
    assert answer.status_code == 400
    assert answer.json() == {
        "prompts": [
            {"line": 2, "reason": "prompt must be a text or a list of messages, not a number"},
            {"line": 3, "reason": "expected an object, not null"},
            {"line": 4, "reason": "both prompt and messages are given; give one"},
        ]
    }
    assert not project.prompts.exists()


def test_wrong_prompts_can_be_left_out_and_are_named():
    project = make_project()
    answer = post_prompts(project, [{"prompt": "fine"}, {"prompt": 3}], skip_bad_rows=True)
    assert answer.status_code == 201 and answer.json()["taken"] == 1
    assert [note["line"] for note in answer.json()["left_out"]] == [2]


def test_a_thousand_prompts_at_once_and_no_more():
    project = make_project()
    assert post_prompts(project, [{"prompt": f"{n}?"} for n in range(1001)]).status_code == 400
    assert not project.prompts.exists()
    assert post_prompts(project, [{"prompt": f"{n}?"} for n in range(1000)]).json()["taken"] == 1000
