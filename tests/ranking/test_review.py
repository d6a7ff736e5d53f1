"""What waits for reviewers: flagged answers, answers that volunteers wrote, and the queue of all kinds."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import AuditEvent, Completion, Project, Role, User
from annotator.services.projects import change_settings
from annotator.shown import ChangedMeanwhileError, Shown
from ranking.errors import RankingError
from ranking.models import AnswerReview, Assignment, Comparison, Demonstration, Judgment, Round
from ranking.services import claim_next, leave_project, skip_comparison, snapshot_preferences
from ranking.services.review.flagged import decide_answer
from ranking.services.review.rewrites import accept_rewrite, refuse_rewrite
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_project

from .desk import at
from .making import assert_refused, make_assignment, make_correction, make_judgment, make_round, pairs_of

pytestmark = pytest.mark.django_db

BETTER = "Because warm water takes more room."


@pytest.fixture
def current() -> Round:
    """Three comparisons of two answers, each for four people."""
    return make_round(prompts=3, answers=2, judgments_per_comparison=4)


@pytest.fixture
def project(current) -> Project:
    return current.project


@pytest.fixture
def reviewer(project) -> User:
    return make_member(project, Role.REVIEWER, name="Rita")


@pytest.fixture
def reviewing(client, reviewer) -> Client:
    client.force_login(reviewer)
    return client


def place_at(comparison: Comparison, person: User) -> Assignment:
    """The person's assignment at this comparison; they skip what comes before."""
    while (assignment := make_assignment(comparison.round, person)).comparison != comparison:
        skip_comparison(assignment=assignment, volunteer=person)
    return assignment


def flag(current: Round, *kinds: str, people: int = 1, place: int = 0, **fields: object) -> Completion:
    """So many people flag the same answer of the first comparison."""
    comparison = current.comparisons.earliest("pk")
    completion = comparison.completions.order_by("pk")[place]
    for _person in range(people):
        assignment = place_at(comparison, make_member(current.project))
        make_judgment(assignment, 1, 2, flags={completion.pk: kinds}, **fields)
    return completion


def write(current: Round, text: str = BETTER) -> Demonstration:
    """A volunteer ranks the first of two answers last and writes a better one."""
    assignment = make_assignment(current, make_member(current.project, name="Vera"))
    worst = min(assignment.order)
    judgment = make_judgment(assignment, 2, 1, rewrite={"original": worst, "text": text})
    return Demonstration.objects.get(judgment=judgment)


def sources_in(project: Project) -> list[str]:
    dataset = snapshot_preferences(project=project)
    lines = [
        line
        for split in ("train", "held_out")
        for line in dataset.open_file(f"{split}.jsonl").read().decode().splitlines()
    ]
    return sorted(json.loads(line)["source"] for line in lines)


# Rewritten answers


def test_what_a_volunteer_wrote_is_in_no_dataset_before_a_reviewer_takes_it(current, project, reviewer):
    written = write(current)
    assert written.state == "waiting" and sources_in(project) == ["ranking"]
    assert (written.completion_id, written.original_id) not in pairs_of(written.judgment)
    accept_rewrite(demonstration=written, text=BETTER, actor=reviewer)
    assert sources_in(project) == ["ranking", "rewrite"]
    judgment = Judgment.objects.get(pk=written.judgment_id)
    assert (written.completion_id, written.original_id) in pairs_of(judgment)
    written.refresh_from_db()
    assert (written.edited, written.decided_by) == (None, reviewer)
    event = AuditEvent.objects.get(verb="rewrite.accepted")
    assert (event.actor, event.target) == (reviewer, f"judgment:{judgment.pk}")


def test_a_project_may_take_what_is_written_from_then_on_without_review(current, project):
    waiting = write(current)
    values = {"takes_rewrites_unread": True}
    change_settings(project=project, values=values, actor=coordinator_of(project))
    taken = write(current)
    assert (taken.state, taken.decided_by) == ("accepted", None) and taken.decided_at
    assert Demonstration.objects.get(pk=waiting.pk).state == "waiting"


