"""People who do the same thing at the same moment."""

from threading import Barrier, Event

import pytest
import sesame.utils
from django.db import transaction
from django.utils import timezone
from rest_framework.authtoken.models import Token

from annotator.errors import RefusedError
from annotator.imports.prompt_files import draft_from_record
from annotator.models import Author, Completion, Invitation, Membership, Prompt, Role, User
from annotator.services.completions import add_completions, get_or_create_author
from annotator.services.consent import give_consent
from annotator.services.guidelines import write_guidelines
from annotator.services.invitations.inviting import accept_invitation, invite, make_open_link
from annotator.services.members import remove_member
from annotator.services.prompts.adding import add_prompts
from annotator.services.sign_in import create_sign_in_link, use_sign_in_link
from annotator.services.tokens import create_api_token
from tests.factories import (
    PASSWORD,
    coordinator_of,
    make_member,
    make_newcomer,
    make_project,
    make_prompt,
    make_user,
)
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def unless_refused(act):
    try:
        return act()
    except RefusedError:
        return None


def test_of_many_who_open_one_invitation_one_comes_in():
    project = make_project()
    _, token = invite(project=project, role=Role.VOLUNTEER, email="", actor=coordinator_of(project))

    def accept(email):
        return unless_refused(
            lambda: accept_invitation(token=token, email=email, name="X", password=PASSWORD)
        )

    came_in = [one for one in at_once(accept, [f"p{n}@example.org" for n in range(5)]) if one]
    assert len(came_in) == 1
    assert Membership.objects.filter(role=Role.VOLUNTEER).get() == came_in[0]
    assert User.objects.count() == 2


@pytest.mark.parametrize("act", ["claim", "accept"])
def test_an_open_link_lets_in_no_more_than_it_says(act):
    project = make_project()
    day = timezone.localdate()
    link, token = make_open_link(project=project, most_joins=3, last_day=day, actor=coordinator_of(project))

    def accept(email):
        return unless_refused(
            lambda: accept_invitation(token=token, email=email, name="X", password=PASSWORD)
        )

    come = accept if act == "accept" else lambda _email: Invitation.objects.claim(link.pk)
    came_in = [one for one in at_once(come, [f"p{n}@example.org" for n in range(8)]) if one]
    link.refresh_from_db()
    assert (len(came_in), link.joined) == (3, 3)
    assert project.memberships.filter(role=Role.VOLUNTEER).count() == (3 if act == "accept" else 0)
    assert User.objects.count() == (4 if act == "accept" else 1)


def test_one_address_signs_up_once_with_different_invitations():
    project = make_project()
    actor = coordinator_of(project)
    tokens = [invite(project=project, role=Role.VOLUNTEER, email="", actor=actor)[1] for _ in range(4)]

    def accept(token):
        return unless_refused(
            lambda: accept_invitation(token=token, email="x@example.org", name="X", password=PASSWORD)
        )

    assert len([one for one in at_once(accept, tokens) if one]) == 1
    assert project.invitations.usable().count() == 3


def test_a_sign_in_link_that_many_read_before_any_used_it_works_once(monkeypatch):
    all_have_read, read = Barrier(5), sesame.utils.get_user

    def read_and_wait(*args, **options):
        user = read(*args, **options)
        all_have_read.wait(timeout=30)
        return user

    monkeypatch.setattr("sesame.utils.get_user", read_and_wait)
    token = create_sign_in_link(make_user()).rstrip("/").rpartition("/")[2]
    users = at_once(lambda _: unless_refused(lambda: use_sign_in_link(token=token)), range(5))
    assert len([user for user in users if user]) == 1


def test_of_two_last_coordinators_the_second_waits_for_the_first_and_stays():
    project = make_project()
    make_member(project, Role.COORDINATOR)
    memberships = list(project.memberships.select_related("user"))
    first_has_left, second_is_done = Event(), Event()

    def leave(one):
        if one == memberships[0]:
            with transaction.atomic():
                remove_member(membership=one, actor=one.user)
                first_has_left.set()
                second_is_done.wait(timeout=0.5)
        else:
            first_has_left.wait(timeout=30)
            unless_refused(lambda: remove_member(membership=one, actor=one.user))
            second_is_done.set()

    at_once(leave, memberships)
    assert project.memberships.get() == memberships[1]


def test_of_many_who_remove_one_member_one_does_and_the_others_are_refused():
    project = make_project()
    member = make_member(project)

    def remove(membership):
        try:
            remove_member(membership=membership, actor=coordinator_of(project))
        except RefusedError as refused:
            return str(refused)

    answers = at_once(remove, [Membership.objects.get(user=member) for _ in range(4)])
    assert sorted(answers, key=str) == [None, *["This person is no longer a member."] * 3]
    assert project.audit_events.filter(verb="member.removed").count() == 1


def test_of_many_tokens_made_at_once_one_is_left():
    user = make_user()
    tokens = at_once(lambda _click: create_api_token(user=user), range(4))
    assert Token.objects.get().key in tokens


def test_agreeing_many_times_at_once_is_one_consent():
    project = make_project()
    membership = project.memberships.get(user=make_newcomer(project))
    consents = at_once(lambda _click: give_consent(membership=membership, number=1), range(4))
    assert {one.pk for one in consents} == {membership.user.consents.get().pk}
    assert project.audit_events.filter(verb="consent.given", actor=membership.user).count() == 1


def test_guidelines_that_are_saved_at_once_are_versions_of_their_own():
    project = make_project()
    actor = coordinator_of(project)
    texts = ["One.", "Two.", "Three."]
    at_once(lambda text: write_guidelines(project=project, text=text, actor=actor), texts)
    stored = project.guidelines_versions.values_list("number", "text")
    assert sorted(number for number, _text in stored) == [1, 2, 3]
    assert {text for _number, text in stored} == set(texts)


def test_the_same_prompts_imported_twice_at_once_are_stored_once():
    project = make_project()
    drafts = [draft_from_record({"prompt": f"Question {n}?"}) for n in range(20)]
    reports = at_once(lambda _: add_prompts(project=project, drafts=drafts, actor=None), range(3))
    assert sorted(report.taken for report in reports) == [0, 0, 20]
    assert Prompt.objects.count() == 20


def test_the_same_completions_added_at_once_are_stored_once():
    prompt = make_prompt(make_project())
    texts = [(prompt, f"answer {n}") for n in range(20)]

    def add(_):
        author = get_or_create_author(project=prompt.project, kind=Author.Kind.MODEL, name="Version 1")
        return [one.pk for one in add_completions(author=author, texts=texts)]

    first, *others = at_once(add, range(3))
    assert all(other == first for other in others)
    assert Completion.objects.count() == 20
