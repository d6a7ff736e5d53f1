"""Leaving a project and erasing an account: what goes, what stays, and what is marked."""

import hashlib
import json

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import ProtectedError

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Author, Completion, Invitation, Membership, Role, User
from annotator.services.completions import add_completions, get_or_create_person
from annotator.services.invitations.inviting import invite
from annotator.services.members import change_role
from annotator.services.tokens import create_api_token
from ranking.models import (
    Assignment,
    Comparison,
    ComparisonItem,
    Dataset,
    Judgment,
    LapsedAssignment,
    RankedCompletion,
    Skip,
    Tally,
    Withdrawal,
)
from ranking.services import (
    claim_next,
    close_round,
    erase_account,
    leave_project,
    skip_comparison,
    snapshot_preferences,
    submit_judgment,
)
from ranking.services import datasets as dataset_services
from tests.factories import coordinator_of, make_member

from .making import let_lapse, make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db
EMAIL, NAME = "wanda.gone@example.org", "Wanda Gone"


@pytest.fixture
def current():
    return make_round(prompts=3, answers=3, judgments_per_comparison=2)


@pytest.fixture
def wanda(current):
    return make_member(current.project, email=EMAIL, name=NAME)


@pytest.fixture
def other(current):
    return make_member(current.project)


def judge_all(current, volunteer, *ranks):
    return [
        make_judgment(make_assignment(current, volunteer), *ranks) for _ in range(current.comparisons.count())
    ]


def leave(user, current, withdraw=True):
    leave_project(membership=user.memberships.get(project=current.project), withdraw=withdraw)


def pairs_in(dataset):
    lines = [(dataset.folder / f"{split}.jsonl").read_text().splitlines() for split in ("train", "held_out")]
    return [json.loads(line) for part in lines for line in part]


def test_what_somebody_judged_is_gone_when_they_take_it_back(current, wanda, other):
    judge_all(current, wanda, 1, 2, 3)
    judge_all(current, other, 3, 2, 1)
    leave(wanda, current)
    assert not Judgment.objects.filter(volunteer=wanda).exists()
    assert Judgment.objects.filter(volunteer=other).count() == 3
    assert set(RankedCompletion.objects.values_list("judgment__volunteer", flat=True)) == {other.pk}
    assert not wanda.memberships.exists() and User.objects.filter(pk=wanda.pk).exists()


def test_a_later_dataset_has_none_of_it(current, wanda, other):
    judge_all(current, wanda, 1, 2, 3)
    make_judgment(make_assignment(current, other), 3, 2, 1)
    leave(wanda, current)
    dataset = snapshot_preferences(project=current.project)
    assert dataset.judgments == 1 and dataset.pairs == 3
    assert all(row["votes"] == {"chosen": 1, "rejected": 0, "ties": 0} for row in pairs_in(dataset))
    assert dataset.withdrawn_people == 0


def test_an_earlier_dataset_is_marked_and_its_files_stay_as_they_were(current, wanda, other):
    judge_all(current, wanda, 1, 2, 3)
    judge_all(current, other, 1, 3, 2)
    dataset = snapshot_preferences(project=current.project)
    leave(wanda, current)
    dataset = Dataset.objects.get(pk=dataset.pk)
    assert (dataset.withdrawn_people, dataset.withdrawn_judgments, dataset.judgments) == (1, 3, 6)
    for name, facts in dataset.manifest["files"].items():
        assert hashlib.sha256((dataset.folder / name).read_bytes()).hexdigest() == facts["sha256"]
    assert hashlib.sha256((dataset.folder / "manifest.json").read_bytes()).hexdigest() == dataset.sha256
    note = json.loads(dataset.open_file("withdrawals.json").read())
    assert note["judgments"] == 3 and [part["judgments"] for part in note["withdrawals"]] == [3]
    assert EMAIL not in json.dumps(note) and NAME not in json.dumps(note)


def test_a_dataset_without_their_judgments_is_not_marked(current, wanda, other):
    judge_all(current, other, 1, 2, 3)
    before = snapshot_preferences(project=current.project)
    judge_all(current, wanda, 1, 2, 3)
    after = snapshot_preferences(project=current.project)
    leave(wanda, current)
    assert before.withdrawn_people == 0
    assert "withdrawals.json" not in before.file_names
    with pytest.raises(FileNotFoundError):
        before.open_file("withdrawals.json")
    assert after.withdrawn_judgments == 3


def test_a_dataset_counts_the_revision_that_was_in_it(current, wanda):
    first = make_judgment(make_assignment(current, wanda), 1, 2, 3)
    early = snapshot_preferences(project=current.project)
    second = make_correction(first, 3, 2, 1)
    late = snapshot_preferences(project=current.project)
    make_correction(second, 2, 1, 1)
    leave(wanda, current)
    assert not Judgment.objects.exists()
    assert (early.withdrawn_judgments, late.withdrawn_judgments) == (1, 1)
    assert Withdrawal.objects.get().judgments == 1


