"""Groups that members say they belong to: their page, what is kept, and who never sees it."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from annotator.models import AuditEvent, Membership, Project, StatedGroup, User
from annotator.models.groups import GROUP_LENGTH, MOST_GROUPS, check_groups, group_key
from annotator.models.stated_groups import MOST_STATED
from annotator.services.groups import state_groups
from annotator.services.members import remove_member
from annotator.services.projects import change_settings
from ranking.services import erase_account, leave_project
from tests.factories import coordinator_of, make_member, make_newcomer
from tests.pressing import filled, press

ASKED = "Does the chatbot serve everybody equally well?"


@pytest.fixture
def asking(project) -> Project:
    ask(project, groups=["Farmers", "Under 30"], own_groups=True)
    return project


@pytest.fixture
def vera(asking) -> User:
    return make_member(asking)


def ask(project: Project, **values: object) -> None:
    change_settings(project=project, values=values, actor=coordinator_of(project))


def membership_of(user: User) -> Membership:
    return user.memberships.select_related("project").get()


def stated_by(user: User) -> list[str]:
    return sorted(membership_of(user).stated_groups.values_list("name", flat=True))


def page_of(project: Project) -> str:
    return reverse("own-groups", args=[project.slug])


# Names


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("  Under \t 30 ", "under 30"),
        ("FARMERS", "farmers"),
        ("Cafe\u0301 owners", "caf\u00e9 owners"),
        ("Straße", "strasse"),
        ("\u200fمزارعون\u200f", "مزارعون"),
        ("far\u200bmers\0", "farmers"),
        ("\ud800farmers", "farmers"),
    ],
)
def test_names_that_say_the_same_have_one_key(name, key):
    assert group_key(name) == key == group_key(key)


@pytest.mark.parametrize("name", ["", " \u200b", "\u3164", "x" * (GROUP_LENGTH + 1), "ß" * GROUP_LENGTH])
def test_a_name_is_something_to_read_and_not_long(name):
    with pytest.raises(ValidationError):
        group_key(name)


@pytest.mark.parametrize(
    "names",
    [
        "Farmers",
        {"a": 1},
        [1],
        [""],
        ["a\nb"],
        ["\0"],
        ["\ud800"],
        ["Farmers", "farmers "],
        ["x" + " " * 99 + "y"],
        [f"Group {number}" for number in range(MOST_GROUPS + 1)],
    ],
)
def test_a_projects_list_has_a_few_different_names(names):
    with pytest.raises(ValidationError):
        check_groups(names)


def test_a_coordinator_sets_the_list_and_whether_own_words_are_taken(client, project):
    client.force_login(coordinator_of(project))
    page = reverse("settings-section", args=[project.slug, "groups"])
    press(client, page, groups="Farmers\r\n\r\n Under 30 ", own_groups="on")
    project.refresh_from_db()
    assert (project.groups, project.own_groups, project.asks_groups) == (["Farmers", "Under 30"], True, True)
    answer = client.post(page, filled(client, page) | {"groups": "Farmers\nFARMERS"})
    assert answer.status_code == 422 and "A group is listed twice." in answer.text


# The page


def test_a_member_states_groups_of_the_list_and_in_own_words_and_takes_them_back(client, asking, vera):
    client.force_login(vera)
    page = page_of(asking)
    text = client.get(page).text
    assert "You need not say anything" in text and "at least 10 people" in text
    answer = press(client, page, follow=True, listed=["farmers"], own="Single  PARENTS\r\nunder 30")
    assert "Your groups were saved." in answer.text
    assert stated_by(vera) == ["farmers", "single parents", "under 30"]
    kept = filled(client, page)
    assert sorted(kept["listed"]) == ["farmers", "under 30"] and kept["own"] == ["single parents"]
    press(client, page, listed=["under 30"])
    assert stated_by(vera) == ["single parents", "under 30"]
    answer = press(client, page, follow=True, listed=[], own="")
    assert "You state no group." in answer.text and stated_by(vera) == []


def test_stating_the_same_twice_keeps_it_once(asking, vera):
    for keys in ({"farmers"}, {"farmers", "under 30"}):
        state_groups(membership=membership_of(vera), keys=keys)
    assert stated_by(vera) == ["farmers", "under 30"]


@pytest.mark.parametrize(
    "sent",
    [
        {"listed": ["fishers"]},
        {"listed": ["farmers"], "own": "x" * (GROUP_LENGTH + 1)},
        {"own": "\u3164"},
        {"own": "a\0b"},
        {"own": "\n".join(f"Group {number}" for number in range(MOST_STATED + 1))},
        {"own": "x" * 50_000},
    ],
)
def test_what_cannot_be_stated_is_refused_and_nothing_is_saved(client, asking, vera, sent):
    client.force_login(vera)
    answer = client.post(page_of(asking), sent)
    assert answer.status_code == 422 and "Nothing was saved yet" in answer.text
    assert stated_by(vera) == []


def test_where_own_words_are_not_taken_only_the_list_is(client, asking, vera):
    ask(asking, own_groups=False)
    client.force_login(vera)
    client.post(page_of(asking), {"listed": ["farmers"], "own": "single parents"})
    assert stated_by(vera) == ["farmers"]


def test_what_is_no_longer_asked_for_can_still_be_taken_back(client, asking, vera):
    state_groups(membership=membership_of(vera), keys={"farmers", "single parents"})
    ask(asking, groups=[], own_groups=False)
    client.force_login(vera)
    assert sorted(filled(client, page_of(asking))["listed"]) == ["farmers", "single parents"]
    assert page_of(asking) in client.get(reverse("account")).text
    press(client, page_of(asking), listed=["farmers"])
    assert stated_by(vera) == ["farmers"]
    press(client, page_of(asking), listed=[])
    assert "does not ask for groups" in client.get(page_of(asking)).text
    assert page_of(asking) not in client.get(reverse("account")).text


def test_the_page_is_for_members_of_any_role(client, asking, vera, reviewer, coordinator, stranger):
    for user in (vera, reviewer, coordinator):
        client.force_login(user)
        assert client.get(page_of(asking)).status_code == 200
        assert client.put(page_of(asking)).status_code == 405
    decline = reverse("decline-groups", args=[asking.slug])
    assert client.get(decline).status_code == 405
    client.force_login(stranger)
    for address in (page_of(asking), decline):
        assert client.post(address).status_code == 404


# The question


def test_members_are_asked_once_on_the_first_page(client, asking, vera):
    client.force_login(vera)
    first = reverse("project", args=[asking.slug])
    assert ASKED in client.get(first).text
    answer = press(client, first, reverse("decline-groups", args=[asking.slug]), follow=True)
    assert ASKED not in answer.text and stated_by(vera) == []
    other = make_member(asking)
    client.force_login(other)
    press(client, page_of(asking), listed=["farmers"])
    assert ASKED not in client.get(first).text


def test_nobody_is_asked_before_they_may_rank_or_where_nothing_is_asked(client, asking):
    newcomer = make_newcomer(asking)
    first = reverse("project", args=[asking.slug])
    client.force_login(newcomer)
    assert ASKED not in client.get(first).text
    ask(asking, groups=[], own_groups=False)
    client.force_login(make_member(asking))
    assert ASKED not in client.get(first).text
    assert page_of(asking) not in client.get(reverse("account")).text


# Who sees it, and when it goes


def test_no_page_of_a_coordinator_and_no_log_tells_who_said_what(client, asking, vera):
    before = AuditEvent.objects.count()
    state_groups(membership=membership_of(vera), keys={"beekeepers"})
    assert AuditEvent.objects.count() == before
    client.force_login(coordinator_of(asking))
    for name in ("project", "people", "log", "rankings", "own-groups", "settings"):
        assert "beekeepers" not in client.get(reverse(name, args=[asking.slug])).text


def test_it_goes_with_the_membership_and_with_the_account(asking):
    for go in (
        lambda user: leave_project(membership=membership_of(user), withdraw=False),
        lambda user: leave_project(membership=membership_of(user), withdraw=True),
        lambda user: remove_member(membership=membership_of(user), actor=coordinator_of(asking)),
        lambda user: erase_account(user=user),
    ):
        user = make_member(asking)
        state_groups(membership=membership_of(user), keys={"farmers"})
        go(user)
        assert not StatedGroup.objects.exists()


# What is counted


def test_the_projects_list_comes_first_under_its_names_then_own_words_by_their_people(asking):
    one, two, three = people = [make_member(asking) for _ in range(3)]
    said = ({"a", "b", "under 30"}, {"b", "farmers"}, {"c", "b", "under 30"})
    for user, keys in zip(people, said, strict=True):
        state_groups(membership=membership_of(user), keys=keys)
    found = StatedGroup.objects.people_of(asking)
    assert list(found) == ["Farmers", "Under 30", "b", "a", "c"]
    assert found["Under 30"] == {one.pk, three.pk} and found["Farmers"] == {two.pk}


def test_what_the_project_no_longer_asks_for_is_not_counted(asking, vera):
    state_groups(membership=membership_of(vera), keys={"farmers", "bees"})
    ask(asking, groups=["Under 30"], own_groups=False)
    assert StatedGroup.objects.people_of(asking) == {}
    ask(asking, groups=["FARMERS"])
    assert StatedGroup.objects.people_of(asking) == {"FARMERS": {vera.pk}}
