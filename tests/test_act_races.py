"""Several people press one button of one page at the same moment: one does it, the others are told."""

import pytest

from annotator.facts import role_facts, settings_facts, token_facts
from annotator.models import Project, Role
from annotator.services.members import change_role
from annotator.services.projects import change_settings
from annotator.services.tokens import create_api_token
from annotator.shown import ChangedMeanwhileError, Facts, Shown, text_of
from ranking.facts import dataset_facts, round_facts
from ranking.services import close_round, open_round, snapshot_preferences
from tests.factories import coordinator_of, make_member, make_user
from tests.racing import at_once
from tests.training.making import SMALL, make_candidate, make_judged
from training.facts import live_facts, schedule_facts, version_facts, work_facts
from training.services.schedules import save_schedule
from training.services.updates.control import start_update
from training.services.versions.releases import release_version, roll_back

pytestmark = pytest.mark.django_db(transaction=True)
CLICKS = 3


@pytest.fixture
def project() -> Project:
    return make_judged()


def page_of(facts: Facts) -> Shown:
    """What a page that showed these facts sends."""
    shown = Shown.in_header(f'"{text_of(facts)}"')
    assert shown is not None
    return shown


def winners(act, inputs) -> list:
    """Does the act for each input at once; returns the inputs for which it was done."""

    def do(value):
        try:
            act(value)
        except ChangedMeanwhileError:
            return None
        return value

    return [value for value in at_once(do, inputs) if value is not None]


def test_of_many_who_open_a_round_one_does(project):
    author, shown = project.versions.get().author, page_of(round_facts(project))
    act = {"project": project, "author": author, "shown": shown}
    assert len(winners(lambda _click: open_round(**act), range(1, 1 + CLICKS))) == 1
    assert list(project.rounds.values_list("number", flat=True)) == [2, 1]


def test_of_many_who_close_a_round_while_others_open_the_next_one_act_is_done(project):
    author, shown = project.versions.get().author, page_of(round_facts(project))
    acts = {
        "close": lambda: close_round(project=project, shown=shown),
        "open": lambda: open_round(project=project, author=author, shown=shown),
    }
    (done,) = winners(lambda name: acts[name](), ["close", "open", "close"])
    assert project.rounds.count() == {"close": 1, "open": 2}[done]


def test_of_two_releases_one_goes_live(project):
    versions = [make_candidate(project, number) for number in (1, 2)]
    shown = {version.number: page_of(version_facts(version)) for version in versions}
    act = lambda version: release_version(version=version, actor=None, shown=shown[version.number])  # noqa: E731
    (released,) = winners(act, versions)
    assert project.versions.live().get() == released
    assert project.releases.count() == 2 and project.rounds.count() == 2


def test_going_back_many_times_at_once_goes_back_once(project):
    for number in (1, 2):
        release_version(version=make_candidate(project, number), actor=None)
    shown = page_of(live_facts(project))
    assert (
        len(winners(lambda _: roll_back(project=project, actor=None, shown=shown), range(1, 1 + CLICKS))) == 1
    )
    assert project.versions.live().get().number == 1


def test_of_many_who_save_the_settings_one_does(project):
    actor = coordinator_of(project)
    page = {"fields_shown": ["name"], "shown": page_of(settings_facts(project, ["name"]))}

    def save(name):
        own = Project.objects.get(pk=project.pk)
        change_settings(project=own, values={"name": name}, actor=actor, **page)

    (name,) = winners(save, ["Tides", "Winds", "Storms"])
    project.refresh_from_db()
    assert project.name == name
    assert project.audit_events.filter(verb="project.changed").count() == 1


def test_of_many_who_save_the_schedule_one_does(project):
    shown = page_of(schedule_facts(project))
    values = {"is_enabled": False, "min_new_judgments": 1, "settings": SMALL}
    act = {"project": project, "actor": coordinator_of(project), "shown": shown, **values}
    (cron,) = winners(
        lambda cron: save_schedule(cron=cron, **act), [f"{minute} 3 * * 1" for minute in (1, 2, 3)]
    )
    assert project.schedule.cron == cron


def test_of_many_who_start_an_update_one_does(project):
    shown = page_of(work_facts(project))
    assert len(winners(lambda _: start_update(project=project, shown=shown), range(1, 1 + CLICKS))) == 1
    assert project.updates.count() == 1


def test_of_many_who_take_a_snapshot_one_does(project):
    shown = page_of(dataset_facts(project))
    assert (
        len(winners(lambda _: snapshot_preferences(project=project, shown=shown), range(1, 1 + CLICKS))) == 1
    )
    assert project.datasets.count() == 1


def test_of_two_who_give_a_member_different_roles_one_does(project):
    membership = project.memberships.get(user=make_member(project))
    shown, actor = page_of(role_facts(membership)), coordinator_of(project)

    def change(role):
        own = project.memberships.get(pk=membership.pk)
        change_role(membership=own, role=role, actor=actor, shown=shown)

    (role,) = winners(change, [Role.REVIEWER, Role.COORDINATOR])
    membership.refresh_from_db()
    assert membership.role == role


def test_of_many_tokens_asked_for_on_one_page_one_is_made(db):
    user = make_user()
    shown = page_of(token_facts(user))
    assert len(winners(lambda _: create_api_token(user=user, shown=shown), range(1, 1 + CLICKS))) == 1