def test_their_assignments_are_free_for_others_and_the_round_counts_them_as_not_done(current, wanda, other):
    judge_all(current, wanda, 1, 2, 3)
    judge_all(current, other, 1, 2, 3)
    assert Tally.objects.progress(current, other).done == 6
    leave(wanda, current)
    assert Tally.objects.progress(current, other).done == 3
    third = make_member(current.project)
    judge_all(current, third, 2, 1, 3)
    assert claim_next(project=current.project, volunteer=third) is None
    assert Tally.objects.progress(current, third).percent == 100


def test_a_closed_round_has_no_assignment_done_without_a_judgment(current, wanda):
    judge_all(current, wanda, 1, 2, 3)
    close_round(project=current.project)
    leave(wanda, current)
    assert not Assignment.objects.filter(state="done").exists()
    assert not Assignment.objects.filter(volunteer=wanda).exists()


def test_assignments_held_skipped_and_lost_are_forgotten_with_the_judgments(current, wanda, other):
    assignment = make_assignment(current, wanda)
    skip_comparison(assignment=assignment, volunteer=wanda)
    lost = make_assignment(current, wanda)
    let_lapse(lost)
    while (taken := claim_next(project=current.project, volunteer=other)) is not None and taken.pk != lost.pk:
        make_judgment(taken, 1, 2, 3)
    make_judgment(taken, 1, 2, 3)
    late = submit_judgment(
        assignment=lost, volunteer=wanda, key=lost.key, ranks=dict(zip(lost.order, (1, 2, 3), strict=True))
    )
    assert late.late and LapsedAssignment.objects.filter(volunteer=wanda).exists()
    make_assignment(current, wanda)
    leave(wanda, current)
    for model in (Judgment, LapsedAssignment, Skip, Tally, Assignment):
        assert not model.objects.filter(volunteer=wanda).exists()
    assert Judgment.objects.filter(volunteer=other).exists()


def test_who_leaves_may_let_their_judgments_count(current, wanda):
    judge_all(current, wanda, 1, 2, 3)
    leave(wanda, current, withdraw=False)
    assert not wanda.memberships.exists()
    assert Judgment.objects.filter(volunteer=wanda).count() == 3
    assert not Withdrawal.objects.exists()


def test_who_leaves_gives_the_assignment_back_that_they_hold(current, wanda):
    assignment = make_assignment(current, wanda)
    leave(wanda, current, withdraw=False)
    assignment.refresh_from_db()
    assert (assignment.state, assignment.volunteer) == ("free", None)


def test_other_projects_keep_what_one_judged_there(current, wanda):
    elsewhere = make_round(answers=3)
    Membership.objects.create(user=wanda, project=elsewhere.project, role=Role.VOLUNTEER)
    make_judgment(make_assignment(elsewhere, wanda), 1, 2, 3)
    judge_all(current, wanda, 1, 2, 3)
    leave(wanda, current)
    assert Judgment.objects.filter(volunteer=wanda).count() == 1


def test_the_log_says_that_judgments_were_taken_back_and_not_whose(current, wanda):
    judge_all(current, wanda, 1, 2, 3)
    leave(wanda, current)
    event = AuditEvent.objects.get(verb="judgments.withdrawn")
    assert event.actor is None and event.data == {"judgments": 3}
    assert AuditEvent.objects.get(verb="member.left").actor == wanda


def test_somebody_without_judgments_leaves_no_mark(current, wanda):
    leave(wanda, current)
    assert not Withdrawal.objects.exists()


def test_the_only_coordinator_stays_until_somebody_else_is_one(current, wanda):
    coordinator = coordinator_of(current.project)
    with pytest.raises(RefusedError, match="always has a coordinator"):
        leave(coordinator, current)
    with pytest.raises(RefusedError, match=f"only coordinator of {current.project.name}"):
        erase_account(user=coordinator)
    change_role(membership=wanda.memberships.get(), role=Role.COORDINATOR, actor=coordinator)
    erase_account(user=coordinator)
    assert not User.objects.filter(pk=coordinator.pk).exists()


def test_a_snapshot_under_way_when_judgments_are_taken_back_is_taken_anew(current, wanda, other, monkeypatch):
    judge_all(current, wanda, 1, 2, 3)
    make_judgment(make_assignment(current, other), 3, 2, 1)
    write = dataset_services.write_snapshot

    def write_while_somebody_leaves(*args):
        if wanda.memberships.exists():
            leave(wanda, current)
        return write(*args)

    monkeypatch.setattr(dataset_services, "write_snapshot", write_while_somebody_leaves)
    dataset = snapshot_preferences(project=current.project)
    assert (dataset.judgments, dataset.number, Dataset.objects.count()) == (1, 1, 1)


