"""What groups that people state say in a blind test: counted once, of enough people, and a condition."""

import pytest
from django.urls import reverse

from annotator.limits import FEWEST_PEOPLE
from annotator.models import Project, User
from annotator.services.groups import state_groups
from annotator.services.projects import change_settings
from ranking.services import close_round, leave_project
from tests.factories import coordinator_of, make_member
from training.models import BlindTest, GroupFigure, ModelVersion
from training.services.gate import groups
from training.services.gate.blind_test import look_at, start_blind_test
from training.services.gate.conditions import Condition, Rule, conditions_of
from training.services.gate.slices import Kind, slices_of

from .blind_tests import make_candidate, page_of_rejected, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    candidate = make_candidate(monkeypatch)
    values = {"groups": ["Farmers"], "own_groups": True}
    change_settings(project=candidate.project, values=values, actor=coordinator_of(candidate.project))
    return candidate


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three people are enough."""
    monkeypatch.setattr(groups, "FEWEST_PEOPLE", 3)


def state(project: Project, people: list[User], *keys: str) -> None:
    for person in people:
        state_groups(membership=project.memberships.get(user=person), keys=keys)


def end(test: BlindTest) -> None:
    close_round(project=test.candidate.project)
    assert not look_at(test).is_open


def vote_in_two_groups(candidate: ModelVersion, each: int = 3) -> tuple[list[User], list[User]]:
    """Farmers prefer the live version, others the candidate; and the test ends."""
    test = start_blind_test(version=candidate, actor=None)
    farmers, others = vote(test, each, prefers_new=0.0), vote(test, each)
    state(candidate.project, farmers, "farmers")
    end(test)
    return farmers, others


def test_a_group_has_its_win_rate_the_reward_models_agreement_and_that_of_others(few, candidate):
    vote_in_two_groups(candidate)
    (found,) = [each for each in slices_of(candidate) if each.kind == Kind.GROUP]
    assert (found.name, found.size, found.won.value, found.gain) == ("Farmers", 0, 0.0, None)
    assert 0 == found.won.low < found.won.high < 1
    # The reward model gives the candidate's answers more. Two farmers agree with each, three others do not.
    assert found.rewarded.value == 0.0 and found.rewarded.high == found.won.high
    assert found.agreement.value == pytest.approx(2 / 5)


def test_ten_people_of_the_group_and_ten_others_are_enough(monkeypatch, candidate):
    monkeypatch.setattr("ranking.services.claiming.MOST_TEST_VOTES_EACH", 1)
    vote_in_two_groups(candidate, FEWEST_PEOPLE)
    (found,) = slices_of(candidate)
    assert (found.name, found.size) == ("Farmers", 10)


@pytest.mark.parametrize(("farmers", "others"), [(2, 3), (3, 2), (3, 0)])
def test_a_group_is_not_told_where_it_or_the_rest_is_small(few, candidate, farmers, others):
    test = start_blind_test(version=candidate, actor=None)
    state(candidate.project, vote(test, farmers), "farmers")
    vote(test, others)
    end(test)
    assert not GroupFigure.objects.exists()


def test_simulated_volunteers_hide_nobody(few, candidate):
    test = start_blind_test(version=candidate, actor=None)
    state(candidate.project, vote(test, 3), "farmers")
    for simulated in vote(test, 3):
        User.objects.filter(pk=simulated.pk).update(is_simulated=True)
    end(test)
    assert not GroupFigure.objects.exists()


def test_members_who_did_not_vote_are_not_counted(few, candidate):
    test = start_blind_test(version=candidate, actor=None)
    voters = vote(test, 5)
    state(candidate.project, [*voters[:2], make_member(candidate.project)], "farmers")
    end(test)
    assert not GroupFigure.objects.exists()


def test_figures_stay_as_they_were_when_the_test_ended(few, candidate):
    farmers, others = vote_in_two_groups(candidate)
    test = BlindTest.objects.get()
    before = list(GroupFigure.objects.values())
    state(candidate.project, others[:1], "farmers", "bakers")
    leave_project(membership=candidate.project.memberships.get(user=farmers[0]), withdraw=False)
    look_at(test)
    assert list(GroupFigure.objects.values()) == before


def test_while_a_test_is_open_no_group_is_told(few, candidate):
    test = start_blind_test(version=candidate, actor=None)
    state(candidate.project, vote(test, 3), "farmers")
    vote(test, 3)
    test.comparisons.set(test.comparisons.all()[:1])  # too few votes to end it
    assert look_at(test).is_open and slices_of(candidate) == []


def test_without_the_evaluations_file_there_is_no_figure_of_the_reward_model(few, candidate):
    test = start_blind_test(version=candidate, actor=None)
    (candidate.update.run_of("evaluate").folder / "output" / "comparisons.jsonl").unlink()
    state(candidate.project, vote(test, 3), "farmers")
    vote(test, 3)
    end(test)
    (found,) = slices_of(candidate)
    assert found.rewarded is None and found.agreement is not None


def told(test: BlindTest, name: str, low: float, high: float) -> None:
    middle = (low + high) / 2
    GroupFigure.objects.create(
        test=test, name=name, people=23, measure=GroupFigure.Measure.WON, value=middle, low=low, high=high
    )


def test_a_group_for_which_the_live_version_is_clearly_better_fails_the_candidate(client, candidate):
    test = start_blind_test(version=candidate, actor=None)
    told(test, "Farmers", 0.1, 0.5)
    assert Condition(Rule.GROUPS, holds=True) in conditions_of(candidate)
    told(test, "bakers", 0.1, 0.49)
    assert Condition(Rule.GROUPS, holds=False) in conditions_of(candidate)
    text = page_of_rejected(client, candidate)
    assert "For a group of people it is clearly worse" in text
    assert "<bdi>bakers</bdi>" in text and "20+" in text and "23" not in text.partition("bakers")[2][:300]
    report = client.get(reverse("report", args=[candidate.project.slug, 1])).text
    assert "For people of the group “bakers” it won 30\xa0%" in report and "“Farmers”" not in report
