"""The pages by which a person gets their data, leaves a project and erases their account."""

import json
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.contrib.auth import get_user
from django.db import models
from django.urls import reverse

from annotator.models import AuditEvent, Completion, Membership, Role, User
from annotator.services.invitations.inviting import invite
from annotator.services.tokens import create_api_token
from annotator.text.strict_json import load_json
from ranking.models import Judgment, Mask, PracticeAttempt, PracticeComparison
from ranking.services import correct_judgment, leave_project, skip_comparison, snapshot_preferences
from ranking.withdrawal_forms import LeaveForm
from tests.api import client_of
from tests.factories import PASSWORD, coordinator_of, make_member, make_project, make_user

from .making import make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def current():
    current = make_round(prompts=3, answers=3, judgments_per_comparison=2)
    current.project.criteria = ["Tone"]
    current.project.save()
    return current


@pytest.fixture
def wanda(current):
    return make_member(current.project, email="wanda@example.org", name="Wanda")


def leave_url(current) -> str:
    return reverse("leave-project", args=[current.project.slug])


def download(client) -> dict[str, list]:
    """The parts of the signed-in person's archive."""
    page = client.get(reverse("export-data"))
    assert page.status_code == 200 and page["Content-Type"] == "application/zip"
    with ZipFile(BytesIO(page.getvalue())) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert "wanda@example.org" in files.pop("README.txt")
    return {name.removesuffix(".json"): load_json(text) for name, text in files.items()}


# One's own data


@pytest.mark.usefixtures("taken_unread")
def test_the_archive_has_what_one_judged_with_corrections_and_what_one_saw(client, current, wanda):
    first = make_judgment(
        make_assignment(current, wanda), 1, 2, 3, rationale="Écris mieux: “oui”", seconds=12.5, flags={}
    )
    shown = first.assignment.order
    correct_judgment(
        judgment=first,
        volunteer=wanda,
        key="0b0e7e2e-3b1e-4b8e-9f0e-1d2f3a4b5c6d",
        ranks=dict(zip(shown, (1, 1, 2), strict=True)),
        flags={shown[0]: ["factual_error"]},
        ratings={shown[1]: {"Tone": 4}},
        rewrite={"original": shown[0], "text": "Better so."},
    )
    skip_comparison(assignment=make_assignment(current, wanda), volunteer=wanda)
    make_assignment(current, wanda)
    client.force_login(wanda)
    parts = download(client)
    before, after = parts["judgments"]
    assert before["rationale"] == "Écris mieux: “oui”" and before["seconds"] == 12.5
    assert (before["counts"], after["counts"], after["corrects"]) == (False, True, before["id"])
    assert [answer["id"] for answer in after["answers"]] == shown
    assert [answer["rank"] for answer in after["answers"]] == [1, 1, 2]
    assert after["answers"][0]["flags"] == ["factual_error"]
    assert after["answers"][1]["ratings"] == {"Tone": 4}
    assert len(after["preferences"]) == 3 and before["rewrite"] is None
    assert after["rewrite"] == {"original": shown[0], "text": "Better so."}
    assert [one["text"] for one in parts["written_answers"]] == ["Better so."]
    assert after["prompt"] == first.comparison.prompt.messages
    assert len(parts["skipped"]) == 1 and len(parts["assignments"]) == 2
    assert [day["judgments"] for day in parts["days"]] == [1]


def test_the_archive_has_the_account_and_nothing_that_signs_in(client, current, wanda):
    User.objects.filter(pk=wanda.pk).update(languages=["en", "fr"], theme="dark")
    wanda.memberships.get().wait()
    token = create_api_token(user=wanda)
    client.post(reverse("account_login"), {"login": wanda.email, "password": PASSWORD})
    parts = download(client)
    (account,) = parts["account"]
    assert (account["email"], account["name"]) == ("wanda@example.org", "Wanda")
    assert account["settings"]["languages"] == ["en", "fr"] and account["settings"]["theme"] == "dark"
    assert account["api_token_made_at"] and len(account["signed_in"]) == 1
    (membership,) = parts["memberships"]
    assert membership["project"] == current.project.slug and membership["waiting_since"]
    assert [bool(one["text"]) for one in parts["consents"]] == [True]
    whole = json.dumps(parts)
    assert token not in whole and wanda.password not in whole
    assert client.session.session_key not in whole


