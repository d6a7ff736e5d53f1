"""The judgments browser: reading, narrowing, keeping filters, exporting."""

import csv
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotator.models import FlagKind, Project, Role, User
from annotator.pseudonyms import pseudonym_of
from annotator.services.guidelines import write_guidelines
from ranking.browsing_forms import judgments_url
from ranking.models import Judgment, SavedFilter
from ranking.models.saved_filters import MOST_SAVED
from ranking.services import claim_next, leave_project, snapshot_preferences
from tests.factories import coordinator_of, make_member, make_project
from tests.linked_numbers import linked_numbers

from .desk import words_of
from .making import let_lapse, make_assignment, make_compared, make_correction, make_judgment, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def project() -> Project:
    """An open round with two comparisons, on which three people agree in nothing."""
    current = make_round(prompts=2, answers=2, judgments_per_comparison=4)
    for name, ranks in (("Ann", (1, 2)), ("Ben", (2, 1)), ("Cy", (1, 1))):
        person = make_member(current.project, name=f"{name} Doe", email=f"{name.lower()}@doe.example")
        for _comparison in range(2):
            make_judgment(make_assignment(current, person), *ranks)
    return current.project


@pytest.fixture
def reviewing(client, project) -> Client:
    client.force_login(make_member(project, Role.REVIEWER))
    return client


@pytest.fixture
def newest(project) -> Judgment:
    """One with everything that can be said."""
    assignment = make_assignment(project.rounds.get(), make_member(project))
    Project.objects.filter(pk=project.pk).update(criteria=["Tone"])
    assignment.round.project.criteria = ["Tone"]
    first, second = sorted(assignment.order)
    return make_judgment(
        assignment,
        *(2, 1),
        flags={second: ["harmful", "spam"]},
        ratings={first: {"Tone": 4}},
        rationale="The second names its sources.",
        rewrite={"original": first, "text": "My own answer."},
        seconds=42.4,
    )


def found(client: Client, project: Project, **filters: object) -> list[int]:
    page = client.get(judgments_url(project, **filters))
    assert page.status_code == 200 and page.context["form"].is_valid(), page.context["form"].errors
    assert page.context["count"] == len(page.context["lines"])
    return [line.judgment.pk for line in page.context["lines"]]


def of(name: str) -> list[int]:
    return list(
        Judgment.objects.filter(volunteer__name=f"{name} Doe").order_by("-pk").values_list("pk", flat=True)
    )


def test_a_judgment_is_shown_with_all_that_was_said_and_with_nobodys_name(reviewing, project, newest):
    line = reviewing.get(judgments_url(project)).context["lines"][0]
    assert line.judgment == newest and [answer.letter for answer in line.answers] == ["A", "B"]
    order = newest.assignment.order
    assert line.order == ("B > A" if order[0] < order[1] else "A > B")
    for address in (judgments_url(project), reverse("browse-judgment", args=[project.slug, newest.pk])):
        text = words_of(reviewing.get(address).text)
        for words in ("names its sources", "My own answer", "Harmful", "Spam", "Tone : 4", "42 s"):
            assert words in text, words
        assert "Doe" not in text and "doe.example" not in text


def test_answers_come_in_the_order_that_this_volunteer_saw(reviewing, project):
    for line in reviewing.get(judgments_url(project)).context["lines"]:
        texts = dict(line.judgment.comparison.completions.values_list("pk", "text"))
        assert [answer.text for answer in line.answers] == [
            texts[pk] for pk in line.judgment.assignment.order
        ]


def test_a_person_has_one_pseudonym_in_a_project_and_another_one_elsewhere(project):
    ann = User.objects.get(name="Ann Doe")
    elsewhere = pseudonym_of(make_project().pk, ann.pk)
    assert pseudonym_of(project.pk, ann.pk) == pseudonym_of(project.pk, ann.pk) != elsewhere
    people = User.objects.values_list("pk", flat=True)
    assert len({pseudonym_of(project.pk, pk) for pk in people}) == len(people) > 3


def test_a_correction_counts_and_has_what_it_corrects_as_its_history(reviewing, project, newest):
    middle = make_correction(newest, 1, 1, rationale="On reflection equal.")
    last = make_correction(middle, 1, 2)
    (line,) = (
        line for line in reviewing.get(judgments_url(project)).context["lines"] if line.judgment == last
    )
    assert [each.judgment for each in line.earlier] == [middle, newest]
    assert newest.pk not in found(reviewing, project) and len(found(reviewing, project)) == 7
    page = reviewing.get(reverse("browse-judgment", args=[project.slug, middle.pk]))
    assert "It was corrected" in page.text and [one.judgment for one in page.context["line"].earlier] == [
        newest
    ]


