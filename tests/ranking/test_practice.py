"""Practice before the first comparison: tries, feedback, the pass mark, and coordinators who are asked."""

import io
import json
import re

import pytest

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Role
from annotator.services.members import change_role
from annotator.services.projects import change_settings
from ranking.models import PracticeAssignment, PracticeComparison
from ranking.practice_files import practice_from_record
from ranking.services.practice import (
    add_practice,
    allow_another_attempt,
    answer_practice,
    begin_practice,
    let_in,
    remove_practice,
    replace_practice,
)
from tests.factories import coordinator_of, make_member, make_newcomer, make_project, make_ready
from tests.pressing import filled, press
from tests.ranking.desk import at, desk
from tests.ranking.making import make_round

pytestmark = pytest.mark.django_db
RECORD = {"answers": ["Good one.", "Bad one."], "ranks": [1, 2], "why": "Because *truth* comes first."}


@pytest.fixture
def current():
    return make_round(prompts=2)


@pytest.fixture
def project(current):
    add(current.project, 5)
    return current.project


def add(project, count, **fields):
    drafts = [practice_from_record({"prompt": f"Question {n}?", **RECORD, **fields}) for n in range(count)]
    return add_practice(project=project, drafts=drafts, actor=coordinator_of(project))


@pytest.fixture
def newcomer(client, project):
    user = make_newcomer(project)
    client.force_login(user)
    client.post(at("consent", project), {"number": 1})
    return project.memberships.get(user=user)


def answer(assignment, *, right=True):
    """The assignment's two answers ranked as they are known, or the other way round."""
    ranks = assignment.comparison.ranks if right else assignment.comparison.ranks[::-1]
    return answer_practice(assignment=assignment, ranks=dict(enumerate(ranks)))


def finish(membership, right):
    """A whole try with so many right answers."""
    attempt = begin_practice(membership=membership)
    for number, assignment in enumerate(attempt.assignments.all()):
        answer(assignment, right=number < right)
    membership.refresh_from_db()
    attempt.refresh_from_db()
    return attempt


def choice(assignment, *, right=True):
    """What the form of two answers is sent with."""
    is_first = assignment.comparison.ranks[assignment.order[0]] == 1
    return {"preferred": "a" if is_first == right else "b"}


def test_practice_comes_after_the_guidelines_and_before_the_first_comparison(
    client, current, project, newcomer
):
    page = client.get(desk(current), follow=True)
    assert page.redirect_chain[-1][0] == at("practice", project)
    assert "Step 2 of 3" in page.text and "5 comparisons" in page.text and "4 of 5" in page.text
    page = client.post(at("begin-practice", project), follow=True)
    for number in range(1, 6):
        assert f"Practice, {number} of 5" in page.text
        assignment = newcomer.practice_attempts.get().next_assignment()
        page = client.post(at("practice-answer", project, assignment.pk), choice(assignment), follow=True)
        assert ">Right</h1>" in page.text and "<em>truth</em>" in page.text
        page = client.get(at("practice", project))
    assert "You are ready" in page.text and "5 of 5 were right" in page.text
    page = client.get(at("onboarding", project), follow=True)
    assert page.redirect_chain[-1][0] == desk(current) and 'id="judgment-form"' in page.text


def test_nobody_practises_before_they_have_agreed(client, project):
    user = make_newcomer(project)
    client.force_login(user)
    for page in (client.get(at("practice", project)), client.post(at("begin-practice", project))):
        assert page.url == at("onboarding", project)
    assert not project.memberships.get(user=user).practice_attempts.exists()


def test_enter_goes_on_from_what_was_right_to_the_next_one_and_from_the_end_to_the_desk(
    client, project, newcomer
):
    for assignment in begin_practice(membership=newcomer).assignments.all():
        page = client.post(
            at("practice-answer", project, assignment.pk), choice(assignment), follow=True
        ).text
        (in_focus,) = re.findall(r'<a [^>]*href="([^"]+)"[^>]* autofocus', page)
        assert in_focus == at("practice", project)
    page = client.get(in_focus).text
    assert re.findall(r'<a [^>]*href="([^"]+)"[^>]* autofocus', page) == [at("onboarding", project)]