def test_the_archive_names_no_author_and_nobody_else(client, current, wanda):
    other = make_member(current.project, email="other@example.org", name="Olaf Other")
    make_judgment(make_assignment(current, other), 1, 2, 3, rationale="Olaf's own reason")
    make_judgment(make_assignment(current, wanda), 1, 2, 3)
    invite(project=current.project, role=Role.VOLUNTEER, email="invited@example.org", actor=wanda)
    AuditEvent.objects.create(
        project=current.project, actor=other, verb="member.role_changed", target=f"user:{wanda.pk}"
    )
    client.force_login(wanda)
    parts = download(client)
    whole = json.dumps(parts)
    for hidden in ("other@example.org", "Olaf", "invited@example.org", current.author.name):
        assert hidden not in whole
    assert len(parts["judgments"]) == 1
    assert "member.role_changed" in [event["act"] for event in parts["log"]]


def test_who_did_nothing_gets_their_account(client):
    client.force_login(make_user("wanda@example.org"))
    parts = download(client)
    assert len(parts["account"]) == 1
    assert parts["judgments"] == parts["memberships"] == []


def test_every_table_that_points_to_a_person_is_in_the_archive_or_told_by_the_log():
    """Whoever adds such a table adds it to the export, or says here why not."""
    exported = {"Membership", "Consent", "Invitation", "Author", "AuditEvent", "Token", "Authenticator"}
    exported |= {
        "UserSession",
        "Judgment",
        "Skip",
        "Assignment",
        "LapsedAssignment",
        "Tally",
        "PracticeAttempt",
        "UnpairedPreference",
        "Conversation",
        "Taking",
        "Founding",
        "Notice",
        "SavedFilter",
        "StatedGroup",
        "Reliability",
        "PracticeAdvice",
        "Exclusion",
        "Finding",
    }
    told_by_the_log = {
        "AnswerReview",
        "BlindTest",
        "Dataset",
        "Demonstration",
        "GuidelinesVersion",
        "Mask",
        "Update",
        "Release",
        "Event",
    }
    unused = {"EmailAddress", "User_groups", "User_user_permissions"}
    pointing = {
        field.model.__name__
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.OneToOneField)
        and field.remote_field.model in (User, Membership)
    }
    assert pointing == exported | told_by_the_log | unused


def test_the_archive_hides_what_the_desk_hides(client, current, wanda):
    assignment = make_assignment(current, wanda)
    first = min(assignment.order)
    text = Completion.objects.get(pk=first).text
    Mask.objects.create(completion_id=first, project=current.project, spans=[[0, 6]])
    make_judgment(assignment, 1, 2, 3)
    client.force_login(wanda)
    (judgment,) = download(client)["judgments"]
    shown = {answer["id"]: answer["text"] for answer in judgment["answers"]}
    assert text.startswith("Answer") and shown[first] == "(name hidden)" + text[6:]


def test_the_archive_has_what_one_said_in_practice(client, current, wanda):
    comparison = PracticeComparison.objects.create(
        project=current.project,
        messages=[{"role": "user", "content": "Is it?"}],
        answers=["Yes", "No"],
        ranks=[1, 2],
        why="So.",
    )
    attempt = PracticeAttempt.objects.create(membership=wanda.memberships.get(), number=7, needed=1)
    attempt.assignments.create(comparison=comparison, place=0, order=[1, 0], ranks=[2, 1], is_right=False)
    client.force_login(wanda)
    (exported,) = [one for one in download(client)["practice"] if one["attempt"] == 7]
    assert (exported["ranks"], exported["right"], exported["answers"]) == ([2, 1], False, ["Yes", "No"])