def test_a_reviewer_edits_and_the_dataset_has_the_edited_words(current, project, reviewer):
    written = write(current)
    edited = accept_rewrite(demonstration=written, text="Warm water\r\n takes room. ", actor=reviewer)
    assert edited.answer.text == "Warm water\n takes room."
    assert edited.completion.text == BETTER and edited.answer.author == edited.completion.author
    assert AuditEvent.objects.filter(verb="rewrite.edited").exists()
    dataset = snapshot_preferences(project=project)
    texts = "".join(dataset.open_file(f"{split}.jsonl").read().decode() for split in ("train", "held_out"))
    assert "takes room." in texts and BETTER not in texts
    accept_rewrite(demonstration=edited, text=BETTER, actor=reviewer)
    assert Demonstration.objects.get(pk=written.pk).edited is None


def test_an_edit_that_leaves_nothing_or_another_of_the_answers_is_refused(current, reviewer):
    written = write(current)
    other = written.judgment.comparison.completions.exclude(pk=written.original_id).get()
    for text in (" ", written.original.text, other.text, "\x00"):
        with pytest.raises(RankingError):
            accept_rewrite(demonstration=written, text=text, actor=reviewer)
    assert Demonstration.objects.get(pk=written.pk).state == "waiting"


def test_a_refusal_can_be_taken_back_and_its_writer_reads_the_word(client, current, project, reviewer):
    written = write(current)
    refuse_rewrite(demonstration=written, word="It repeats the question.", actor=reviewer)
    assert sources_in(project) == ["ranking"]
    client.force_login(written.judgment.volunteer)
    page = client.get(at("judged", project)).text
    assert "It repeats the question." in page and "Not accepted" in page and "Rita" not in page
    (own,) = client_of(written.judgment.volunteer).get(at("api-judgments", project)).json()["results"]
    assert (own["rewrite"]["state"], own["rewrite"]["word"]) == ("refused", "It repeats the question.")
    accept_rewrite(demonstration=written, text=BETTER, actor=reviewer)
    assert sources_in(project) == ["ranking", "rewrite"]
    page = client.get(at("judged", project)).text
    assert "Accepted" in page and "It repeats" not in page


def test_a_correction_that_keeps_the_words_keeps_the_decision_and_other_words_wait(current, reviewer):
    written = write(current)
    accept_rewrite(demonstration=written, text="Edited.", actor=reviewer)
    same = {"original": written.original_id, "text": BETTER}
    kept = make_correction(written.judgment, 1, 2, rewrite=same)
    assert (kept.demonstration.state, kept.demonstration.answer.text) == ("accepted", "Edited.")
    other = make_correction(kept, 1, 2, rewrite=same | {"text": "Other words."})
    assert (other.demonstration.state, other.demonstration.edited) == ("waiting", None)


def test_who_withdraws_takes_the_edited_words_along(current, reviewer):
    written = write(current)
    accept_rewrite(demonstration=written, text="Edited.", actor=reviewer)
    membership = written.judgment.volunteer.memberships.get()
    leave_project(membership=membership, withdraw=True)
    assert not Completion.objects.filter(text__in=(BETTER, "Edited.")).exists()


def test_an_edited_answer_is_by_who_wrote_it(current):
    written = write(current)
    assert_refused(Demonstration.objects.filter(pk=written.pk).update, edited=written.original)


def test_a_decision_about_a_judgment_that_was_corrected_meanwhile_is_refused(current, reviewer):
    written = write(current)
    shown = Shown(({"rewrite": "waiting", "counts": "yes"},))
    make_correction(written.judgment, 1, 2)
    with pytest.raises(ChangedMeanwhileError, match="was corrected"):
        accept_rewrite(demonstration=written, text=BETTER, actor=reviewer, shown=shown)


