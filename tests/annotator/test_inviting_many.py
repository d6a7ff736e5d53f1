"""Inviting a list of people by mail."""

import pytest
from django.core import mail
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from annotator.imports.addresses import MAX_ADDRESSES, read_addresses
from annotator.models import AuditEvent, Invitation, Membership, Role, User
from annotator.services.erasing import erase_person
from annotator.services.invitations.inviting import accept_invitation, invite, revoke_invitation
from annotator.services.invitations.inviting_many import invite_by_mail
from tests.factories import PASSWORD, make_user
from tests.mail_jobs import run_mail_jobs
from tests.pressing import press

LIST = """ada@example.org, Bo@Example.org;cy@example.org dora@example.org

"Foreman, Eve" <eve@example.org>, Fay <fay@example.org>
gus@example.org Hal <hal@example.org>"""


def invite_all(project, actor, addresses: str, role=Role.VOLUNTEER):
    return invite_by_mail(project=project, role=role, addresses=addresses, days=7, actor=actor, language="en")


def sent_token(message) -> str:
    """The token of the link in a mail."""
    return next(line for line in message.body.splitlines() if "/join/" in line).rstrip("/").rpartition("/")[2]


def test_a_list_is_read_as_people_paste_it():
    found, errors = read_addresses(LIST)
    names = ["ada", "bo", "cy", "dora", "eve", "fay", "gus", "hal"]
    assert found == [
        (line, f"{name}@example.org") for line, name in zip([1, 1, 1, 1, 3, 3, 4, 4], names, strict=True)
    ]
    assert errors == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("ada@example.org\nbo@\r\n\r\nCy <cy>", [2, 4]),
        ("Ada Lovelace ada@example.org", [1, 1]),
        ("<ada@example.org", [1]),
        ('"ada@example.org', [1]),
        ("", [0]),
        (" ,;\n", [0]),
        ("a@example.org\ud800", [1]),
        (f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.org", [1]),
        ("a@example.org\nb@example.org\x1f@", [2]),
    ],
)
def test_each_thing_that_is_no_address_is_named_with_its_line(text, lines):
    assert [note.line for note in read_addresses(text)[1]] == lines


def test_a_list_has_an_end():
    errors = read_addresses("".join(f"a{n}@example.org\n" for n in range(MAX_ADDRESSES + 1)))[1]
    assert "201 addresses; at most 200" in str(errors[0])


def test_each_gets_a_mail_with_a_link_of_their_own(project, coordinator):
    report = invite_all(project, coordinator, "ada@example.org, bo@example.org", Role.REVIEWER)
    assert (report.invited, report.skipped, report.errors) == (2, [], [])
    assert AuditEvent.objects.filter(verb="invitation.created", actor=coordinator).count() == 2
    run_mail_jobs()
    assert [message.to for message in mail.outbox] == [["ada@example.org"], ["bo@example.org"]]
    assert "Climate tutor" in mail.outbox[0].subject and "reviewer" in mail.outbox[0].body
    member = accept_invitation(
        token=sent_token(mail.outbox[0]), email="ada@example.org", name="Ada", password=PASSWORD
    )
    assert member.role == Role.REVIEWER
    assert Invitation.objects.exclude(mailed_at=None).count() == 2


def test_no_job_holds_an_address_or_a_link(project, coordinator):
    invite_all(project, coordinator, "ada@example.org")
    assert DBTaskResult.objects.get().args_kwargs["args"] == [Invitation.objects.get().pk, "en"]


def test_one_that_is_wrong_means_that_nobody_is_invited(project, coordinator):
    report = invite_all(project, coordinator, "ada@example.org\nbo")
    assert [str(note) for note in report.errors] == ["line 2: “bo” is no e-mail address"]
    assert not Invitation.objects.exists() and not DBTaskResult.objects.exists()