def test_what_was_wrong_is_shown_with_the_right_one_and_why(client, project, newcomer):
    assignment = begin_practice(membership=newcomer).next_assignment()
    page = client.post(
        at("practice-answer", project, assignment.pk), choice(assignment, right=False), follow=True
    )
    assert "Not what we expected" in page.text and "<em>truth</em>" in page.text
    card = page.text.partition("The better one")[0].rpartition("<article")[2]
    assert "Good one." in card


def test_names_in_answers_are_hidden_as_they_are_at_the_desk(client, current, newcomer):
    add(current.project, 5, answers=["I am ChatGPT.", "Bad one."])
    assignment = (
        begin_practice(membership=newcomer).assignments.filter(comparison__answers__0="I am ChatGPT.").first()
    )
    assignment.attempt.assignments.filter(place__lt=assignment.place).delete()
    page = client.get(at("practice", current.project))
    assert "I am (name hidden)." in page.text and "ChatGPT" not in page.text
    page = client.post(at("practice-answer", current.project, assignment.pk), choice(assignment), follow=True)
    assert "I am (name hidden)." in page.text and "ChatGPT" not in page.text


def test_more_than_two_answers_are_ranked_and_shown_rank_by_rank(client, current):
    project = current.project
    add(project, 1, answers=["Best.", "Middle.", "Worst."], ranks=[1, 2, 3])
    user = make_newcomer(project)
    client.force_login(user)
    assignment = begin_practice(membership=project.memberships.get(user=user)).next_assignment()
    right = [assignment.comparison.ranks[place] for place in assignment.order]
    fields = {f"rank_{place}": rank for place, rank in enumerate(right, start=1)}
    page = client.post(at("practice-answer", project, assignment.pk), fields, follow=True)
    assert ">Right</h1>" in page.text and page.text.count("as you ranked it") == 3


def test_practice_is_the_desks_form_without_what_has_no_right_answer(client, project, newcomer):
    begin_practice(membership=newcomer)
    page = client.get(at("practice", project)).text
    assert 'id="judgment-form"' in page and 'name="preferred"' in page
    for name in ('value="all_bad"', 'name="reason"', 'name="rationale"', 'id="skip"', 'name="flags_1"'):
        assert name not in page


@pytest.mark.parametrize(
    "fields", [{}, {"preferred": "c"}, {"preferred": "a\0"}, {"preferred": "a" * 45_000}]
)
def test_what_is_no_ranking_is_refused_and_not_stored(client, project, newcomer, fields):
    assignment = begin_practice(membership=newcomer).next_assignment()
    page = client.post(at("practice-answer", project, assignment.pk), fields)
    assert page.status_code == 422 and 'id="desk-error"' in page.text
    assert PracticeAssignment.objects.get(pk=assignment.pk).is_right is None


@pytest.mark.parametrize("rank", ["", "0", "4", "9" * 5000, "x"])
def test_a_rank_that_is_none_is_refused_and_not_stored(client, current, rank):
    project = current.project
    add(project, 1, answers=["Best.", "Middle.", "Worst."], ranks=[1, 2, 3])
    user = make_newcomer(project)
    client.force_login(user)
    assignment = begin_practice(membership=project.memberships.get(user=user)).next_assignment()
    fields = {"rank_1": "1", "rank_2": "2", "rank_3": rank}
    assert client.post(at("practice-answer", project, assignment.pk), fields).status_code == 422
    assert PracticeAssignment.objects.get(pk=assignment.pk).is_right is None


def test_an_answer_sent_twice_stays_the_first(client, project, newcomer):
    assignment = begin_practice(membership=newcomer).next_assignment()
    for right in (False, True):
        client.post(at("practice-answer", project, assignment.pk), choice(assignment, right=right))
    assignment.refresh_from_db()
    assert assignment.is_right is False


def test_practice_is_taken_up_where_it_was_left(client, current, project, newcomer):
    first = begin_practice(membership=newcomer).next_assignment()
    client.post(at("practice-answer", project, first.pk), choice(first))
    client.logout()
    client.force_login(newcomer.user)
    assert "Practice, 2 of 5" in client.get(desk(current), follow=True).text
    assert begin_practice(membership=newcomer).pk == first.attempt_id