def test_the_archive_is_for_who_signed_in_and_is_not_cached(client, wanda):
    url = reverse("export-data")
    assert client.get(url).url.startswith(reverse("account_login"))
    client.force_login(wanda)
    assert client.post(url).status_code == 405
    assert "no-store" in client.get(url)["Cache-Control"]


# Leaving a project


def test_a_member_leaves_and_takes_their_judgments_back(client, current, wanda):
    make_judgment(make_assignment(current, wanda), 1, 2, 3)
    client.force_login(wanda)
    assert "1 judgment of yours counts here" in client.get(leave_url(current)).text
    page = client.post(leave_url(current), {"judgments": "withdraw", "sure": "on"}, follow=True)
    assert "You have left" in page.text
    assert not wanda.memberships.exists() and not Judgment.objects.exists()
    assert client.get(leave_url(current)).status_code == 404


def test_a_member_leaves_and_lets_their_judgments_count(client, current, wanda):
    make_judgment(make_assignment(current, wanda), 1, 2, 3)
    client.force_login(wanda)
    client.post(leave_url(current), {"judgments": "keep", "sure": "on"})
    assert not wanda.memberships.exists() and Judgment.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"judgments": "withdraw"},
        {"sure": "on"},
        {"judgments": "both", "sure": "on"},
        {"judgments": "\0", "sure": "on"},
        {"judgments": "x" * 45_000, "sure": "on"},
    ],
)
def test_nobody_leaves_by_half_a_form(client, current, wanda, wrong):
    make_judgment(make_assignment(current, wanda), 1, 2, 3)
    client.force_login(wanda)
    page = client.post(leave_url(current), wrong)
    assert page.status_code == 422 and "You have not left yet" in page.text
    assert wanda.memberships.exists() and Judgment.objects.exists()


def test_the_only_coordinator_is_told_to_hand_over_first(client, current):
    client.force_login(coordinator_of(current.project))
    page = client.post(leave_url(current), {"judgments": "keep", "sure": "on"})
    assert page.status_code == 422 and "Make someone else one first" in page.text
    assert current.project.memberships.filter(role=Role.COORDINATOR).exists()


def test_the_second_of_a_double_click_is_told_that_the_first_was_enough(client, wanda, current, monkeypatch):
    is_valid = LeaveForm.is_valid

    def is_valid_while_the_first_is_served(form: LeaveForm) -> bool:
        leave_project(membership=wanda.memberships.get(), withdraw=False)
        return is_valid(form)

    monkeypatch.setattr(LeaveForm, "is_valid", is_valid_while_the_first_is_served)
    client.force_login(wanda)
    page = client.post(leave_url(current), {"judgments": "keep", "sure": "on"})
    assert page.status_code == 422 and "no longer a member" in page.text


def test_leaving_is_for_members_and_refuses_other_methods(client, current, wanda):
    client.force_login(coordinator_of(make_project()))
    assert client.get(leave_url(current)).status_code == 404
    assert client.post(leave_url(current), {"judgments": "keep", "sure": "on"}).status_code == 404
    client.force_login(wanda)
    assert client.put(leave_url(current)).status_code == 405


# Erasing an account


def erase(client, email="wanda@example.org", password=PASSWORD):
    """Send the form and give the password that is asked for then."""
    asked = client.post(reverse("erase-account"), {"email": email})
    assert asked.url.startswith(reverse("account_reauthenticate"))
    return client.post(asked.url, {"password": password})


def test_an_account_is_erased_after_its_address_and_its_password(client, current, wanda):
    client.force_login(wanda)
    assert "cannot be undone" in client.get(reverse("erase-account")).text
    page = erase(client, email="Wanda@Example.org")
    assert page.url == reverse("account-erased") and '"storage"' in page["Clear-Site-Data"]
    assert not User.objects.filter(pk=wanda.pk).exists()
    assert not get_user(client).is_authenticated
    assert "Your account is erased" in client.get(page.url).text
    client.post(reverse("account_login"), {"login": "wanda@example.org", "password": PASSWORD})
    assert not get_user(client).is_authenticated


