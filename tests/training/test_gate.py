"""The gate: what a candidate must pass, the blind test by people, and deciding by rule."""

import json
import random
from functools import partial
from itertools import islice

import numpy as np
import pytest
from django.urls import reverse
from django.utils.html import escape

from annotator.errors import RefusedError
from annotator.models import Role, Split
from ranking.browsing_forms import judgments_url
from ranking.models import Assignment, Judgment, Round
from ranking.models.round_states import RoundState
from ranking.services import claim_next, open_round, submit_judgment
from ranking.services.blind_tests import MOST_TEST_VOTES_EACH
from ranking.services.review.people import exclude_person, include_person
from ranking.statistics.agreement import PairwiseAgreement
from tests.factories import coordinator_of, make_member, make_prompt
from tests.pressing import press
from training.models import BlindTest, Gate, ModelVersion
from training.services.clock import tick
from training.services.gate import blind_test, slices
from training.services.gate.blind_test import fresh_prompts, look_at, start_blind_test
from training.services.gate.conditions import Condition, Rule, conditions_of
from training.services.gate.slices import Kind, slices_of
from training.services.gate.votes import votes_of
from training.services.sampling.control import cancel_sampling
from training.services.versions.releases import reject_version, release_version

from .blind_tests import HELD_OUT, gate_of, make_candidate, page_of_rejected, vote, write_answers
from .making import make_finished, make_judged, make_update

pytestmark = pytest.mark.django_db
State = ModelVersion.State


@pytest.fixture
def candidate(monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    return make_candidate(monkeypatch)


# The comparisons


def test_a_test_compares_both_versions_on_held_out_prompts_in_the_open_round(candidate):
    before = candidate.project.rounds.get().assignment_count
    test = start_blind_test(version=candidate, actor=None)
    held_out = set(candidate.project.prompts.held_out())
    for comparison in test.comparisons.all():
        assert comparison.round == test.round and comparison.prompt in held_out
        authors = list(comparison.completions.values_list("author", flat=True))
        assert sorted(authors) == sorted([candidate.author_id, candidate.parent.author_id])
    votes = Assignment.objects.filter(comparison__in=test.comparisons.all())
    assert votes.count() >= 600 and all(number < 0 for number in votes.values_list("number", flat=True))
    assert candidate.project.rounds.get().assignment_count == before + votes.count()


def test_a_prompt_that_a_test_has_used_is_never_used_again(monkeypatch, candidate):
    project = candidate.project
    test = start_blind_test(version=candidate, actor=None)
    used = set(test.comparisons.values_list("prompt", flat=True))
    assert not fresh_prompts(project).exists()
    reject_version(version=candidate, actor=None)
    for run in project.runs.active():
        cancel_sampling(run=run)
    another = make_finished(make_update(project))
    write_answers(another.update)
    with pytest.raises(RefusedError, match=r"at least 4 held-out prompts .* there are 0"):
        start_blind_test(version=another, actor=None)
    while fresh_prompts(project).count() < HELD_OUT:
        make_prompt(project)
    write_answers(another.update)
    again = start_blind_test(version=another, actor=None)
    assert again.comparisons.count() == test.comparisons.count()
    assert not set(again.comparisons.values_list("prompt", flat=True)) & used


def test_answers_that_both_versions_give_are_not_compared(candidate):
    path = candidate.update.run_of("evaluate").folder / "output" / "comparisons.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row | {"candidate": row["baseline"]}) + "\n" for row in rows))
    with pytest.raises(RefusedError, match="there are 0"):
        start_blind_test(version=candidate, actor=None)
    assert not BlindTest.objects.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"prompt_id": 1}', None])
def test_answers_that_cannot_be_read_begin_no_test(candidate, text):
    path = candidate.update.run_of("evaluate").folder / "output" / "comparisons.jsonl"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(RefusedError, match="can no longer be read"):
        start_blind_test(version=candidate, actor=None)


def test_only_a_candidate_of_the_live_version_is_tested_once_while_its_round_is_open(candidate):
    live = candidate.parent
    with pytest.raises(RefusedError, match="Only a candidate"):
        start_blind_test(version=live, actor=None)
    start_blind_test(version=candidate, actor=None)
    with pytest.raises(RefusedError, match="already"):
        start_blind_test(version=candidate, actor=None)
    BlindTest.objects.all().delete()
    candidate.project.rounds.get().close()
    with pytest.raises(RefusedError, match="not open"):
        start_blind_test(version=candidate, actor=None)


# The queue