@pytest.mark.parametrize(("right", "passed"), [(3, False), (4, True)])
def test_the_pass_mark_decides(newcomer, right, passed):
    assert finish(newcomer, right).passed is passed


def test_a_project_sets_length_and_pass_mark(project, newcomer):
    values = {"practice_length": 3, "practice_pass_mark": 2}
    change_settings(project=project, values=values, actor=coordinator_of(project))
    newcomer.project.refresh_from_db()
    attempt = finish(newcomer, 2)
    assert attempt.assignments.count() == 3 and attempt.passed


def test_one_that_has_to_be_right_is_one(client, project, newcomer):
    values = {"practice_length": 1, "practice_pass_mark": 1}
    change_settings(project=project, values=values, actor=coordinator_of(project))
    newcomer.project.refresh_from_db()
    finish(newcomer, 0)
    assert "1 has to be right." in client.get(at("practice", project)).text


def test_with_fewer_comparisons_than_the_pass_mark_all_have_to_be_right(current):
    add(current.project, 2)
    user = make_newcomer(current.project)
    assert begin_practice(membership=current.project.memberships.get(user=user)).needed == 2


def test_after_the_first_try_there_is_a_second_with_comparisons_not_seen_before(client, project, newcomer):
    add(project, 2)
    first = finish(newcomer, 0)
    page = client.get(at("practice", project))
    assert "Not quite yet" in page.text and "Try again" in page.text
    client.post(at("begin-practice", project))
    second = newcomer.practice_attempts.first()
    seen = set(first.assignments.values_list("comparison", flat=True))
    assert second.number == 2
    assert len(seen & set(second.assignments.values_list("comparison", flat=True))) == 3


def test_comparisons_in_a_language_that_one_reads_come_first(project, newcomer):
    spanish = {one.pk for one in add(project, 5, language="es-MX")}
    newcomer.user.languages = ["es"]
    newcomer.user.save()
    for _ in range(2):
        drawn = finish(newcomer, 0).assignments.values_list("comparison", flat=True)
        assert set(drawn) == spanish


def test_after_the_second_try_a_coordinator_is_asked_and_nothing_more_can_be_done(
    client, current, project, newcomer
):
    finish(newcomer, 0)
    finish(newcomer, 0)
    assert newcomer.waiting_since
    page = client.get(desk(current), follow=True)
    assert "A coordinator has been asked" in page.text and "Try again" not in page.text
    page = client.post(at("begin-practice", project), follow=True)
    assert "no try left" in page.text and newcomer.practice_attempts.count() == 2


def test_a_coordinator_sees_who_waits_and_lets_them_in(client, current, project, newcomer):
    finish(newcomer, 0)
    finish(newcomer, 0)
    client.force_login(coordinator_of(project))
    assert "1 new volunteer waits for you" in client.get(at("project", project)).text
    page = client.get(at("people", project))
    assert "Waiting for your decision" in page.text and at("let-in", project, newcomer.pk) in page.text
    done = press(client, at("people", project), at("let-in", project, newcomer.pk), follow=True)
    assert "may rank now" in done.text
    assert "Waiting for your decision" not in client.get(at("people", project)).text
    assert AuditEvent.objects.filter(verb="practice.let_in", actor=coordinator_of(project)).count() == 1
    client.force_login(newcomer.user)
    page = client.get(desk(current), follow=True)
    assert page.redirect_chain[-1][0] == desk(current)


def test_a_coordinator_grants_another_try(client, project, newcomer):
    finish(newcomer, 0)
    finish(newcomer, 0)
    client.force_login(coordinator_of(project))
    press(client, at("people", project), at("another-try", project, newcomer.pk))
    assert AuditEvent.objects.filter(verb="practice.another_try").count() == 1
    newcomer.refresh_from_db()
    assert newcomer.waiting_since is None and newcomer.practice_attempts.count() == 3
    finish(newcomer, 0)
    assert newcomer.waiting_since


def test_another_try_for_somebody_who_has_begun_one_in_another_role_is_that_one(project, newcomer):
    finish(newcomer, 0)
    finish(newcomer, 0)
    change_role(membership=newcomer, role=Role.REVIEWER, actor=coordinator_of(project))
    begun = begin_practice(membership=newcomer)
    assert allow_another_attempt(membership=newcomer, actor=coordinator_of(project)) == begun