def test_judgments_are_narrowed_by_what_was_said(reviewing, project, newest):
    bad = make_judgment(make_assignment(project.rounds.get(), newest.volunteer), verdict="all_bad")
    unclear = Judgment.objects.get(pk=of("Cy")[0])
    unclear = make_correction(unclear, verdict="cannot_rank", reason="unclear")
    assert found(reviewing, project, verdict="all_bad") == [bad.pk]
    assert found(reviewing, project, verdict="cannot_rank", reason="unclear") == [unclear.pk]
    assert found(reviewing, project, reason="broken") == []
    assert found(reviewing, project, flag="harmful") == found(reviewing, project, flag="any") == [newest.pk]
    assert found(reviewing, project, flag=FlagKind.OFF_TOPIC) == []
    for part in ("rationale", "rewrite", "ratings"):
        assert found(reviewing, project, has=part) == [newest.pk]


def test_judgments_are_narrowed_by_what_they_are_about(reviewing, project):
    first, _second = project.prompts.order_by("pk")
    first.relabel(language="pt-BR", source="", tags=["Küste", "sea"])
    of_first = set(Judgment.objects.filter(comparison__prompt=first).values_list("pk", flat=True))
    assert len(of_first) == 3
    for filters in (
        {"language": "pt"},
        {"tag": "Küste"},
        {"tag": "SEA"},
        {"prompt": first.number},
        {"comparison": first.comparisons.get().pk},
    ):
        assert set(found(reviewing, project, **filters)) == of_first
    assert len(found(reviewing, project, language="en")) == 3
    assert found(reviewing, project, tag="se") == found(reviewing, project, tag='"') == []
    for split in ("train", "held_out"):
        expected = Judgment.objects.filter(comparison__prompt__split=split).count()
        assert len(found(reviewing, project, split=split)) == expected


def test_judgments_are_narrowed_by_who_gave_them_and_how(reviewing, project, newest):
    User.objects.filter(name="Ben Doe").update(is_simulated=True)
    ann = User.objects.get(name="Ann Doe")
    assert found(reviewing, project, person=pseudonym_of(project.pk, ann.pk).lower()) == of("Ann")
    assert found(reviewing, project, person="NOBODY") == []
    assert found(reviewing, project, by="simulated") == of("Ben")
    assert len(found(reviewing, project, by="people")) == 5
    assignment = make_assignment(project.rounds.get(), newest.volunteer)
    let_lapse(assignment)
    late = make_judgment(assignment, 1, 2)
    assert found(reviewing, project, late="yes") == [late.pk]
    assert len(found(reviewing, project, late="no")) == 7
    today = timezone.localdate().isoformat()
    assert len(found(reviewing, project, since=today, until=today, source="desk")) == 8
    assert found(reviewing, project, since="2999-01-01") == found(reviewing, project, source="chat") == []


def test_who_left_and_let_the_judgments_stay_is_found_by_the_same_pseudonym(reviewing, project):
    ann = User.objects.get(name="Ann Doe")
    leave_project(membership=ann.memberships.get(), withdraw=False)
    assert found(reviewing, project, person=pseudonym_of(project.pk, ann.pk)) == of("Ann")


def test_a_search_looks_in_questions_answers_reasons_and_rewrites(reviewing, project, newest):
    texts = (
        newest.comparison.prompt.question.upper(),
        newest.comparison.completions.first().text,
    )
    for words in texts:
        assert len(found(reviewing, project, q=words)) == 4
    for words in ("names its SOURCES", "my own answer"):
        assert found(reviewing, project, q=words) == [newest.pk]
    assert found(reviewing, project, q="100%_") == []


def test_the_judgments_of_a_dataset_are_those_that_it_was_made_of(reviewing, project, newest):
    dataset = snapshot_preferences(project=project)
    revision = make_correction(newest, 1, 1)
    assert len(found(reviewing, project, dataset=dataset.number)) == dataset.judgments == 7
    assert newest.pk in found(reviewing, project, dataset=dataset.number)
    assert revision.pk not in found(reviewing, project, dataset=dataset.number, round=1)
    assert found(reviewing, project, dataset=dataset.number + 1) == []


def test_what_a_dataset_lacks_is_what_the_next_one_will_hold(reviewing, project):
    person = make_member(project)
    make_judgment(make_assignment(project.rounds.get(), person), 1, 2)
    dataset = snapshot_preferences(project=project)
    assert found(reviewing, project, missing=dataset.number) == []
    late = make_judgment(make_assignment(project.rounds.get(), person), 1, 2)
    assert found(reviewing, project, missing=dataset.number) == [late.pk]
    assert found(reviewing, project, missing=dataset.number + 1) == []