def test_members_doubles_and_those_who_have_an_invitation_are_told_and_skipped(project, coordinator):
    invite(project=project, role=Role.VOLUNTEER, email="bo@example.org", actor=coordinator)
    used, _token = invite(project=project, role=Role.VOLUNTEER, email="cy@example.org", actor=coordinator)
    revoke_invitation(invitation=used, actor=coordinator)
    text = f"{coordinator.email.upper()}\nada@example.org\nbo@example.org\ncy@example.org\nADA@example.org"
    report = invite_all(project, coordinator, text)
    assert [(note.line, note.reason.split()[0]) for note in report.skipped] == [
        (1, coordinator.email),
        (3, "bo@example.org"),
        (5, "ada@example.org"),
    ]
    assert report.invited == 2


@pytest.mark.parametrize("what", ["revoked", "erased", "gone", "demoted"])
def test_an_invitation_that_no_longer_works_is_not_mailed(project, coordinator, what):
    invite_all(project, coordinator, "ada@example.org")
    if what == "revoked":
        revoke_invitation(invitation=Invitation.objects.get(), actor=coordinator)
    elif what == "erased":
        erase_person(user=make_user("ada@example.org"))
    elif what == "gone":
        Invitation.objects.all().delete()
    else:
        Membership.objects.filter(user=coordinator).update(role=Role.VOLUNTEER)
    run_mail_jobs()
    assert mail.outbox == []


def test_the_mail_is_in_the_language_of_the_page_and_no_name_breaks_its_header(project, coordinator):
    type(project).objects.update(name="Climate\nBcc: x@example.org")
    User.objects.filter(pk=coordinator.pk).update(name="<b>Ada</b>")
    invite_by_mail(
        project=project,
        role=Role.VOLUNTEER,
        addresses="ada@example.org",
        days=7,
        actor=coordinator,
        language="fr",
    )
    run_mail_jobs()
    (message,) = mail.outbox
    assert "\n" not in message.subject and "invite" in message.body and "<b>Ada</b>" in message.body
    assert "Open this link" not in message.body


def test_the_page_invites_a_list_and_tells_once_who_was_skipped(client, project, coordinator, volunteer):
    client.force_login(coordinator)
    people, many = (reverse(name, args=["climate"]) for name in ("people", "invite-many"))
    text = f"ada@example.org\r\n{volunteer.email}"
    page = press(client, people, many, addresses=text, role="volunteer", follow=True)
    assert "1 person was invited" in page.text and f"{volunteer.email} is a member already" in page.text
    assert "was invited" not in client.get(people).text
    page = press(client, people, many, addresses=text, role="volunteer", follow=True)
    assert "Nobody on this list was new." in page.text
    run_mail_jobs()
    assert "mailed on" in client.get(people).text


def test_the_page_keeps_a_wrong_list_and_names_its_lines(client, project, coordinator):
    client.force_login(coordinator)
    values = {"addresses": "ada@example.org\r\n<bo>", "role": "volunteer", "days": 7}
    page = client.post(reverse("invite-many", args=["climate"]), values)
    assert page.status_code == 422 and "Line 2: “bo” is no e-mail address" in page.text
    assert "&lt;bo&gt;</textarea>" in page.text and not Invitation.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"addresses": ""}, {"addresses": "a\0"}, {"addresses": "x" * 30_001}, {"role": "owner"}, {"days": 0}],
)
def test_a_wrong_form_invites_nobody(client, project, coordinator, wrong):
    client.force_login(coordinator)
    values = {"addresses": "ada@example.org", "role": "volunteer", "days": 7} | wrong
    assert client.post(reverse("invite-many", args=["climate"]), values).status_code == 422
    assert not Invitation.objects.exists()


def test_a_site_without_a_mail_server_says_so(client, project, coordinator, settings):
    client.force_login(coordinator)
    people = reverse("people", args=["climate"])
    assert "no mail server" not in client.get(people).text
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert "no mail server" in client.get(people).text
