"""People whose answers are unlike others': finding them, and what reviewers decide about them."""

import json
import zipfile
from io import BytesIO

import pytest
from django.test import Client

from annotator.models import AuditEvent, Project, Role, User
from annotator.pseudonyms import pseudonym_of
from annotator.services.completions import get_or_create_author
from annotator.services.members import change_role
from annotator.shown import ChangedMeanwhileError, Shown
from ranking.dataset_files import write_snapshot
from ranking.errors import RankingError
from ranking.models import Exclusion, Finding, Judgment, Reliability
from ranking.models.agreement_figures import agreement_by_person, agreement_in
from ranking.models.findings import AGAIN
from ranking.models.leaderboard import leaderboard_of
from ranking.models.reliability import fit_of
from ranking.services import claim_next, datasets, leave_project, snapshot_preferences
from ranking.services.chat import add_unpaired_preference
from ranking.services.fits.findings import Found, store_findings
from ranking.services.fits.worker import fit_project
from ranking.services.personal_data import write_archive
from ranking.services.review.people import (
    bring_findings_back,
    exclude_person,
    include_person,
    put_findings_away,
)
from tests.api import client_of
from tests.factories import coordinator_of, make_completion, make_member, make_project, make_prompt

from .desk import at
from .making import make_judgment, make_round

pytestmark = pytest.mark.django_db

Kind = Finding.Kind
HASTY = {"judgments": 30, "seconds": 2.5, "hasty": 28}


@pytest.fixture
def current():
    return make_round(prompts=8, answers=3, judgments_per_comparison=6)


@pytest.fixture
def project(current) -> Project:
    return current.project


def judge(project: Project, *ranks: int, name: str = "", **fields: object) -> User:
    """A new volunteer gives these ranks to the answers of every comparison."""
    volunteer = make_member(project, name=name)
    while assignment := claim_next(project=project, volunteer=volunteer):
        make_judgment(assignment, *ranks, seconds=30 + assignment.pk % 7 * 5, **fields)
    return volunteer


@pytest.fixture
def odd(project) -> User:
    """Five people agree on everything; what this one says is the opposite."""
    for _ in range(5):
        judge(project, 1, 2, 3)
    return judge(project, 3, 2, 1, name="Oda")


@pytest.fixture
def reviewer(project) -> User:
    return make_member(project, Role.REVIEWER, name="Rita")


@pytest.fixture
def reviewing(client, reviewer) -> Client:
    client.force_login(reviewer)
    return client


def exclude(project: Project, person: User, actor: User, **fields: str) -> Exclusion:
    given = {"reason": "careless", "note": ""} | fields
    return exclude_person(project=project, volunteer=person, actor=actor, **given)


def kinds_of(project: Project, person: User) -> list[str]:
    found = Finding.objects.waiting_in(project).filter(volunteer=person)
    return sorted(found.values_list("kind", flat=True))


# What is found


def test_who_says_the_opposite_of_all_others_is_found_and_nobody_else(project, odd):
    fit_project(project)
    assert set(Finding.objects.values_list("volunteer", flat=True)) == {odd.pk}
    figures = Finding.objects.get(kind=Kind.AGAINST).figures
    assert (figures["votes"], figures["agreed"]) == (24, 0) and figures["expected"] > 12
    assert figures["chance"] < 0.01


def test_hasty_and_even_times_and_repeated_words_are_found(project):
    many = make_round(prompts=22, answers=2).project
    person = make_member(many)
    while assignment := claim_next(project=many, volunteer=person):
        make_judgment(assignment, 1, 2, seconds=0.1, rationale="This answer is better, I think!")
    fit_project(many)
    assert kinds_of(many, person) == [Kind.EVEN, Kind.HASTY, Kind.SAME_TEXT]
    assert Finding.objects.get(kind=Kind.SAME_TEXT).figures == {
        "text": "This answer is better, I think!",
        "times": 22,
        "of": 22,
    }


def test_people_who_write_the_same_words_are_found(project):
    words = "This one names its sources and the other does not."
    alike = [judge(project, 1, 2, 3, rationale=words) for _ in range(2)]
    others = [judge(project, 1, 2, 3, rationale=f"{n} {words}") for n in range(2)]
    fit_project(project)
    assert all(Kind.SHARED_TEXT in kinds_of(project, person) for person in alike)
    assert not any(Kind.SHARED_TEXT in kinds_of(project, person) for person in others)