def test_judgments_are_narrowed_by_whose_answers_they_compare(reviewing, project, newest):
    make_compared(project, "Version 8", "Version 9", ranks=[(1, 2)])
    one, eight, nine = (project.authors.get(name=f"Version {number}").pk for number in (1, 8, 9))
    (tested,) = found(reviewing, project, version=eight)
    assert found(reviewing, project, version=nine, against=eight) == [tested]
    assert found(reviewing, project, version=one, against=eight) == []
    assert tested not in found(reviewing, project, version=one, round=1)
    offered = reviewing.get(judgments_url(project)).context["form"].fields["version"].queryset
    assert newest.demonstration.completion.author not in offered and offered.count() == 3


def test_judgments_are_narrowed_by_the_guidelines_in_force(reviewing, project):
    coordinator, before = coordinator_of(project), found(reviewing, project)
    write_guidelines(project=project, text="True comes first.", actor=coordinator)
    after = make_judgment(make_assignment(project.rounds.get(), make_member(project)), 1, 2)
    write_guidelines(project=project, text="Short comes first.", actor=coordinator)
    assert found(reviewing, project, guidelines=0) == before
    assert found(reviewing, project, guidelines=1) == [after.pk]
    assert found(reviewing, project, guidelines=2) == found(reviewing, project, guidelines=3) == []


@pytest.mark.parametrize(
    "query",
    [
        "round=9",
        "round=x",
        "round=99999999999999999999",
        "flag=x",
        "since=x",
        "dataset=-1",
        "version=x",
        "against=999999",
        "guidelines=-1",
        "before=x",
        "q=%00",
    ],
)
def test_what_makes_no_sense_narrows_nothing(reviewing, project, query):
    page = reviewing.get(f"{judgments_url(project)}?{query}")
    assert page.status_code == 200 and page.context["count"] == 6 and page.context["query"] == ""


@pytest.mark.parametrize("query", ["q=%ED%A0%80", "dataset=4611686018427387904", "before=999999999999999999"])
def test_odd_values_find_what_there_is(reviewing, project, query):
    assert reviewing.get(f"{judgments_url(project)}?{query}").status_code == 200


def test_the_list_goes_on_by_a_cursor_with_the_same_filter(reviewing, project, monkeypatch):
    monkeypatch.setattr("ranking.views.judgments.PAGE_SIZE", 4)
    first = reviewing.get(judgments_url(project, round=1))
    assert [line.judgment.pk for line in first.context["lines"]] == [*of("Cy"), *of("Ben")]
    make_judgment(make_assignment(project.rounds.get(), make_member(project)), 1, 2)
    assert f"?round=1&amp;before={of('Ben')[-1]}" in first.text
    later = reviewing.get(judgments_url(project, round=1) + f"&before={of('Ben')[-1]}")
    assert [line.judgment.pk for line in later.context["lines"]] == of("Ann")
    assert later.context["next"] is None and "To the newest" in later.text


def test_one_address_serves_the_page_and_the_list_alone(reviewing, project):
    page, part = (reviewing.get(judgments_url(project, round=1), **extra) for extra in ({}, HTMX))
    assert "<html" in page.text and "<html" not in part.text
    assert part.text.count('class="card judgment"') == page.text.count('class="card judgment"') == 6
    back = reviewing.get(judgments_url(project), **HTMX, HTTP_HX_HISTORY_RESTORE_REQUEST="true")
    assert "<html" in back.text


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        page = client.get(address)
        content = b"".join(page.streaming_content) if page.streaming else page.content
    assert content
    return len(captured)


def test_a_page_and_a_file_take_as_many_queries_however_many_judgments(reviewing, project, newest):
    make_correction(newest, 1, 2)
    addresses = (judgments_url(project), reverse("export-judgments", args=[project.slug]))
    few = [queries_of(reviewing, address) for address in addresses]
    for _person in range(2):
        person = make_member(project)
        while assignment := claim_next(project=project, volunteer=person):
            make_correction(make_judgment(assignment, 1, 2), 2, 1)
    assert [queries_of(reviewing, address) for address in addresses] == few
    assert max(few) <= 32