def test_of_two_coordinators_who_act_at_once_the_second_is_refused(client, project, newcomer):
    finish(newcomer, 0)
    finish(newcomer, 0)
    client.force_login(coordinator_of(project))
    address = at("let-in", project, newcomer.pk)
    sent = filled(client, at("people", project), address)
    let_in(membership=newcomer, actor=coordinator_of(project))
    for act in (let_in, allow_another_attempt):
        with pytest.raises(RefusedError, match="no longer waiting"):
            act(membership=newcomer, actor=coordinator_of(project))
    answer = client.post(address, sent)
    assert answer.status_code == 409 and "waits for a decision since" in answer.text


def test_who_came_in_before_there_was_a_practice_is_not_sent_to_one(client, current):
    user = make_member(current.project)
    add(current.project, 5)
    change_settings(
        project=current.project, values={"licence": "CC0-1.0"}, actor=coordinator_of(current.project)
    )
    client.force_login(user)
    page = client.post(at("consent", current.project), {"number": 2}, follow=True)
    assert page.redirect_chain[-1][0] == desk(current)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.COORDINATOR])
def test_staff_may_practise_as_often_as_they_like_and_need_not(client, current, project, role):
    user = make_newcomer(project, role)
    membership = make_ready(project, user)
    for _ in range(3):
        finish(membership, 0)
    assert membership.waiting_since is None
    client.force_login(user)
    assert "Try again" in client.get(at("practice", project)).text


def test_a_project_without_practice_has_none_to_begin(client, current):
    client.force_login(make_member(current.project))
    page = client.post(at("begin-practice", current.project), follow=True)
    assert "This project has no practice." in page.text


def test_an_edited_or_removed_comparison_stays_for_who_is_practising(client, project, newcomer):
    begin_practice(membership=newcomer)
    for comparison in project.practice_comparisons.all():
        remove_practice(comparison=comparison, actor=coordinator_of(project))
    assert "Practice, 1 of 5" in client.get(at("practice", project)).text
    assert not project.practice_comparisons.in_use().exists()


def test_practice_of_somebody_else_is_not_found(client, project, newcomer):
    assignment = begin_practice(membership=newcomer).next_assignment()
    client.force_login(make_member(project))
    assert client.get(at("practice-result", project, assignment.pk)).status_code == 404
    assert client.post(at("practice-answer", project, assignment.pk), {"preferred": "a"}).status_code == 404
    client.force_login(coordinator_of(make_project()))
    for name in ("practice", "practice-comparisons", "add-practice"):
        assert client.get(at(name, project)).status_code == 404
    for name, *args in (
        *(("begin-practice",), ("import-practice",)),
        *(("let-in", newcomer.pk), ("another-try", newcomer.pk)),
    ):
        assert client.post(at(name, project, *args)).status_code == 404


def test_a_result_is_shown_only_once_there_is_one(client, project, newcomer):
    assignment = begin_practice(membership=newcomer).next_assignment()
    assert client.get(at("practice-result", project, assignment.pk)).url == at("practice", project)


def test_acts_refuse_get_and_pages_refuse_post(client, project, newcomer):
    comparison = project.practice_comparisons.first()
    client.force_login(coordinator_of(project))
    for name, *args in (
        ("begin-practice",), ("practice-answer", 1), ("let-in", 1), ("another-try", 1),
        ("import-practice",), ("remove-practice", comparison.pk),
    ):  # fmt: skip
        assert client.get(at(name, project, *args)).status_code == 405
    for name, *args in (("practice",), ("practice-result", 1), ("practice-comparisons",)):
        assert client.post(at(name, project, *args)).status_code == 405
    for name, *args in (("add-practice",), ("edit-practice", comparison.pk)):
        assert client.put(at(name, project, *args)).status_code == 405


@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.REVIEWER])
def test_only_coordinators_look_after_the_practice(client, project, role):
    client.force_login(make_member(project, role))
    comparison = project.practice_comparisons.first()
    for name, *args in (("practice-comparisons",), ("add-practice",), ("edit-practice", comparison.pk)):
        assert client.get(at(name, project, *args)).status_code == 403
    for name, *args in (
        ("import-practice",), ("remove-practice", comparison.pk), ("let-in", 1), ("another-try", 1),
    ):  # fmt: skip
        assert client.post(at(name, project, *args)).status_code == 403