def test_simulated_volunteers_are_no_finding(project, odd):
    User.objects.filter(pk=odd.pk).update(is_simulated=True)
    fit_project(project)
    assert not Finding.objects.exists()


def test_what_is_no_longer_so_is_forgotten(project, odd):
    store_findings(project, {Found(odd.pk, Kind.HASTY): HASTY})
    fit_project(project)
    assert Kind.HASTY not in kinds_of(project, odd)


# What reviewers decide


def test_judgments_of_excluded_people_count_in_nothing_and_all_is_undone(project, odd, reviewer):
    def counted():
        judgments = Judgment.objects.of_project(project)
        manifest = snapshot_preferences(project=project).manifest
        return (
            manifest["counts"]["judgments"],
            manifest["excluded"],
            agreement_in(judgments).people,
            odd.pk in agreement_by_person(judgments),
            Reliability.objects.filter(volunteer=odd).exists(),
        )

    none = {"people": 0, "judgments": 0, "thumbs": 0, "reasons": {}}
    assert counted() == (48, none, 6, True, True)
    exclude(project, odd, reviewer, reason="partisan")
    out = {"people": 1, "judgments": 8, "thumbs": 0, "reasons": {"partisan": 1}}
    assert counted() == (40, out, 5, False, False)
    include_person(project=project, volunteer=odd, actor=reviewer)
    assert counted() == (48, none, 6, True, True)
    assert Judgment.objects.filter(volunteer=odd).count() == 8
    verbs = AuditEvent.objects.filter(project=project, verb__startswith="person.")
    person = pseudonym_of(project.pk, odd.pk)
    assert [(one.verb, one.actor, one.data["person"]) for one in verbs.order_by("pk")] == [
        ("person.excluded", reviewer, person),
        ("person.included", reviewer, person),
    ]


def test_a_leaderboard_leaves_excluded_people_out(project, odd, reviewer):
    other = get_or_create_author(project=project, kind="model", name="Version 2")
    for comparison in project.rounds.get().comparisons.all():
        last = comparison.completions.order_by("-pk").first()
        type(last).objects.filter(pk=last.pk).update(author=other)
    judgments, fit = Judgment.objects.of_project(project), fit_of(project)
    assert leaderboard_of(judgments, fit).boards[0].people == 6
    exclude(project, odd, reviewer)
    assert leaderboard_of(judgments, fit).boards[0].people == 5


def test_the_card_says_how_many_were_left_out_and_why(project, odd, reviewer):
    assert "| left out by reviewers | none |" in snapshot_preferences(project=project).card()
    exclude(project, odd, reviewer, reason="other", note="They told us.")
    card = snapshot_preferences(project=project).card()
    assert "| left out by reviewers | 8, people: 1 (other: 1) |" in card and "told us" not in card


def test_an_exclusion_while_a_dataset_is_written_counts_in_it(project, odd, reviewer, monkeypatch):
    def write(*args):
        if not Exclusion.objects.exists():
            exclude(project, odd, reviewer)
        return write_snapshot(*args)

    monkeypatch.setattr(datasets, "write_snapshot", write)
    dataset = snapshot_preferences(project=project)
    assert (dataset.judgments, dataset.manifest["excluded"]["judgments"]) == (40, 8)


def test_the_browser_marks_judgments_that_are_left_out_and_finds_them(reviewing, project, odd, reviewer):
    exclude(project, odd, reviewer)
    page = reviewing.get(at("browse-judgments", project), {"left_out": "yes"})
    assert page.context["count"] == 8 and ">left out</span>" in page.text
    page = reviewing.get(at("browse-judgments", project), {"left_out": "no"})
    assert page.context["count"] == 40 and ">left out</span>" not in page.text


def test_a_dataset_leaves_their_thumbs_out(project, odd, reviewer):
    for label in (True, False):
        completion = make_completion(make_prompt(project))
        add_unpaired_preference(completion=completion, volunteer=odd, label=label)
    exclude(project, odd, reviewer)
    manifest = snapshot_preferences(project=project).manifest
    assert (manifest["counts"]["unpaired"], manifest["excluded"]["thumbs"]) == (0, 2)


def test_who_is_excluded_can_go_on_and_is_not_told(client, project, odd, reviewer):
    exclude(project, odd, reviewer)
    more = make_round(prompts=1, answers=2).project
    assert claim_next(project=more, volunteer=make_member(more))
    client.force_login(odd)
    for name in ("project", "desk", "judged"):
        page = client.get(at(name, project))
        assert page.status_code == 200 and "left out" not in page.text
    assert len(client_of(odd).get(at("api-judgments", project)).json()["results"]) == 8


