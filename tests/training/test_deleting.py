"""Deleting a project."""

from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Project, Role, User
from annotator.services.groups import state_groups
from annotator.services.guidelines import write_guidelines
from annotator.services.personal_data import log_of_acts
from annotator.services.projects import change_settings
from annotator.services.telling.webhooks import add_webhook
from ranking.models import AnswerReview, Assignment, Finding, Mask, PracticeAdvice
from ranking.practice_files import practice_from_record
from ranking.services import claim_next, open_round, skip_comparison, snapshot_preferences
from ranking.services.browsing.saving import save_filter
from ranking.services.gold.marking import mark_gold
from ranking.services.practice import add_practice, begin_practice
from ranking.services.review.people import exclude_person
from ranking.services.withdrawal import withdraw_judgments
from tests.factories import coordinator_of, make_member, make_newcomer, make_project
from tests.pressing import filled, press
from tests.ranking.making import better_first, let_lapse, make_correction, make_judgment
from tests.training.chat.making import make_turn, react_in_every_way
from tests.training.making import SMALL, add_answers, make_finished, make_judged, make_update
from training.models import (
    Anchor,
    BlindTest,
    Export,
    GroupFigure,
    Origin,
    Routine,
    Served,
    ServingSettings,
    UnpackedBase,
    UpdatePlan,
)
from training.services.conversations.review import take_turn
from training.services.deleting import projects as deleting
from training.services.deleting.files import remove_files
from training.services.deleting.projects import delete_project
from training.services.plans.worker import plan_next_update
from training.services.routines import save_routine
from training.services.sampling.control import cancel_sampling, sample_live_version
from training.services.sampling.prompt_lengths import measure_new_prompts
from training.services.schedules import save_schedule
from training.services.updates.control import request_cancel
from training.services.versions.releases import release_version

pytestmark = pytest.mark.django_db
KEPT = {"User", "AuditEvent", "Founding", "UnpackedBase", "ModelServer", "QueuePlace", "RateLimit"}
"""Tables of ours whose rows belong to no project."""