def test_nothing_is_erased_without_the_password(client, current, wanda):
    client.force_login(wanda)
    assert erase(client, password="wrong").status_code == 200
    assert User.objects.filter(pk=wanda.pk).exists()


LONG = pytest.param("x" * 45_000, id="long")


@pytest.mark.parametrize("email", ["", "other@example.org", "wanda@example.org\0", LONG])
def test_nothing_is_erased_by_another_address(client, current, wanda, email):
    client.force_login(wanda)
    page = client.post(reverse("erase-account"), {"email": email})
    assert page.status_code == 422 and "Nothing was erased yet" in page.text
    assert User.objects.filter(pk=wanda.pk).exists()


def test_who_has_no_password_erases_by_their_address(client, current, wanda):
    wanda.set_unusable_password()
    wanda.save()
    client.force_login(wanda)
    page = client.post(reverse("erase-account"), {"email": "wanda@example.org"})
    assert page.url == reverse("account-erased")
    assert not User.objects.filter(pk=wanda.pk).exists()


def test_the_only_coordinator_of_a_project_keeps_the_account_until_handing_over(client, current):
    coordinator = coordinator_of(current.project)
    client.force_login(coordinator)
    page = erase(client, email=coordinator.email)
    assert page.status_code == 422
    assert f"only coordinator of {current.project.name}" in page.text
    assert f'action="{reverse("erase-account")}"' in page.text, "it is shown below another address"
    assert User.objects.filter(pk=coordinator.pk).exists()


def test_erasing_is_for_who_signed_in_and_refuses_other_methods(client, wanda):
    assert client.get(reverse("erase-account")).url.startswith(reverse("account_login"))
    client.force_login(wanda)
    assert client.put(reverse("erase-account")).status_code == 405
    assert client.post(reverse("account-erased")).status_code == 405


# What coordinators see of it


def test_coordinators_see_how_much_of_which_dataset_was_taken_back_and_not_by_whom(client, current, wanda):
    make_judgment(make_assignment(current, wanda), 1, 2, 3)
    dataset = snapshot_preferences(project=current.project)
    leave_project(membership=wanda.memberships.get(), withdraw=True)
    client.force_login(coordinator_of(current.project))
    listed = client.get(reverse("datasets", args=[current.project.slug])).text
    assert "1 withdrawn" in listed and "one volunteer, 1 judgment;" in " ".join(listed.split())
    page = client.get(reverse("dataset", args=[current.project.slug, dataset.number])).text
    assert "1 volunteer has since withdrawn" in page and "withdrawals.json" in page
    assert "Wanda" not in listed + page
    note = client.get(reverse("dataset-file", args=[current.project.slug, 1, "withdrawals.json"]))
    assert load_json(note.getvalue().decode())["manifest_sha256"] == dataset.sha256
    api = client_of(coordinator_of(current.project))
    shown = api.get(reverse("api-dataset", args=[current.project.slug, 1])).json()
    assert shown["withdrawn_judgments"] == 1
    assert api.get(shown["withdrawals_url"]).status_code == 200


def test_a_dataset_of_which_nothing_was_taken_back_says_nothing(client, current, wanda):
    make_judgment(make_assignment(current, wanda), 1, 2, 3)
    dataset = snapshot_preferences(project=current.project)
    client.force_login(coordinator_of(current.project))
    assert "aken back" not in client.get(reverse("datasets", args=[current.project.slug])).text
    address = [current.project.slug, dataset.number, "withdrawals.json"]
    assert client.get(reverse("dataset-file", args=address)).status_code == 404
    api = client_of(coordinator_of(current.project))
    shown = api.get(reverse("api-dataset", args=[current.project.slug, 1])).json()
    assert (shown["withdrawn_judgments"], shown["withdrawals_url"]) == (0, None)
