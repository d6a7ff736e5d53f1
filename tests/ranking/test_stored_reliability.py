"""The reliability of a project's members: fitted in a job and at each dataset, and used at once."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.models import Project, StatedGroup
from annotator.models.groups import group_key
from ranking.models import Judgment, PracticeAssignment, Reliability, VoteFit
from ranking.models.collected import ballots_in, collected_in
from ranking.models.reliability import ASKED_FOR, fit_of
from ranking.practice_files import practice_from_record
from ranking.services import claim_next, leave_project, snapshot_preferences
from ranking.services.fits.worker import fit_project
from ranking.services.personal_data import reliability
from ranking.services.practice import add_practice
from ranking.statistics import fitting
from ranking.statistics.consensus import Fit, find_consensus
from ranking.tasks import fit_votes_of
from tests.factories import make_member

from .making import let_lapse, make_assignment, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db


def waiting_jobs():
    return DBTaskResult.objects.filter(task_path=fit_votes_of.module_path)


@pytest.fixture
def current():
    return make_round(prompts=6, answers=2, judgments_per_comparison=4)


def judge(current, volunteer, *ranks):
    """The volunteer gives these ranks to the answers of every comparison."""
    while assignment := claim_next(project=current.project, volunteer=volunteer):
        make_judgment(assignment, *ranks)


@pytest.fixture
def people(current):
    """Three people agree on everything, and a fourth says the opposite."""
    members = [make_member(current.project) for _ in range(4)]
    for member in members:
        judge(current, member, *((1, 2) if member != members[-1] else (2, 1)))
    return members


def test_many_judgments_ask_for_one_fit(current, people, django_capture_on_commit_callbacks):
    VoteFit.objects.all().delete()
    judgments = list(Judgment.objects.filter(volunteer=people[0]))
    with django_capture_on_commit_callbacks(execute=True):
        for judgment in judgments:
            make_correction(judgment, 1, 1)
    (job,) = waiting_jobs()
    assert job.args_kwargs["args"] == [current.project_id]
    assert timezone.now() < job.run_after < timezone.now() + timedelta(minutes=6)


def test_a_fit_that_never_came_is_asked_for_again(current, people, django_capture_on_commit_callbacks):
    VoteFit.objects.update(asked_at=timezone.now() - 2 * ASKED_FOR)
    with django_capture_on_commit_callbacks(execute=True):
        make_correction(Judgment.objects.filter(volunteer=people[0]).first(), 1, 1)
    assert waiting_jobs().count() == 1


def test_the_job_stores_how_reliable_members_are(current, people):
    fit_votes_of.call(current.project_id)
    values = [Reliability.objects.get(volunteer=member).value for member in people]
    assert min(values[:3]) > 0.75 > 0.55 > values[3]
    stored = VoteFit.objects.get(project=current.project)
    assert (stored.contested, stored.asked_at) == (None, None)
    assert fit_of(current.project).temperature == stored.temperature
    fit_votes_of.call(0)  # its project was deleted meanwhile


def test_groups_that_people_state_and_the_project_asks_for_are_tried(current, people, monkeypatch):
    Project.objects.filter(pk=current.project_id).update(groups=["Farmers"])
    for name, members in (("Farmers", people[:2]), ("No longer asked for", people[2:])):
        for membership in current.project.memberships.filter(user__in=members):
            StatedGroup.objects.create(membership=membership, name=group_key(name))
    tried = []
    monkeypatch.setattr(
        fitting, "fit_votes", lambda _ballots, _checked, stated, _gold: tried.extend(stated) or Fit({})
    )
    fit_project(Project.objects.get(pk=current.project_id))
    assert tried == [{member.pk for member in people[:2]}]


def test_a_new_judgment_counts_at_once_with_what_is_known_of_its_volunteer(current, people):
    fit_project(current.project)
    judgments = Judgment.objects.of_project(current.project)
    before = find_consensus(ballots_in(judgments), fit_of(current.project))
    for judgment in judgments.filter(volunteer=people[0]):
        make_correction(judgment, 2, 1)
    after = find_consensus(ballots_in(judgments), fit_of(current.project))
    assert (before.first > 0.9).all() and (after.first < before.first - 0.02).all()
    assert (after.first > 1 / 2).all(), "two against two, but the fourth is not reliable"
    assert collected_in(judgments, fit_of(current.project)).pairs == 6
    assert collected_in(judgments, Fit({})).pairs == 0


def test_a_dataset_is_made_with_a_fit_of_its_own(current, people):
    dataset = snapshot_preferences(project=current.project)
    assert Reliability.objects.filter(project=current.project).count() == 4
    stored = VoteFit.objects.get(project=current.project)
    assert dataset.manifest["consensus"] == {"temperature": stored.temperature, "second_group": None}


def test_practice_counts_before_anybody_is_compared(current):
    record = {"prompt": "Is it warm?", "answers": ["Yes.", "No."], "ranks": [1, 2], "why": "It is."}
    add_practice(project=current.project, drafts=[practice_from_record(record)] * 5, actor=None)
    right, wrong = (make_member(current.project) for _ in range(2))
    PracticeAssignment.objects.filter(attempt__membership__user=wrong).update(is_right=False)
    for member, ranks in ((right, (1, 2)), (wrong, (2, 1))):
        make_judgment(make_assignment(current, member), *ranks)
    fit_project(current.project)
    known = fit_of(current.project).known
    assert known[right.pk].if_first > 0.75 > known[wrong.pk].if_first


def test_answers_are_where_the_volunteer_saw_them_also_when_their_assignment_went_on(current):
    late, holder = make_member(current.project), make_member(current.project)
    lost = make_assignment(current, late)
    let_lapse(lost)
    make_judgment(make_assignment(current, holder), 1, 2)
    make_judgment(lost, 2, 1)
    ballots = ballots_in(Judgment.objects.of_project(current.project))
    for judgment in Judgment.objects.of_project(current.project):
        order = judgment.shown_assignment.order
        own = ballots.judgment == judgment.pk
        places = dict(zip(ballots.completion[own].tolist(), ballots.place[own].tolist(), strict=True))
        assert places == {completion: place for place, completion in enumerate(order)}


def test_whoever_takes_their_judgments_back_leaves_no_reliability(current, people):
    fit_project(current.project)
    leave_project(membership=people[0].memberships.get(), withdraw=True)
    assert not Reliability.objects.filter(volunteer=people[0]).exists()
    fit_project(current.project)
    assert not Reliability.objects.filter(volunteer=people[0]).exists()
    assert Reliability.objects.count() == 3


def test_ones_own_reliability_is_in_the_archive_of_ones_data(current, people):
    fit_project(current.project)
    (row,) = reliability(people[3])
    assert row["project"] == current.project.slug and row["reliability"] < 0.55
    assert row["in_second_group"] is None and row["found_at"] is not None