def test_rewrites_are_decided_on_their_page_the_oldest_first(reviewing, current, project):
    first, second = write(current), write(current, "Other words.")
    page = reviewing.get(at("review-rewrites", project))
    assert [item["rewrite"] for item in page.context["rewrites"]] == [first, second]
    shown = {"shown": "rewrite=waiting&counts=yes"}
    done = reviewing.post(
        at("decide-rewrite", project, first.pk),
        shown | {"decision": "accepted", "text": BETTER},
        follow=True,
    )
    assert "Accepted" in done.text and "1 decision in the last 7 days, by you: 1" in done.text
    wrong = reviewing.post(
        at("decide-rewrite", project, second.pk), shown | {"decision": "accepted", "text": " "}
    )
    assert wrong.status_code == 422 and "refuse it instead" in wrong.text
    assert reviewing.post(at("decide-rewrite", project, second.pk), shown).status_code == 422
    done = reviewing.post(
        at("decide-rewrite", project, second.pk),
        shown | {"decision": "refused", "word": "Too short."},
        follow=True,
    )
    assert "Nothing waits for you" in done.text
    decided = reviewing.get(at("review-rewrites", project), {"show": "all"})
    assert [item["rewrite"] for item in decided.context["rewrites"]] == [second, first]
    stale = reviewing.post(
        at("decide-rewrite", project, first.pk), shown | {"decision": "refused", "word": ""}
    )
    assert stale.status_code == 409 and "Accepted" in stale.text


# Flagged answers


def test_what_enough_people_find_harmful_is_given_to_nobody_until_it_was_looked_at(
    current, project, reviewer
):
    completion = flag(current, "harmful")
    assert not AnswerReview.objects.exists()
    flag(current, "harmful")
    review = AnswerReview.objects.get(completion=completion)
    assert review.is_off_the_desk and AuditEvent.objects.get(verb="answer.withheld").actor is None
    comparison = completion.comparisons.get()
    person = make_member(project)
    while assignment := claim_next(project=project, volunteer=person):
        assert assignment.comparison != comparison
        make_judgment(assignment, 1, 2)
    decide_answer(completion=completion, decision="kept", actor=reviewer)
    assert claim_next(project=project, volunteer=person).comparison == comparison


def test_one_person_a_machine_and_other_flags_do_not_withhold_an_answer(current, project):
    completion = flag(current, "harmful")
    first = Judgment.objects.get()
    make_correction(first, 2, 1, flags={completion.pk: ["harmful"]})
    flag(current, "factual_error", "spam")
    robot = make_member(project)
    robot.is_simulated = True
    robot.save()
    assignment = place_at(completion.comparisons.get(), robot)
    make_judgment(assignment, 1, 2, flags={completion.pk: ["harmful"]})
    assert not AnswerReview.objects.exists()


def test_how_many_people_it_takes_is_a_setting(current, project):
    change_settings(project=project, values={"harmful_flags_bound": 1}, actor=coordinator_of(project))
    assert flag(current, "harmful").review.is_off_the_desk


def test_who_holds_it_already_may_judge_it(current, project):
    holder = make_member(project)
    assignment = place_at(current.comparisons.earliest("pk"), holder)
    flag(current, "harmful", people=2)
    assert claim_next(project=project, volunteer=holder) == assignment
    make_judgment(assignment, 1, 2)


def total_of(current: Round) -> int:
    return Round.objects.get(pk=current.pk).assignment_count


def test_an_answer_that_was_taken_out_counts_in_no_progress_and_is_preferred_in_no_dataset(
    current, project, reviewer
):
    completion = flag(current, "harmful", people=2)
    before = total_of(current)
    decide_answer(completion=completion, decision="withdrawn", actor=reviewer)
    free = Assignment.objects.filter(comparison__completions=completion, state="free").count()
    assert free == 2 and total_of(current) == before - free
    make_judgment(make_assignment(current, make_member(project)), 1, 2)
    assert sources_in(project) == ["ranking"]
    other = completion.comparisons.get().completions.exclude(pk=completion.pk).get()
    decide_answer(completion=other, decision="withdrawn", actor=reviewer)
    assert total_of(current) == before - free
    decide_answer(completion=completion, decision="kept", actor=reviewer)
    decide_answer(completion=other, decision="kept", actor=reviewer)
    assert total_of(current) == before and len(sources_in(project)) == 2