def test_preferences_by_api_are_without_excluded_people(project, odd, reviewer):
    def count():
        address = f"{at('api-preferences', project)}?page_size=100"
        rows = client_of(coordinator_of(project)).get(address).json()["results"]
        return len({row["judgment"] for row in rows})

    assert count() == 48
    exclude(project, odd, reviewer)
    assert count() == 40


def test_an_exclusion_needs_a_reason_is_made_once_and_never_about_oneself(project, odd, reviewer):
    for reason, note in (("", ""), ("whatever", ""), ("other", "")):
        with pytest.raises(RankingError):
            exclude(project, odd, reviewer, reason=reason, note=note)
    with pytest.raises(RankingError, match="Somebody else"):
        exclude(project, reviewer, reviewer)
    with pytest.raises(RankingError, match="are counted"):
        include_person(project=project, volunteer=odd, actor=reviewer)
    exclude(project, odd, reviewer)
    with pytest.raises(RankingError, match="left out already"):
        exclude(project, odd, reviewer)
    assert Exclusion.objects.count() == 1


def test_a_finding_that_was_put_away_comes_back_with_more_judgments_or_another_one(project, odd, reviewer):
    store_findings(project, {Found(odd.pk, Kind.HASTY): HASTY})
    put_findings_away(project=project, volunteer=odd, actor=reviewer)
    assert kinds_of(project, odd) == []
    store_findings(project, {Found(odd.pk, Kind.HASTY): HASTY, Found(odd.pk, Kind.EVEN): HASTY})
    assert kinds_of(project, odd) == [Kind.EVEN]
    Finding.objects.filter(kind=Kind.HASTY).update(judgments=8 * AGAIN)
    assert kinds_of(project, odd) == [Kind.EVEN, Kind.HASTY]
    put_findings_away(project=project, volunteer=odd, actor=reviewer)
    bring_findings_back(project=project, volunteer=odd, actor=reviewer)
    assert kinds_of(project, odd) == [Kind.EVEN, Kind.HASTY]


def test_a_decision_about_what_has_changed_meanwhile_is_refused(project, odd, reviewer):
    store_findings(project, {Found(odd.pk, Kind.HASTY): HASTY})
    shown = Shown(({"judgments": "in", "found": "hasty"},))
    exclude(project, odd, coordinator_of(project))
    with pytest.raises(ChangedMeanwhileError, match="left out"):
        put_findings_away(project=project, volunteer=odd, actor=reviewer, shown=shown)


def test_who_withdraws_takes_findings_and_exclusion_along(project, odd, reviewer):
    fit_project(project)
    exclude(project, odd, reviewer)
    leave_project(membership=odd.memberships.get(project=project), withdraw=True)
    assert not Finding.objects.exists() and not Exclusion.objects.exists()


def test_people_find_in_their_own_data_that_and_why_they_were_left_out(project, odd, reviewer):
    fit_project(project)
    exclude(project, odd, reviewer, note="Always the worst one.")
    archive = zipfile.ZipFile(BytesIO(b"".join(write_archive(odd))))
    (excluded,) = json.loads(archive.read("exclusions.json"))
    assert (excluded["reason"], excluded["note"], excluded["until"]) == (
        "careless",
        "Always the worst one.",
        None,
    )
    assert "against" in {row["finding"] for row in json.loads(archive.read("findings.json"))}


# The page


def test_reviewers_read_what_was_found_and_nobodys_name(reviewing, project, odd):
    fit_project(project)
    page = reviewing.get(at("review-people", project))
    person = pseudonym_of(project.pk, odd.pk)
    assert person in page.text and "Oda" not in page.text
    assert "Of 24 votes on answers of which others prefer one, 0 are for that one" in page.text
    assert f"person={person}" in page.text
    assert "Nothing waits for you" not in page.text