def test_while_a_test_is_on_its_comparisons_come_among_the_others(monkeypatch):
    project = make_judged(judgments_per_comparison=50)
    candidate = make_candidate(monkeypatch, project)
    test = start_blind_test(version=candidate, actor=None)
    ours = set(test.comparisons.values_list("pk", flat=True))
    volunteer, chance, kinds = make_member(project), random.Random(3), []
    for _ in range(8):
        assignment = claim_next(project=project, volunteer=volunteer, chance=chance)
        kinds.append(assignment.comparison_id in ours)
        ranks = dict.fromkeys(assignment.order, 1)
        submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)
    assert any(kinds) and not all(kinds)


def test_one_person_gives_a_test_so_many_votes_and_no_more(monkeypatch, candidate):
    monkeypatch.setattr("ranking.services.claiming.MOST_TEST_VOTES_EACH", 1)
    test = start_blind_test(version=candidate, actor=None)
    assert MOST_TEST_VOTES_EACH == 60
    volunteer = make_member(candidate.project)
    while assignment := claim_next(project=candidate.project, volunteer=volunteer):
        ranks = dict.fromkeys(assignment.order, 1)
        submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)
    assert votes_of(test).person.tolist() == [volunteer.pk]


# The votes


def test_a_vote_is_the_share_of_pairs_that_the_candidate_won_a_tie_as_half(candidate):
    test = start_blind_test(version=candidate, actor=None)
    for place, ranks in enumerate(((1, 2), (2, 1), (1, 1))):
        volunteer = make_member(candidate.project)
        assignment = Assignment.objects.filter(number__lt=0, state="free")[place]
        comparison = assignment.comparison
        while (held := claim_next(project=candidate.project, volunteer=volunteer)) is not None:
            if held.comparison_id in set(test.comparisons.values_list("pk", flat=True)):
                break
            blank = dict.fromkeys(held.order, 1)
            submit_judgment(assignment=held, volunteer=volunteer, key=held.key, ranks=blank)
        by_author = dict(held.comparison.completions.values_list("author", "pk"))
        new, old = by_author[candidate.author_id], by_author[candidate.parent.author_id]
        submit_judgment(
            assignment=held, volunteer=volunteer, key=held.key, ranks={new: ranks[0], old: ranks[1]}
        )
    assert votes_of(test).outcome.tolist() == [1.0, 0.0, 0.5] and comparison


def test_a_test_ends_with_its_verdict_and_its_unused_comparisons_leave_the_round(candidate):
    test = start_blind_test(version=candidate, actor=None)
    vote(test)
    look_at(test)
    assert (test.verdict, test.is_open) == (BlindTest.Verdict.BETTER, False)
    assert test.low > 0.5 and test.shrunken < test.mean == 1.0 and test.people == 6
    assert not Assignment.objects.filter(number__lt=0, state="free").exists()
    current = Round.objects.get(pk=test.round_id)
    assert current.assignment_count == current.assignments.count()
    before = test.ended_at
    assert look_at(test).ended_at == before


def test_a_test_counts_those_who_were_not_excluded_when_it_began(candidate):
    project = candidate.project
    early, late = make_member(project), make_member(project)
    act = {"project": project, "actor": coordinator_of(project)}
    exclude_person(volunteer=early, reason="careless", note="", **act)
    test = start_blind_test(version=candidate, actor=None)
    for volunteer in (early, late):
        while assignment := claim_next(project=project, volunteer=volunteer):
            blank = dict.fromkeys(assignment.order, 1)
            submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=blank)
    assert set(votes_of(test).person.tolist()) == {late.pk}
    include_person(volunteer=early, **act)
    exclude_person(volunteer=late, reason="careless", note="", **act)
    assert set(votes_of(test).person.tolist()) == {late.pk}


def test_people_who_prefer_the_live_version_fail_the_candidate(candidate):
    test = start_blind_test(version=candidate, actor=None)
    vote(test, prefers_new=0.0)
    assert look_at(test).verdict == BlindTest.Verdict.WORSE
    assert conditions_of(candidate)[-1].holds is False


def test_a_test_without_votes_says_nothing_and_goes_on(candidate):
    test = look_at(start_blind_test(version=candidate, actor=None))
    assert (test.verdict, test.votes, test.mean, test.is_open) == (BlindTest.Verdict.GO_ON, 0, None, True)
    assert conditions_of(candidate)[-1].holds is None


def test_a_decision_before_its_end_ends_the_test(candidate):
    test = start_blind_test(version=candidate, actor=None)
    release_version(version=candidate, actor=None)
    tick()
    test.refresh_from_db()
    assert not test.is_open and not Assignment.objects.filter(number__lt=0, state="free").exists()


