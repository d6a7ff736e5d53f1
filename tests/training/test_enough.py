"""Whether there is enough new data for an update, and what is said where there is not."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotator.events import Kind
from annotator.models import Event, Project
from ranking.models import Tally
from ranking.services import claim_next, pause_round, submit_judgment
from tests.factories import coordinator_of, make_member
from training.models import Schedule
from training.services.clock import tick
from training.services.enough import FEWEST_COMPARED, Enough, enough_for_update, expected_on
from training.services.week import Step, week_of

from .making import PROMPTS, judge_all, make_finished, make_judged, make_update

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    """Judged by one person, with room for two more."""
    return make_judged(judgments_per_comparison=3)


def enough(project: Project, **asked: int) -> Enough:
    return enough_for_update(project, Schedule(project=project, **({"min_new_judgments": 0} | asked)))


def missing(project: Project, **asked: int) -> list[tuple[str, int, int]]:
    return [(each.what, each.have, each.needed) for each in enough(project, **asked).missing]


def judge_otherwise(project: Project) -> None:
    """Another volunteer prefers, of each pair, the answer that others did not."""
    volunteer = make_member(project)
    while assignment := claim_next(project=project, volunteer=volunteer):
        texts = dict(assignment.comparison.completions.values_list("pk", "text"))
        order = sorted(texts, key=lambda pk: len(texts[pk]))
        ranks = {pk: place for place, pk in enumerate(order, start=1)}
        submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)


def test_what_is_asked_for_and_not_there_is_named_with_both_numbers(project):
    assert missing(project) == []
    asked = {"min_new_judgments": 20, "min_people": 3, "min_pairs": 15}
    assert missing(project, **asked) == [
        ("judgments", PROMPTS, 20),
        ("people", 1, 3),
        ("pairs", PROMPTS, 15),
    ]
    judge_all(project)
    assert missing(project, **asked) == [("people", 2, 3), ("pairs", PROMPTS, 15)]


def test_agreement_is_asked_for_only_where_enough_votes_can_be_compared(project):
    judge_otherwise(project)
    assert enough(project).collected.agreement == (0, PROMPTS) and PROMPTS < FEWEST_COMPARED
    assert missing(project, min_agreement=60) == []
    judge_all(project)
    assert missing(project, min_agreement=60) == [("agreement", 33, 60)]
    assert missing(project, min_agreement=33) == []


def test_what_an_update_has_learned_from_counts_no_more(project):
    make_finished(make_update(project))
    assert missing(project, min_new_judgments=1, min_people=1) == [("judgments", 0, 1), ("people", 0, 1)]


def test_the_day_of_enough_follows_the_pace_of_the_last_week(project):
    today = timezone.localdate()
    asked = {"min_new_judgments": PROMPTS + 4}
    assert expected_on(project, enough(project, **asked)) == today + timedelta(days=3)  # 12 in 7 days
    assert expected_on(project, enough(project, min_pairs=PROMPTS + 4)) == today + timedelta(days=3)
    assert expected_on(project, enough(project, min_people=9)) is None, "no pace says who comes"
    assert expected_on(project, enough(project, min_new_judgments=10**6)) is None, "beyond a year"
    Tally.objects.update(day=today - timedelta(days=8))
    assert expected_on(project, enough(project, **asked)) is None, "nobody ranked"


def test_a_scheduled_update_waits_for_people_too_and_the_page_says_what_is_missing_and_until_when(
    client, project
):
    Schedule.objects.create(
        project=project, cron="* * * * *", is_enabled=True, min_new_judgments=PROMPTS + 4, min_people=2
    )
    tick(timezone.now() + timedelta(minutes=2))
    assert not project.updates.exists() and project.rounds.get().is_open
    assert week_of(project).step == Step.COLLECTING
    (told,) = Event.objects.filter(project=project, kind=Kind.PASSED_OVER)
    assert [notice.user for notice in told.notices.all()] == [coordinator_of(project)]
    client.force_login(coordinator_of(project))
    text = client.get(reverse("training", args=[project.slug])).text
    assert f"Judgments: {PROMPTS} of {PROMPTS + 4}" in text and "People: 1 of 2" in text
    assert "there was not enough new data" in text and "At the pace of the last seven days" in text
    judge_all(project)
    tick(timezone.now() + timedelta(minutes=4))
    assert project.updates.get().slot is not None


def test_a_paused_round_passes_the_slot_over_and_says_so(client, project):
    Schedule.objects.create(project=project, cron="* * * * *", is_enabled=True, min_new_judgments=0)
    pause_round(project=project, actor=coordinator_of(project))
    tick(timezone.now() + timedelta(minutes=2))
    assert not project.updates.exists()
    client.force_login(coordinator_of(project))
    assert "the round was paused." in client.get(reverse("training", args=[project.slug])).text
