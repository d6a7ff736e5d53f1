"""All rounds with what each collected, cost and led to."""

import re

import pytest
from django.urls import reverse
from django.utils.html import escape

from annotator.models import Project, User
from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.browsing_forms import judgments_url
from ranking.models import Judgment, Round
from ranking.models.reliability import fit_of
from ranking.services import claim_next, submit_judgment
from tests.factories import coordinator_of, make_member
from tests.linked_numbers import linked_numbers
from tests.training.making import (
    METRICS,
    PROMPTS,
    SAMPLE,
    engine_script,
    judge_all,
    make_finished,
    make_judged,
    make_run,
    make_update,
)
from training.launching import launcher
from training.models import TrainingRun
from training.services.sampling.worker import execute_sampling
from training.services.timeline import Expense, RoundLine, line_of, rounds_of
from training.services.updates.control import request_cancel
from training.services.versions.releases import reject_version, release_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    """A project whose first round led to a release, whose second to none, and whose third is open."""
    project = make_judged(judgments_per_comparison=2)
    for decide in (release_version, reject_version):
        decide(version=make_finished(make_update(project)), actor=coordinator_of(project))
        run = project.runs.get(update=None, state=TrainingRun.State.QUEUED)
        execute_sampling(run.pk)
        judge_all(project)
    return project


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "command", engine_script(SAMPLE))


def lines(project: Project) -> list[RoundLine]:
    return [line_of(one, fit_of(one.project)) for one in rounds_of(project)]


def test_each_round_tells_what_it_collected_which_version_answered_and_which_was_live_after(project):
    third, second, first = lines(project)
    assert [line.round.state for line in (first, second, third)] == ["released", "kept", "open"]
    numbers = [(line.before.number, line.after and line.after.number) for line in (first, second, third)]
    assert numbers == [(0, 1), (1, 1), (1, None)]
    assert [line.candidate and line.candidate.number for line in (first, second, third)] == [1, 2, None]
    for line in (first, second, third):
        again = Judgment.objects.filter(comparison__round=line.round, is_current=True)
        assert line.collected.judgments == again.count() == PROMPTS
        assert line.collected.people == again.values("volunteer").distinct().count()


def test_judgments_after_the_cut_off_are_told_apart(client):
    project = make_judged(judgments_per_comparison=2)
    make_finished(make_update(project))
    late = make_member(project)
    for _ in range(3):
        assignment = claim_next(project=project, volunteer=late)
        submit_judgment(
            assignment=assignment,
            volunteer=late,
            key=assignment.key,
            ranks=dict.fromkeys(assignment.order, 1),
        )
    (line,) = lines(project)
    assert (line.collected.judgments, line.late) == (PROMPTS + 3, 3)
    client.force_login(coordinator_of(project))
    page = client.get(reverse("round", args=[project.slug, 1])).text
    after = judgments_url(project, round=1, missing=1)
    assert escape(after) in page and client.get(after).context["count"] == 3
    prompts = project.prompts.filter(comparisons__judgments__volunteer=late)
    withdraw_prompts(project=project, prompt_ids=[prompts.first().pk], actor=None)
    assert lines(project)[0].late == 2, "of a withdrawn prompt none will count for the next update"
    release_version(version=line.candidate, actor=None)
    overview = client.get(reverse("training", args=[project.slug])).text
    assert linked_numbers(client, project, overview) == [(2, 2)]


def test_what_a_round_took_has_its_sampling_all_its_updates_and_attempts_without_success():
    project = make_judged()
    failed = make_update(project)
    failed.claim()
    TrainingRun.objects.filter(pk=make_run(failed).pk).update(unfinished_seconds=83.4)
    request_cancel(update=failed)
    failed.finish(failed.State.CANCELLED)
    make_finished(make_update(project))
    (line,) = lines(project)
    assert line.expense.seconds == pytest.approx(4 * 83.4)
    assert line.expense.kwh == pytest.approx(4 * 0.0012)


@pytest.mark.parametrize(
    ("results", "unfinished", "expected"),
    [
        ([], 0, (0, 0)),
        ([], 5, (5, None)),
        ([{"seconds": 10, "energy": {"kwh": 1}}], 5, (15, 1.5)),
        ([{"seconds": 10, "energy": {"kwh": 1}}, {"seconds": 10}], 0, (20, None)),
    ],
)
def test_energy_is_unknown_where_a_part_of_it_is(results, unfinished, expected):
    runs = [TrainingRun(result=result) for result in results]
    expense = Expense.of([*runs, TrainingRun(unfinished_seconds=unfinished)])
    assert (expense.seconds, expense.kwh) == expected


def test_the_page_has_a_line_for_each_round_and_leads_to_each(client, project):
    client.force_login(coordinator_of(project))
    text = client.get(reverse("timeline", args=[project.slug])).text
    for number in (1, 2, 3):
        assert reverse("round", args=[project.slug, number]) in text
    assert "2 candidates were tested" in text
    assert f"{METRICS['evaluate']['win_rate_ties_half']:.0%}".replace("%", "\xa0%") in text


def test_a_rounds_page_tells_when_it_came_to_which_state_and_leads_to_its_update(client, project):
    client.force_login(coordinator_of(project))
    text = client.get(reverse("round", args=[project.slug, 1])).text
    states = ("Open", "Cut off", "Learning", "Being tested", "Released", "Closed: no more rankings")
    places = [text.index(f"<td>{state}</td>") for state in states]
    assert places == sorted(places)
    assert (
        reverse("update", args=[project.slug, 1]) in text
        and reverse("version", args=[project.slug, 1]) in text
    )
    assert client.get(reverse("round", args=[project.slug, 9])).status_code == 404


def test_a_round_that_only_simulated_volunteers_ranked_says_so_in_the_place_of_agreement(client):
    project = make_judged(judgments_per_comparison=2)
    judge_all(project)
    client.force_login(coordinator_of(project))
    pages = [reverse("timeline", args=[project.slug])]
    pages += [reverse(name, args=[project.slug, 1]) for name in ("round", "report")]
    assert not any("all simulated" in client.get(page).text for page in pages)
    User.objects.filter(memberships__project=project).update(is_simulated=True)
    assert [re.findall("all (?:judgments are )?simulated", client.get(page).text) for page in pages] == [
        ["all simulated"],
        ["all judgments are simulated"],
        ["all judgments are simulated"],
    ]


def test_older_rounds_are_on_the_next_page_and_a_bad_number_shows_the_newest(client, project, monkeypatch):
    monkeypatch.setattr("training.views.timeline.ROUNDS", 2)
    client.force_login(coordinator_of(project))
    page = reverse("timeline", args=[project.slug])
    assert "?before=2" in client.get(page).text
    older = client.get(page, {"before": 2})
    assert [line.round.number for line, _cost in older.context["lines"]] == [1]
    for bad in ("x", "-1", "9" * 30, "²"):
        found = client.get(page, {"before": bad}).context["lines"]
        assert [line.round.number for line, _cost in found] == [3, 2]


def test_the_page_asks_no_more_for_more_judgments(client, project, django_assert_max_num_queries):
    client.force_login(coordinator_of(project))
    client.get(reverse("timeline", args=[project.slug]))
    with django_assert_max_num_queries(15 + 4 * Round.objects.count()):
        client.get(reverse("timeline", args=[project.slug]))