def test_the_file_has_what_the_list_has_and_no_spreadsheet_calculates_it(reviewing, project, newest):
    make_correction(newest, 2, 1, rationale='=HYPERLINK("https://x.example")')
    file = reviewing.get(reverse("export-judgments", args=[project.slug]), {"has": "rationale"})
    assert file["Content-Type"].startswith("text/csv") and "attachment" in file["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode()))
    assert row["rationale"] == '\'=HYPERLINK("https://x.example")'
    assert row["corrects"] == str(newest.pk) and row["verdict"] == "ranked" and row["late"] == "0"
    assert {row["rank_1"], row["rank_2"]} == {"1", "2"} and row["answer_3"] is None
    assert row["person"] == pseudonym_of(project.pk, newest.volunteer_id)
    assert newest.volunteer.email not in str(row)
    everything = b"".join(reviewing.get(file.request["PATH_INFO"]).streaming_content).decode()
    assert len(list(csv.DictReader(io.StringIO(everything)))) == 7


def test_a_filter_is_kept_and_forgotten_by_each_member_alone(reviewing, project):
    address = reverse("save-filter", args=[project.slug]) + "?flag=harmful&round=9&nonsense=1"
    reviewing.post(address, {"name": "To read"})
    (saved,) = SavedFilter.objects.all()
    assert (saved.name, saved.query) == ("To read", "flag=harmful")
    assert "?flag=harmful" in reviewing.get(judgments_url(project)).text
    reviewing.post(reverse("save-filter", args=[project.slug]) + "?flag=spam", {"name": "To read"})
    assert SavedFilter.objects.get().query == "flag=spam"
    other = Client()
    other.force_login(coordinator_of(project))
    assert "To read" not in other.get(judgments_url(project)).text
    other.post(reverse("remove-filter", args=[project.slug, saved.pk]))
    assert SavedFilter.objects.exists()
    reviewing.post(reverse("remove-filter", args=[project.slug, saved.pk]))
    assert not SavedFilter.objects.exists()


def test_too_many_filters_and_one_without_a_name_are_refused(reviewing, project):
    membership = project.memberships.get(role=Role.REVIEWER)
    SavedFilter.objects.bulk_create(
        SavedFilter(membership=membership, name=str(number), query="") for number in range(MOST_SAVED)
    )
    address = reverse("save-filter", args=[project.slug])
    assert "remove one first" in reviewing.post(address, {"name": "More"}, follow=True).text
    assert "a short name" in reviewing.post(address, {"name": " "}, follow=True).text
    assert SavedFilter.objects.count() == MOST_SAVED


def test_pages_link_their_numbers_to_as_many_judgments(client, project, newest):
    client.force_login(coordinator_of(project))
    snapshot_preferences(project=project)
    rankings, datasets, progress = (
        linked_numbers(client, project, client.get(reverse(name, args=[project.slug, *args])).text)
        for name, args in (("rankings", []), ("datasets", []), ("round-progress", [1]))
    )
    assert rankings == [(7, 7), (5, 7)], "five of all rankings have one best answer"
    assert datasets[:2] == [(7, 7), (0, 0)], "after them come pairs"
    assert sorted(progress) == [(3, 3), (4, 4)]
    assert judgments_url(project, dataset=1) in client.get(reverse("dataset", args=[project.slug, 1])).text
    overview = client.get(reverse("project", args=[project.slug])).text
    assert judgments_url(project, source="desk") in overview
    with pytest.raises(TypeError, match="no filter colour"):
        judgments_url(project, colour="green")


@pytest.mark.parametrize("name", ["browse-judgments", "export-judgments", "browse-judgment"])
def test_reading_is_for_reviewers_and_coordinators_of_the_project(client, project, name):
    args = [project.slug, of("Ann")[0]] if name == "browse-judgment" else [project.slug]
    address = reverse(name, args=args)
    for person, status in (
        (coordinator_of(project), 200),
        (User.objects.get(name="Ann Doe"), 403),
        (coordinator_of(make_project()), 404),
    ):
        client.force_login(person)
        assert client.get(address).status_code == status
    client.force_login(coordinator_of(project))
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("name", ["save-filter", "remove-filter"])
def test_keeping_filters_is_for_the_same_people(client, project, name):
    address = reverse(name, args=[project.slug, 1] if name == "remove-filter" else [project.slug])
    for person, status in ((User.objects.get(name="Ann Doe"), 403), (coordinator_of(make_project()), 404)):
        client.force_login(person)
        assert client.post(address).status_code == status
    client.force_login(coordinator_of(project))
    assert client.get(address).status_code == 405


def test_a_judgment_of_another_project_is_not_found(client, project):
    elsewhere = coordinator_of(make_project(slug="elsewhere"))
    client.force_login(elsewhere)
    assert client.get(reverse("browse-judgment", args=["elsewhere", of("Ann")[0]])).status_code == 404
    assert found(client, Project.objects.get(slug="elsewhere"), comparison=1) == []