def test_flags_are_decided_on_their_page_what_harms_first(reviewing, current, project):
    wrong = flag(current, "factual_error", people=3, rationale="It was 1990.")
    harmful = flag(current, "harmful", people=1, place=1)
    page = reviewing.get(at("review-flags", project))
    assert [item["completion"] for item in page.context["answers"]] == [harmful, wrong]
    assert page.context["answers"][1]["reasons"] == ["It was 1990."]
    assert "3 people found a factual error" in page.text and "Vera" not in page.text
    address = at("decide-answer", project, harmful.pk)
    assert "Choose whether" in reviewing.post(address, {"decision": "x"}, follow=True).text
    done = reviewing.post(address, {"decision": "withdrawn", "shown": "decision=open"}, follow=True)
    assert [item["completion"] for item in done.context["answers"]] == [wrong]
    again = reviewing.post(address, {"decision": "kept", "shown": "decision=open"})
    assert again.status_code == 409 and "Taken out" in again.text
    everything = reviewing.get(at("review-flags", project), {"show": "all"})
    assert len(everything.context["answers"]) == 2


def test_an_answer_that_is_flagged_again_after_it_was_kept_comes_back(reviewing, current, project, reviewer):
    completion = flag(current, "harmful")
    decide_answer(completion=completion, decision="kept", actor=reviewer)
    assert reviewing.get(at("review-flags", project)).context["answers"] == []
    flag(current, "harmful")
    page = reviewing.get(at("review-flags", project))
    assert [item["completion"] for item in page.context["answers"]] == [completion]
    assert "flagged again since" in page.text
    assert not AnswerReview.objects.get().is_off_the_desk


# The queue


def test_the_queue_counts_what_waits_and_leads_to_what_changes_most(reviewing, current, project):
    empty = reviewing.get(at("review", project))
    assert "Nothing waits for you" in empty.text
    write(current)
    assert f'href="{at("review-rewrites", project)}">Begin' in reviewing.get(at("review", project)).text
    flag(current, "factual_error")
    page = reviewing.get(at("review", project))
    assert [count for _kind, count in page.context["kinds"]][:2] == [1, 1]
    assert f'href="{at("review-flags", project)}">Begin' in page.text
    first = reviewing.get(at("project", project)).text
    assert "Decisions wait for a reviewer" in first and at("review", project) in first


PAGES = ("review", "review-flags", "review-rewrites")


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_for_reviewers_and_coordinators_of_the_project(client, current, project, name):
    for person, status in (
        (coordinator_of(project), 200),
        (make_member(project), 403),
        (coordinator_of(make_project()), 404),
    ):
        client.force_login(person)
        assert client.get(at(name, project)).status_code == status
    client.force_login(coordinator_of(project))
    assert client.post(at(name, project)).status_code == 405


def test_decisions_are_for_reviewers_and_coordinators_of_the_project(client, current, project):
    completion, written = flag(current, "harmful"), write(current)
    addresses = [at("decide-answer", project, completion.pk), at("decide-rewrite", project, written.pk)]
    for person, status in ((make_member(project), 403), (coordinator_of(make_project()), 404)):
        client.force_login(person)
        assert [client.post(address).status_code for address in addresses] == [status, status]
    client.force_login(coordinator_of(project))
    assert [client.get(address).status_code for address in addresses] == [405, 405]
    elsewhere = make_project(slug="elsewhere")
    client.force_login(coordinator_of(elsewhere))
    for name, pk in (("decide-answer", completion.pk), ("decide-rewrite", written.pk)):
        assert client.post(reverse(name, args=["elsewhere", pk])).status_code == 404