def test_a_round_that_closes_ends_the_test_without_a_verdict_and_a_coordinator_decides(candidate):
    gate_of(candidate.project, Gate.RULE)
    test = start_blind_test(version=candidate, actor=None)
    open_round(project=candidate.project, author=candidate.parent.author)
    tick()
    test.refresh_from_db()
    candidate.refresh_from_db()
    assert (test.verdict, test.is_open) == (BlindTest.Verdict.GO_ON, False)
    assert candidate.state == State.CANDIDATE


# By language


def give_slices(candidate: ModelVersion, wins: dict[str, float], label: str = "language") -> None:
    """As many held-out prompts of each label, whose comparisons the candidate wins at this rate."""
    project, rows = candidate.project, []
    for value, outcome in wins.items():
        made = iter(partial(make_prompt, project, **{label: value}), None)
        for prompt in islice((each for each in made if each.split == Split.HELD_OUT), 12):
            texts = {"baseline": "Old.", "candidate": "New.", "baseline_score": 0.0, "candidate_score": 1.0}
            rows.append({"prompt_id": str(prompt.pk), "outcome": outcome} | texts)
    path = candidate.update.run_of("evaluate").folder / "output" / "comparisons.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_language_in_which_the_live_version_is_clearly_better_fails_the_candidate(client, candidate):
    give_slices(candidate, {"en": 1.0, "es-MX": 0.0, "fr": 0.5})
    found = {each.name: (each.size, each.won.value, each.is_worse) for each in slices_of(candidate)}
    assert found == {"English": (12, 1.0, False), "Español": (12, 0.0, True), "Français": (12, 0.5, False)}
    assert Condition(Rule.LANGUAGES, holds=False) in conditions_of(candidate)
    text = page_of_rejected(client, candidate)
    assert "In a language it is clearly worse" in text and "Español" in text


def test_one_language_alone_and_a_file_that_is_gone_or_spoilt_are_no_condition(candidate):
    give_slices(candidate, {"en": 0.0})
    assert slices_of(candidate) == []
    path = candidate.update.run_of("evaluate").folder / "output" / "comparisons.jsonl"
    path.write_text('{"prompt_id": "x"}')
    assert slices_of(candidate) == []
    path.unlink()
    assert slices_of(candidate) == []
    assert Rule.LANGUAGES not in [each.rule for each in conditions_of(candidate)]


def test_a_subject_on_which_the_live_version_is_clearly_better_fails_the_candidate(client, candidate):
    give_slices(candidate, {"Oceans, sea": 0.0, "oceans,energy": 0.0, "air": 1.0}, label="tags")
    found = {each.name: (each.kind, each.size, each.is_worse) for each in slices_of(candidate)}
    assert found == {
        "Oceans": (Kind.TAG, 24, True),
        "sea": (Kind.TAG, 12, True),
        "energy": (Kind.TAG, 12, True),
        "air": (Kind.TAG, 12, False),
    }
    assert Condition(Rule.TAGS, holds=False) in conditions_of(candidate)
    text = page_of_rejected(client, candidate)
    assert "On a subject it is clearly worse" in text and "<bdi>Oceans</bdi>" in text


def test_a_tag_of_few_prompts_is_no_slice(candidate, monkeypatch):
    monkeypatch.setattr(slices, "FEWEST_OF_A_TAG", 13)
    give_slices(candidate, {"air": 0.0}, label="tags")
    assert slices_of(candidate) == [] and Rule.TAGS not in [each.rule for each in conditions_of(candidate)]


def test_a_slice_has_the_rise_of_score_and_the_agreement_of_people_on_its_prompts(candidate):
    give_slices(candidate, {"air": 1.0}, label="tags")
    (one,) = slices_of(candidate)
    assert (one.gain.value, one.gain.low, one.agreement) == (1.0, 1.0, None)
    first = slices._agreement([PairwiseAgreement(6, 8), PairwiseAgreement(3, 4)], 0.99)
    assert first.value == 0.75 == first.low
    assert slices._agreement([PairwiseAgreement(6, 8)], 0.99) is None


def test_of_more_slices_each_has_a_wider_interval(candidate):
    give_slices(candidate, {"air": 0.5}, label="tags")
    (alone,) = slices_of(candidate)
    give_slices(candidate, {"air": 0.5, "sea": 0.5}, label="tags")
    (first, _second) = slices_of(candidate)
    assert first.won.low < alone.won.low


# By rule