def test_every_finding_has_its_sentence(reviewing, project, odd):
    chance = {"votes": 60, "chance": 0.0005}
    figures = {
        Kind.AGAINST: chance | {"agreed": 20, "expected": 40},
        Kind.ONE_SIDED: {"votes": 60, "chance": 1e-12, "first": 58},
        Kind.DOUBTED: {"reliability": 0.52},
        Kind.HASTY: HASTY,
        Kind.EVEN: HASTY | {"low": 2.0, "high": 2.1},
        Kind.SAME_TEXT: {"text": "<b>Good & clear</b>", "times": 5, "of": 6},
        Kind.SHARED_TEXT: {"text": "It says where it is known from.", "times": 9, "people": 2},
        Kind.LARGE_SHARE: {"version": "Version 3", "own": 40, "votes": 100},
    }
    assert set(figures) == set(Kind)
    store_findings(project, {Found(odd.pk, kind): each for kind, each in figures.items()})
    page = reviewing.get(at("review-people", project)).text
    for words in (
        "1 in 2,000 people",
        "fewer than 1 in a million people",
        "52 of 100 votes are right",
        "28 of 30 rankings",
        "between 2.0 and 2.1 seconds",
        "5 of 6 reasons that they wrote say the same: “&lt;b&gt;Good &amp; clear",
        "9 reasons that they wrote are in the same words by somebody else, too (people: 2)",
        "40 of the 100 votes on Version 3",
    ):
        assert words in page


def test_people_are_decided_about_on_their_page(reviewing, project, odd):
    store_findings(project, {Found(odd.pk, Kind.HASTY): HASTY})
    person, shown = pseudonym_of(project.pk, odd.pk), {"shown": "judgments=in&found=hasty"}
    wrong = reviewing.post(at("exclude-person", project, person), shown | {"reason": ""})
    assert wrong.status_code == 422 and not Exclusion.objects.exists()
    wrong = reviewing.post(at("exclude-person", project, person), shown | {"reason": "other"})
    assert wrong.status_code == 422 and "Say in a few words why." in wrong.text
    done = reviewing.post(
        at("exclude-person", project, person),
        shown | {"reason": "automated", "note": "A script."},
        follow=True,
    )
    assert "Left out." in done.text and "Nothing waits for you" in done.text
    assert "1 decision in the last 7 days, by you: 1" in done.text
    decided = reviewing.get(at("review-people", project), {"show": "all"}).text
    assert "Not answered by a person" in decided and "A script." in decided
    done = reviewing.post(
        at("include-person", project, person), {"shown": "judgments=out&found="}, follow=True
    )
    assert "count again" in done.text and person in done.text
    done = reviewing.post(at("person-looks-fine", project, person), shown, follow=True)
    assert "Put away" in done.text and person not in done.text
    stale = reviewing.post(at("person-looks-fine", project, person), shown)
    assert stale.status_code == 409
    done = reviewing.post(
        at("look-at-person-again", project, person), {"shown": "judgments=in&found="}, follow=True
    )
    assert person in done.text


def test_a_reviewer_does_not_decide_about_themselves(client, project, odd):
    membership = odd.memberships.get(project=project)
    change_role(membership=membership, role=Role.REVIEWER, actor=coordinator_of(project))
    client.force_login(odd)
    store_findings(project, {Found(odd.pk, Kind.HASTY): HASTY})
    person = pseudonym_of(project.pk, odd.pk)
    page = client.get(at("review-people", project)).text
    assert person in page and "somebody else decides" in page and "Looks fine" not in page
    shown = {"shown": "judgments=in&found=hasty"}
    refused = client.post(at("person-looks-fine", project, person), shown)
    assert refused.status_code == 422 and "Somebody else has to decide" in refused.text


NAMES = ("exclude-person", "include-person", "person-looks-fine", "look-at-person-again")


def test_the_page_is_for_reviewers_and_coordinators_of_the_project(client, reviewing, project, odd):
    store_findings(project, {Found(odd.pk, Kind.HASTY): HASTY})
    person, other = pseudonym_of(project.pk, odd.pk), make_project()
    assert person in reviewing.get(at("review-people", project)).text
    for name in NAMES:
        assert reviewing.get(at(name, project, person)).status_code == 405
        assert reviewing.post(at(name, project, "XXXXXX")).status_code == 404
        assert reviewing.post(at(name, other, person)).status_code == 404
    assert reviewing.post(at("review-people", project)).status_code == 405
    client.force_login(odd)
    assert client.get(at("review-people", project)).status_code == 403
    for name in NAMES:
        assert client.post(at(name, project, person)).status_code == 403
    client.force_login(make_member(other))
    assert client.get(at("review-people", project)).status_code == 404


def test_where_nobody_stands_out_the_page_is_quiet(reviewing, project):
    assert "Nothing waits for you" in reviewing.get(at("review-people", project)).text
    assert "judgments stand out" in reviewing.get(at("review-people", project), {"show": "all"}).text