def test_a_coordinator_finds_nothing_of_other_projects(client, project, newcomer):
    elsewhere = make_project()
    client.force_login(coordinator_of(elsewhere))
    comparison = project.practice_comparisons.first()
    for name, pk in (
        *(("edit-practice", comparison.pk), ("remove-practice", comparison.pk), ("edit-practice", 10**30)),
        *(("let-in", newcomer.pk), ("another-try", newcomer.pk), ("let-in", 10**30)),
    ):
        assert client.post(at(name, elsewhere, pk)).status_code == 404
    assert project.practice_comparisons.in_use().count() == 5


WRITTEN = {
    "question": "What is albedo?", "language": "en", "why": "It is true.",
    "answer_1": "A share.", "rank_1": "1", "answer_2": "Pasta.", "rank_2": "2",
}  # fmt: skip


def test_a_coordinator_adds_edits_and_removes_a_practice_comparison(client, current):
    project = current.project
    client.force_login(coordinator_of(project))
    assert 'name="answer_8"' in client.get(at("add-practice", project)).text
    assert client.post(at("add-practice", project), WRITTEN).status_code == 302
    first = project.practice_comparisons.get()
    assert (first.answers, first.ranks) == (["A share.", "Pasta."], [1, 2])
    page = client.get(at("edit-practice", project, first.pk))
    assert "A share." in page.text and "It is true." in page.text
    press(client, at("edit-practice", project, first.pk), why="Look it up.")
    second = project.practice_comparisons.in_use().get()
    assert second.why == "Look it up." and PracticeComparison.objects.get(pk=first.pk).why == "It is true."
    assert client.get(at("edit-practice", project, first.pk)).status_code == 404
    for _click in range(2):
        assert client.post(at("remove-practice", project, second.pk)).status_code == 302
    assert not project.practice_comparisons.in_use().exists()
    assert AuditEvent.objects.filter(verb="practice.removed", target__endswith=f":{second.pk}").count() == 1


def test_of_two_who_save_at_the_same_moment_one_replaces_a_practice_comparison(project):
    first = project.practice_comparisons.first()
    again, actor = practice_from_record({"prompt": "Why?", **RECORD}), coordinator_of(project)
    assert replace_practice(comparison=first, draft=again, actor=actor)
    assert replace_practice(comparison=first, draft=again, actor=actor) is None
    assert project.practice_comparisons.in_use().count() == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"question": ""},
        {"question": "a\0b"},
        {"question": "x" * 45_000},
        {"answer_2": ""},
        {"answer_2": "A share."},
        {"rank_2": ""},
        {"rank_2": "3"},
        {"rank_2": "9" * 5000},
        {"language": "no language"},
        {"why": ""},
        {"why": "x" * 45_000},
    ],
)
def test_a_wrong_practice_comparison_is_shown_and_not_stored(client, current, wrong):
    (known,) = add(current.project, 1)
    client.force_login(coordinator_of(current.project))
    for address in (at("add-practice", current.project), at("edit-practice", current.project, known.pk)):
        page = client.post(address, {**WRITTEN, **wrong})
        assert page.status_code == 422 and "Nothing was saved yet" in page.text
    assert PracticeComparison.objects.in_use().get() == known


def upload(client, project, text):
    file = io.BytesIO(text.encode())
    file.name = "practice.jsonl"
    return client.post(at("import-practice", project), {"file": file}, follow=True)


def test_a_file_of_practice_comparisons_is_taken_whole_or_not_at_all(client, current):
    client.force_login(coordinator_of(current.project))
    lines = [json.dumps({"prompt": f"Question {n}?", **RECORD}) for n in (1, 2)]
    page = upload(client, current.project, "\n".join([*lines, "{}"]))
    assert page.status_code == 422 and "Line 3" in page.text
    assert not PracticeComparison.objects.exists()
    page = upload(client, current.project, "\n".join(lines))
    assert "2 practice comparisons were added." in page.text and "Question 2?" in page.text


def test_an_import_without_a_file_is_refused(client, current):
    client.force_login(coordinator_of(current.project))
    assert client.post(at("import-practice", current.project)).status_code == 422