@pytest.mark.parametrize(
    "metrics",
    [
        {"win_rate_ties_half_low": 0.49},
        {"watches": [{"watch": "shorter", "value": 0.5, "threshold": 1.5}]},
        {"candidate_unsafe": 0.2},
    ],
    ids=["win rate", "watch", "safety"],
)
def test_by_rule_a_candidate_that_fails_in_its_evaluation_is_rejected_without_votes(monkeypatch, metrics):
    version = make_candidate(monkeypatch, **metrics)
    gate_of(version.project, Gate.RULE)
    tick()
    version.refresh_from_db()
    assert version.state == State.REJECTED and not BlindTest.objects.exists()
    assert version.project.rounds.begun().get().state == RoundState.KEPT
    (failed,) = version.project.audit_events.filter(verb="gate.failed")
    assert len(failed.data["rules"]) == 1


def test_by_rule_people_are_asked_and_a_candidate_that_passes_all_goes_live(candidate):
    gate_of(candidate.project, Gate.RULE)
    tick()
    test = BlindTest.objects.get(candidate=candidate)
    tick()
    candidate.refresh_from_db()
    assert candidate.state == State.CANDIDATE
    vote(test)
    tick()
    candidate.refresh_from_db()
    assert candidate.state == State.LIVE
    assert candidate.project.rounds.begun().get().state == RoundState.RELEASED


def test_by_rule_a_candidate_that_people_do_not_prefer_is_rejected(candidate):
    gate_of(candidate.project, Gate.RULE)
    tick()
    vote(BlindTest.objects.get(candidate=candidate), prefers_new=0.0)
    tick()
    candidate.refresh_from_db()
    assert candidate.state == State.REJECTED


def test_without_enough_fresh_prompts_a_coordinator_decides(monkeypatch, candidate):
    monkeypatch.setattr(blind_test, "FEWEST_PROMPTS", 10**6)
    gate_of(candidate.project, Gate.RULE)
    tick()
    candidate.refresh_from_db()
    assert candidate.state == State.CANDIDATE and not BlindTest.objects.exists()


def test_where_people_test_and_a_coordinator_decides_nothing_is_decided_by_itself(candidate):
    gate_of(candidate.project, Gate.PEOPLE)
    tick()
    vote(BlindTest.objects.get(candidate=candidate))
    tick()
    candidate.refresh_from_db()
    assert candidate.state == State.CANDIDATE
    assert all(each.holds for each in conditions_of(candidate))


# The page


def test_a_coordinator_asks_people_and_reads_what_they_say(client, candidate):
    project = candidate.project
    client.force_login(coordinator_of(project))
    page, act = (reverse(name, args=[project.slug, 1]) for name in ("version", "start-test"))
    answer = press(client, page, act, follow=True)
    assert "The blind test has begun" in answer.text and "People have not decided yet" in answer.text
    test = BlindTest.objects.get()
    vote(test)
    look_at(test)
    text = client.get(page).text
    assert "People prefer its answers" in text and "is the better guess" in text
    assert "Ask people" not in text
    versions = {"version": candidate.author_id, "against": test.baseline.author_id}
    votes = judgments_url(project, round=test.round.number, **versions)
    assert escape(votes) in text and client.get(votes).context["count"] == test.votes


def test_a_verdict_that_few_votes_carry_says_so(client, candidate):
    test = start_blind_test(version=candidate, actor=None)
    vote(test)
    look_at(test)
    BlindTest.objects.update(votes=1000, turning_votes=3, one_person_turns=True, simulated_votes=7)
    client.force_login(coordinator_of(candidate.project))
    text = client.get(reverse("version", args=[candidate.project.slug, 1])).text
    for words in (
        "Without 3 of the 1000 votes it would say otherwise.",
        "This rests on few votes.",
        "Without the votes of one person it would say otherwise.",
        "7 of the votes are simulated",
    ):
        assert words in text


def test_starting_a_test_is_for_coordinators_of_the_project_and_takes_only_posts(client, candidate):
    act = reverse("start-test", args=[candidate.project.slug, 1])
    client.force_login(coordinator_of(make_judged()))
    assert client.post(act).status_code == 404
    for role in (Role.VOLUNTEER, Role.REVIEWER):
        client.force_login(make_member(candidate.project, role))
        assert client.post(act).status_code == 403
    client.force_login(coordinator_of(candidate.project))
    assert client.get(act).status_code == 405
    assert client.post(reverse("start-test", args=[candidate.project.slug, 99])).status_code == 404
    assert not BlindTest.objects.exists() and not np.any(Judgment.objects.filter(assignment__number__lt=0))