@pytest.fixture(autouse=True)
def data(settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    return settings.DATA_DIR


@pytest.fixture
def project() -> Project:
    return make_judged()


def fill() -> Project:
    """A project with a row in every table."""
    project = make_judged()
    coordinator = coordinator_of(project)
    write_guidelines(project=project, text="True comes first.", actor=coordinator)
    change_settings(project=project, values={"criteria": ["Tone"], "groups": ["Farmers"]}, actor=coordinator)
    membership = project.memberships.get(user=coordinator)
    state_groups(membership=membership, keys={"farmers"})
    membership.saved_filters.create(name="Spam", query="flag=spam")
    address = "https://hooks.example/"
    add_webhook(project=project, address=address, kinds=["version.released"], actor=coordinator)
    learn(project, coordinator)
    rank(project)
    practise(project, coordinator)
    talk(project, coordinator)
    return project


def learn(project: Project, coordinator: User) -> None:
    version = make_finished(make_update(project))
    test = BlindTest.objects.create(candidate=version, baseline=version.parent, round=version.update.round)
    test.comparisons.set(test.round.comparisons.all()[:1])
    share = {"value": 0.5, "low": 0.4, "high": 0.6}
    test.group_figures.create(name="Farmers", people=12, measure=GroupFigure.Measure.WON, **share)
    release_version(version=version, actor=coordinator)
    cancel_sampling(run=project.runs.active().get(), actor=coordinator)
    add_answers(version)
    open_round(project=project, author=version.author, actor=coordinator)
    UpdatePlan.objects.create(project=project)
    Export.objects.create(version=version, base="base-1", adapter="adapter-1")
    ServingSettings.objects.create(project=project)
    Served.objects.create(project=project, version=version)
    Origin.objects.create(version=version)
    Anchor.objects.create(prompt=project.prompts.held_out().first())
    save_routine(
        project=project, kind=Routine.Kind.REPORT, cron="0 4 * * 1", is_enabled=True, actor=coordinator
    )
    save_schedule(
        project=project,
        cron="0 3 * * 1",
        is_enabled=True,
        min_new_judgments=1,
        actor=coordinator,
        settings={},
    )


def rank(project: Project) -> None:
    """A volunteer judges, corrects and skips; one judges late, when another has the place; one withdraws."""
    volunteer, late, leaver = (make_member(project) for _ in range(3))
    assignment = claim(project, volunteer)
    a, b = sorted(assignment.order)
    AnswerReview.objects.create(completion_id=a, project=project)
    save_filter(membership=project.memberships.get(user=volunteer), name="Mine", query="flag=spam")
    Mask.objects.create(completion_id=a, project=project, spans=[[0, 1]])
    answer = {
        "flags": {a: ["spam"]},
        "ratings": {b: {"Tone": 4}},
        "rewrite": {"original": b, "text": "Better."},
    }
    make_correction(make_judgment(assignment, 1, 2, **answer), 2, 1, flags={a: ["spam"]})
    skip_comparison(assignment=claim(project, volunteer), volunteer=volunteer)
    make_judgment(claim(project, leaver), 1, 2)
    lapsed = claim(project, late)
    let_lapse(lapsed)
    while claim(project, make_member(project)).pk != lapsed.pk:
        pass
    make_judgment(lapsed, 1, 2)
    snapshot_preferences(project=project)
    withdraw_judgments(volunteer=leaver, project=project)
    Finding.objects.create(project=project, volunteer=late, kind="hasty", judgments=1)
    exclude_person(project=project, volunteer=late, reason="careless", note="", actor=coordinator_of(project))


def claim(project: Project, volunteer: User) -> Assignment:
    assignment = claim_next(project=project, volunteer=volunteer)
    assert assignment is not None
    return assignment


def practise(project: Project, coordinator: User) -> None:
    record = {"prompt": "Why?", "answers": ["Good.", "Bad."], "ranks": [1, 2], "why": "So."}
    add_practice(project=project, drafts=[practice_from_record(record)], actor=coordinator)
    membership = project.memberships.get(user=make_newcomer(project))
    begin_practice(membership=membership)
    comparison = project.rounds.first().comparisons.first()
    mark_gold(comparison=comparison, ranks=better_first(comparison), actor=coordinator)
    PracticeAdvice.objects.create(membership=membership)


def talk(project: Project, coordinator: User) -> None:
    turn = make_turn(project)
    react_in_every_way(turn)
    take_turn(turn=turn, actor=coordinator)


def counts() -> dict[str, int]:
    """How many rows there are in each table whose rows belong to projects."""
    found = [model for label in ("annotator", "ranking", "training") for model in tables(label)]
    return {model.__name__: model._default_manager.count() for model in found if model.__name__ not in KEPT}


def tables(label: str) -> list:
    return [
        model
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if not model.__name__.startswith("User_")
    ]


def test_nothing_of_a_project_is_left_in_any_table_and_others_keep_all(project):
    before = counts()
    full = fill()
    assert [name for name, count in counts().items() if count == before[name]] == [], (
        "fill() leaves these empty"
    )
    people = User.objects.count()
    delete_project(project=full, actor=coordinator_of(full))
    assert counts() == before
    assert User.objects.count() == people
    assert [*Project.objects.all()] == [project]


def test_the_audit_log_keeps_its_rows_and_says_who_deleted_what(project):
    pk, coordinator = project.pk, coordinator_of(project)
    before = AuditEvent.objects.filter(project=pk).count()
    delete_project(project=project, actor=coordinator)
    deleted = AuditEvent.objects.get(project=pk, verb="project.deleted")
    assert AuditEvent.objects.filter(project=pk).count() == before + 1 > 2
    assert (deleted.actor, deleted.target, deleted.data["slug"]) == (
        coordinator,
        f"project:{pk}",
        project.slug,
    )
    numbers = {"prompts": 12, "judgments": 12, "completions": 24, "versions": 1, "members": 2}
    assert deleted.data.items() >= numbers.items()
    assert {row["project"] for row in log_of_acts(coordinator)} == {None}


def test_the_page_tells_how_much_it_is_and_deletes_when_the_address_is_typed(client, project):
    client.force_login(coordinator_of(project))
    url = reverse("delete-project", args=[project.slug])
    advanced = reverse("settings-section", args=[project.slug, "advanced"])
    assert url in client.get(advanced).text
    page = client.get(url).text
    assert "What stays" in page and page.count('<td class="num">12</td>') == 2
    for wrong in ("", "x", project.slug.upper(), "\0", "x" * 300):
        answer = client.post(url, filled(client, url, slug=wrong))
        assert answer.status_code == 422 and "Nothing was deleted." in answer.text
    assert Project.objects.exists()
    answer = press(client, url, url, slug=project.slug, follow=True)
    assert f"The project {project} was deleted." in answer.text
    assert not Project.objects.exists()
    assert client.get(url).status_code == 404


def start_update(project: Project) -> object:
    return make_update(project)


def start_sampling(project: Project) -> object:
    return sample_live_version(project=project, settings=SMALL["generate"])


@pytest.mark.parametrize(
    ("start", "words"), [(start_update, "is under way already"), (start_sampling, "being sampled already")]
)
def test_while_work_runs_nothing_is_deleted(client, project, start, words):
    client.force_login(coordinator_of(project))
    url = reverse("delete-project", args=[project.slug])
    start(project)
    answer = client.post(url, filled(client, url, slug=project.slug))
    assert answer.status_code == 422 and words in answer.text
    assert Project.objects.exists() and not AuditEvent.objects.filter(verb="project.deleted").exists()


def test_a_project_whose_update_was_cancelled_or_whose_base_is_not_unpacked_can_be_deleted(project):
    update = make_update(project)
    request_cancel(update=update, actor=coordinator_of(project))
    UnpackedBase.objects.create(sha256="a" * 64, file="/gone.gguf", location=project.base_model)
    delete_project(project=project, actor=coordinator_of(project))
    assert not Project.objects.exists() and UnpackedBase.objects.exists()


def test_of_two_who_delete_at_once_the_second_is_told(project):
    actor, same = coordinator_of(project), Project.objects.get(pk=project.pk)
    delete_project(project=project, actor=actor)
    with pytest.raises(RefusedError, match="deleted this project already"):
        delete_project(project=same, actor=actor)


def test_what_is_stored_at_the_same_moment_keeps_the_project_whole(project, monkeypatch):
    def collide(_project):
        raise IntegrityError("a row refers to another")

    monkeypatch.setattr(deleting, "delete_people_and_material", collide)
    before = counts()
    with pytest.raises(RefusedError, match="nothing was deleted"):
        delete_project(project=project, actor=coordinator_of(project))
    assert counts() == before


def test_jobs_that_waited_for_the_project_end_quietly(project):
    pk = project.pk
    delete_project(project=project, actor=coordinator_of(project))
    measure_new_prompts(pk)
    plan_next_update(pk)


# Files


def delete_with_files(project: Project, capture) -> None:
    """Delete it, and let the worker delete its files."""
    with capture(execute=True):
        delete_project(project=project, actor=coordinator_of(project))
    job = DBTaskResult.objects.get(task_path="training.tasks.remove_project_files")
    remove_files(*job.args_kwargs["args"])


def test_its_files_are_deleted_and_no_others(data, project, django_capture_on_commit_callbacks):
    other = make_judged()
    for each in (project, other):
        version = make_finished(make_update(each))
        Export.objects.create(version=version, base="shared", adapter=f"adapter-{each.pk}")
        for name in ("shared", f"adapter-{each.pk}"):
            for suffix in (".gguf", ".json"):
                (data / "exports").mkdir(exist_ok=True)
                (data / "exports" / f"{name}{suffix}").write_text("x")
        assert (data / "datasets" / each.slug).is_dir() and (data / "models" / each.slug).is_dir()
    base = data / project.base_model
    base.mkdir(parents=True)
    kept = {path for path in files(data) if project.slug not in str(path)}
    runs = [run.folder for run in project.runs.all()]
    gone = {path for path in kept if path.stem == f"adapter-{project.pk}" or {*path.parents} & {*runs}}
    assert len(gone) > 8
    delete_with_files(project, django_capture_on_commit_callbacks)
    assert files(data) == kept - gone
    assert base.is_dir() and not any(run.exists() for run in runs)


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_new_project_with_the_same_address_finds_nothing_of_the_old_one(
    data, project, django_capture_on_commit_callbacks
):
    snapshot_preferences(project=project)
    slug = project.slug
    with django_capture_on_commit_callbacks(execute=True):
        delete_project(project=project, actor=coordinator_of(project))
    assert not (data / "datasets" / slug).exists(), "before the worker comes to it"
    again = make_judged()
    Project.objects.filter(pk=again.pk).update(slug=slug)
    again.refresh_from_db()
    snapshot_preferences(project=again)
    remove_files(*DBTaskResult.objects.get(task_path__endswith="remove_project_files").args_kwargs["args"])
    assert (data / "datasets" / slug / "1").is_dir()


def test_files_that_are_gone_are_passed_over(data):
    remove_files(["runs/1", "exports/a.gguf", "datasets/.deleted-1"])


# Who may


@pytest.mark.parametrize("method", ["get", "post"])
def test_only_coordinators_of_the_project_come_in(client, project, method):
    url = reverse("delete-project", args=[project.slug])
    assert getattr(client, method)(url).url.startswith(reverse("account_login"))
    for member, status in (
        (make_member(project), 403),
        (make_member(project, Role.REVIEWER), 403),
        (coordinator_of(make_project()), 404),
    ):
        client.force_login(member)
        assert getattr(client, method)(url, {"slug": project.slug}).status_code == status
    client.force_login(coordinator_of(project))
    assert client.put(url).status_code == 405
    assert Project.objects.filter(pk=project.pk).exists()