def test_a_snapshot_under_way_when_an_answer_of_ones_own_is_taken_back_is_taken_anew(
    current, wanda, other, monkeypatch
):
    assignment = make_assignment(current, wanda)
    make_judgment(assignment, 1, 2, 3, rewrite={"original": assignment.order[0], "text": "Mine, and better."})
    make_judgment(make_assignment(current, other), 1, 2, 3)
    find = dataset_services.pairs_of

    def find_while_somebody_leaves(*args):
        if wanda.memberships.exists():
            leave(wanda, current)
        return find(*args)

    monkeypatch.setattr(dataset_services, "pairs_of", find_while_somebody_leaves)
    dataset = snapshot_preferences(project=current.project)
    assert dataset.judgments == 1 and "Mine" not in json.dumps(pairs_in(dataset))


def test_answers_that_they_wrote_go_with_their_judgments(current, wanda, other):
    assignment = make_assignment(current, wanda)
    make_judgment(assignment, 1, 2, 3, rewrite={"original": assignment.order[0], "text": "Mine, and better."})
    make_judgment(make_assignment(current, other), 1, 2, 3)
    leave(wanda, current)
    assert not Completion.objects.filter(text="Mine, and better.").exists()
    assert not Author.objects.filter(kind=Author.Kind.PERSON).exists()
    assert "Mine" not in json.dumps(pairs_in(snapshot_preferences(project=current.project)))


def test_an_answer_of_theirs_that_others_compare_stays_without_their_name(current, wanda):
    prompt = current.comparisons.first().prompt
    author = get_or_create_person(project=current.project, user=wanda)
    mine, _other = add_completions(author=author, texts=[(prompt, "Mine"), (prompt, "Mine as well")])
    compared = Comparison.objects.create(round=current, prompt=prompt)
    ComparisonItem.objects.create(comparison=compared, completion=mine)
    erase_account(user=wanda)
    assert [one.text for one in Completion.objects.filter(author=author)] == ["Mine"]
    author.refresh_from_db()
    assert author.user is None and NAME not in author.name


def every_text_in_the_database() -> list[str]:
    """The content of every column of every table, but for files."""
    return [
        str(value)
        for model in apps.get_models()
        for row in model._default_manager.values_list(*(field.name for field in model._meta.concrete_fields))
        for value in row
        if value is not None
    ]


def test_nothing_personal_of_an_erased_person_is_left_anywhere(client, current, wanda, other):
    coordinator = coordinator_of(current.project)
    judge_all(current, wanda, 1, 2, 3)
    make_judgment(make_assignment(current, other), 1, 2, 3)
    snapshot_preferences(project=current.project, actor=wanda)
    create_api_token(user=wanda)
    client.force_login(wanda)
    client.get("/account/")
    _pending, _token = invite(project=current.project, role=Role.REVIEWER, email=EMAIL, actor=coordinator)
    invite(project=current.project, role=Role.VOLUNTEER, email="new@example.org", actor=wanda)
    assert any(EMAIL in text for text in every_text_in_the_database())
    erase_account(user=User.objects.get(pk=wanda.pk))
    texts = [text.casefold() for text in every_text_in_the_database()]
    for personal in (EMAIL, NAME, "wanda"):
        assert [text for text in texts if personal.casefold() in text] == []
    assert not User.objects.filter(pk=wanda.pk).exists()
    assert not Invitation.objects.usable().exclude(email="new@example.org").exists()
    assert Dataset.objects.get().withdrawn_judgments == 3


def test_who_is_erased_is_signed_out_everywhere(client, current, wanda):
    client.force_login(wanda)
    assert Session.objects.exists()
    erase_account(user=wanda)
    assert not Session.objects.exists()
    assert client.get("/account/").status_code == 302


def test_others_stay_signed_in(client, current, wanda, other):
    client.force_login(other)
    erase_account(user=wanda)
    assert client.get("/account/").status_code == 200


def test_erasing_takes_back_what_was_judged_in_projects_that_one_left(current, wanda):
    judge_all(current, wanda, 1, 2, 3)
    leave(wanda, current, withdraw=False)
    erase_account(user=wanda)
    assert not Judgment.objects.exists()


def test_an_address_that_was_erased_can_be_invited_again(current, wanda):
    erase_account(user=wanda)
    assert make_member(current.project, email=EMAIL).pk != wanda.pk


def test_what_must_stay_refers_to_nobody(current):
    """No table keeps a person from being erased but those that a withdrawal empties."""
    protecting = {
        field.model.__name__
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.OneToOneField)
        and field.remote_field.model is User
        and field.remote_field.on_delete is models.PROTECT
    }
    assert protecting == {"Judgment", "Tally", "UnpairedPreference"}
    volunteer = make_member(current.project)
    make_judgment(make_assignment(current, volunteer), 1, 2, 3)
    with pytest.raises(ProtectedError):
        volunteer.delete()
