"""How far a round has come: progress, forecast, agreement, and what is worth more votes."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotator.models import Role
from ranking.models import Judgment, Tally
from ranking.models.collected import collected_in
from ranking.models.contested import standing_of
from ranking.models.forecast import forecast_of
from ranking.services import add_test_comparisons, close_round, prepare_round, skip_comparison
from ranking.services.choosing import Group
from ranking.statistics.consensus import Fit
from tests.factories import coordinator_of, make_member

from .making import make_assignment, make_judgment, make_round

pytestmark = pytest.mark.django_db
FIRST, SECOND = (1, 2), (2, 1)


@pytest.fixture
def current():
    """Three comparisons of two answers, for three people each."""
    return make_round(prompts=3, answers=2, judgments_per_comparison=3)


def judge(current, *rankings):
    """Each of these people gives these rankings of the first comparisons, by id, and skips the others."""
    comparisons = current.comparisons.order_by("pk").values_list("pk", flat=True)
    for own in rankings:
        volunteer, given = make_member(current.project), dict(zip(comparisons, own, strict=False))
        while given:
            assignment = make_assignment(current, volunteer)
            if ranks := given.pop(assignment.comparison_id, None):
                make_judgment(assignment, *ranks)
            else:
                skip_comparison(assignment=assignment, volunteer=volunteer)


def page(current):
    return reverse("round-progress", args=[current.project.slug, current.number])


def forecast(current):
    collected = collected_in(Judgment.objects.in_round(current), Fit({}))
    progress = Tally.objects.progress(current, coordinator_of(current.project))
    return forecast_of(current, progress, collected)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.COORDINATOR])
def test_reviewers_and_coordinators_see_how_far_a_round_has_come(client, current, role):
    judge(current, [FIRST, FIRST, FIRST], [FIRST, SECOND, FIRST])
    client.force_login(make_member(current.project, role))
    response = client.get(page(current))
    assert response.status_code == 200
    text = response.content.decode()
    assert "6 of 9 judgments" in text and "Of 3 pairs of votes" in text
    contested = current.comparisons.order_by("pk")[1]
    assert contested.prompt.question in text and f"?comparison={contested.pk}" in text
    assert current.comparisons.order_by("pk")[0].prompt.question not in text


def test_a_round_in_which_nobody_has_ranked_says_so(client, current):
    client.force_login(coordinator_of(current.project))
    text = client.get(page(current)).content.decode()
    assert (
        "cannot be told yet" in text
        and "No comparison is leaning or contested" in text
        and "Too little" in text
    )


def test_who_may_not_see_it(client, current):
    address = page(current)
    client.force_login(make_member(current.project))
    assert client.get(address).status_code == 403
    client.force_login(coordinator_of(make_round().project))
    assert client.get(address).status_code == 404
    client.force_login(coordinator_of(current.project))
    assert client.post(address).status_code == 405
    assert client.get(address.replace(f"/{current.number}/", "/99/")).status_code == 404
    close_round(project=current.project)
    prepared = prepare_round(project=current.project, author=current.author)
    assert client.get(page(prepared)).status_code == 404


def test_it_is_foretold_what_a_week_at_this_pace_brings(current):
    judge(current, [FIRST, FIRST])
    Tally.objects.update(day=timezone.localdate() - timedelta(days=6))
    found = forecast(current)
    assert found.per_day == pytest.approx(2 / 7)
    assert found.day == timezone.localdate() + timedelta(days=7)
    assert found.ends_on == timezone.localdate() + timedelta(days=25)
    assert found.pairs == 3  # no more than there are


def test_what_was_ranked_before_these_days_foretells_nothing(current):
    judge(current, [FIRST, FIRST])
    Tally.objects.update(day=timezone.localdate() - timedelta(days=7))
    assert forecast(current) is None


def test_nothing_is_foretold_of_a_round_that_is_judged_to_its_end():
    current = make_round(answers=2)
    judge(current, [FIRST])
    assert forecast(current) is None


def test_comparisons_are_settled_contested_or_have_too_few_votes(current):
    judge(current, [FIRST, FIRST, FIRST], [FIRST, SECOND])
    standing = standing_of(current, Fit({}), most=5)
    assert (standing.settled, standing.contested, standing.few_votes) == (1, 1, 1)
    (worth_more,) = standing.worth_more
    assert worth_more.comparison == current.comparisons.order_by("pk")[1]
    assert (worth_more.votes, worth_more.settled_share, worth_more.is_asked) == (2, 0.0, True)
    assert standing_of(current, Fit({}), most=0).worth_more == []


def test_a_comparison_leans_where_votes_prefer_an_answer_by_too_little_to_settle_it():
    current = make_round(prompts=2, answers=2, judgments_per_comparison=3)
    judge(current, [FIRST, FIRST], [SECOND, SECOND], [FIRST, (1, 1)])
    standing = standing_of(current, Fit({}), most=5)
    assert (standing.settled, standing.leaning, standing.contested) == (0, 1, 1)
    assert [one.comparison for one in standing.worth_more] == list(current.comparisons.order_by("pk"))


def test_where_people_divide_more_votes_are_worth_nothing():
    current = make_round(answers=2, judgments_per_comparison=10)
    judge(current, *[[FIRST], [SECOND]] * 5)
    standing = standing_of(current, Fit({}), most=5)
    assert (standing.contested, standing.divided, standing.worth_more) == (0, 1, [])


def test_a_blind_test_is_left_out(current):
    judge(current, [FIRST], [SECOND])
    first = current.comparisons.first()
    group = Group(first.prompt_id, [one.pk for one in first.completions.all()])
    before = standing_of(current, Fit({}), most=5)
    add_test_comparisons(current=current, groups=[group], votes=2)
    assert standing_of(current, Fit({}), most=5) == before
