"""What is served: servers start, are checked, switched, replaced and ended."""

import os
import signal
import time
from typing import Any

import pytest

from annotator.models import Project
from tests.factories import coordinator_of
from tests.training.serving.making import QUESTION, add_export, make_talking, tick_until_served
from training.models import Export, ModelServer, QueuePlace, Served, ServingSettings
from training.models.exports import exports_folder
from training.services.serving import supervisor as supervising
from training.services.serving.answers import Asked, answer
from training.services.serving.queue import NotServedError, take_place
from training.services.serving.supervisor import Supervisor
from training.services.versions.releases import release_version, roll_back
from training.serving.upstream import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(talkers: list[dict[str, Any]]) -> Project:
    return make_talking(talkers)


def release(project: Project, number: int) -> Any:
    version = project.versions.get(number=number)
    release_version(version=version, actor=coordinator_of(project))
    return version


def ask(project: Project, question: str = QUESTION) -> tuple[int, str]:
    """The version that answers, and its greedy answer."""
    place = take_place(project=project, who="somebody")
    asked = Asked(messages=[{"role": "user", "content": question}], temperature=0.0, max_tokens=12)
    pieces = list(answer(place, asked, lambda: True))
    return place.version.number, text_of(piece for piece in pieces if isinstance(piece, dict))


def test_versions_answer_each_in_their_own_way_as_they_are_released(project, supervisor):
    answers = {}
    for number in range(4):
        version = release(project, number) if number else project.versions.get(number=0)
        tick_until_served(supervisor, version)
        answers[number] = ask(project)[1]
        assert ask(project) == (number, answers[number])
    assert len(set(answers.values())) == 4
    roll_back(project=project, actor=None)
    tick_until_served(supervisor, project.versions.get(number=2))
    assert ask(project) == (2, answers[2])


def test_going_back_to_a_version_that_a_server_has_starts_none(talkers, supervisor):
    """The other project keeps version 1's adapter loaded."""
    project, other = make_talking(talkers), make_talking(talkers)
    release(other, 1)
    tick_until_served(supervisor, other.versions.get(number=1))
    server = tick_until_served(supervisor, project.versions.get(number=0)).server
    release(project, 1)
    assert tick_until_served(supervisor, project.versions.get(number=1)).server == server


def test_projects_on_one_base_share_a_server(talkers, supervisor):
    projects = [make_talking(talkers) for _ in range(2)]
    release(projects[1], 2)
    served = [
        tick_until_served(supervisor, project.versions.get(number=number))
        for project, number in zip(projects, (0, 2), strict=True)
    ]
    assert served[0].server == served[1].server
    assert ask(projects[0])[1] != ask(projects[1])[1]


def test_the_old_server_ends_when_it_has_finished_what_it_began(project, supervisor):
    tick_until_served(supervisor, project.versions.get(number=0))
    place = take_place(project=project, who="somebody")
    old = place.server
    new = tick_until_served(supervisor, release(project, 1)).server
    supervisor.tick()
    assert new != old
    assert ModelServer.objects.get(pk=old.pk).is_draining
    asked = Asked(messages=[{"role": "user", "content": QUESTION}])
    assert [piece for piece in answer(place, asked, lambda: True) if piece]
    supervisor.tick()
    assert not ModelServer.objects.filter(pk=old.pk).exists()
    assert [each.server for each in supervisor.running] == [new]


def test_a_turn_is_never_had_at_a_server_that_ends(project, supervisor):
    served = tick_until_served(supervisor, project.versions.get(number=0))
    ModelServer.objects.filter(pk=served.server.pk).update(is_draining=True)
    new = tick_until_served(supervisor, release(project, 1)).server
    assert take_place(project=project, who="somebody").server == new


def test_a_server_that_was_killed_is_replaced(project, supervisor):
    version = project.versions.get(number=0)
    first = tick_until_served(supervisor, version)
    before = ask(project)
    os.kill(supervisor.running[0].process.pid, signal.SIGKILL)
    supervisor.running[0].process._process.wait()
    supervisor.tick()
    with pytest.raises(NotServedError):
        take_place(project=project, who="somebody")
    assert tick_until_served(supervisor, version).server != first.server
    assert ask(project) == before


def test_a_server_that_does_not_answer_is_replaced(project, supervisor, monkeypatch):
    version = project.versions.get(number=0)
    first = tick_until_served(supervisor, version).server
    monkeypatch.setattr(supervising, "HEALTH_SECONDS", 0.0)
    monkeypatch.setattr(supervising, "is_healthy", lambda address: address != first.address)
    for each in supervisor.running:
        each.next_look = 0.0
    until = time.monotonic() + 60
    while Served.objects.get(project=project).server in (first, None):
        assert time.monotonic() < until
        supervisor.tick()
        time.sleep(0.05)


def test_a_version_that_is_answered_for_otherwise_than_by_transformers_waits_for_other_files(
    project, supervisor, talkers
):
    """Its file is of another version: the one before stays, and the page says why, until there are others."""
    tick_until_served(supervisor, project.versions.get(number=0))
    wrong, right = (exports_folder() / f"{talkers[number]['adapter']}.json" for number in (1, 2))
    kept = wrong.read_text()
    try:
        other = kept.replace(
            kept[kept.index('"references"') :], right.read_text()[right.read_text().index('"references"') :]
        )
        wrong.write_text(other)
        release(project, 1)
        until = time.monotonic() + 60
        while not supervisor.refused:
            assert time.monotonic() < until
            supervisor.tick()
            time.sleep(0.05)
        supervisor.tick()
        served = Served.objects.get(project=project)
        assert (served.version.number, ask(project)[0], supervisor.starting) == (0, 0, {})
        assert "and transformers" in served.problem
    finally:
        wrong.write_text(kept)
    served = tick_until_served(supervisor, project.versions.get(number=1))
    assert (ask(project)[0], served.problem) == (1, "")


def test_a_damaged_file_is_not_served_and_said(project, supervisor, talkers):
    file = exports_folder() / f"{talkers[1]['adapter']}.gguf"
    kept = file.read_bytes()
    try:
        file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        tick_until_served(supervisor, project.versions.get(number=0))
        release(project, 1)
        until = time.monotonic() + 60
        while not Served.objects.get(project=project).problem:
            assert time.monotonic() < until
            supervisor.tick()
            time.sleep(0.05)
    finally:
        file.write_bytes(kept)
    assert "is damaged" in Served.objects.get(project=project).problem
    assert ask(project)[0] == 0


def test_a_version_is_served_when_its_files_are_made(project, supervisor, talkers):
    tick_until_served(supervisor, project.versions.get(number=0))
    Export.objects.filter(version__project=project, version__number=1).delete()
    version = release(project, 1)
    supervisor.tick()
    assert ask(project)[0] == 0
    add_export(version, talkers[1])
    tick_until_served(supervisor, version)


def test_a_project_that_is_served_to_nobody_has_no_server(project, supervisor):
    tick_until_served(supervisor, project.versions.get(number=0))
    ServingSettings.objects.create(project=project, audience=ServingSettings.Audience.NOBODY)
    supervisor.tick()
    supervisor.tick()
    assert not ModelServer.objects.exists()
    assert supervisor.running == []


def test_an_endpoint_of_the_settings_answers_under_the_names_of_versions(project, settings):
    settings.SERVING_URL, settings.SERVING_KEY = "http://127.0.0.1:9", "secret"
    supervisor = Supervisor()
    supervisor.tick()
    release(project, 1)
    supervisor.tick()
    place = take_place(project=project, who="somebody")
    assert (place.server.address, place.server.key, place.version.number) == (
        "http://127.0.0.1:9",
        "secret",
        1,
    )
    supervisor.close()


def test_turns_of_a_web_process_that_was_killed_count_no_more(project, supervisor):
    served = tick_until_served(supervisor, project.versions.get(number=0))
    for _ in range(5):
        QueuePlace.objects.create(server=served.server, who="killed")
    place = take_place(project=project, who="somebody")
    assert place.waiting == 2
    QueuePlace.objects.filter(who="killed").update(seen_at=place.row.seen_at.replace(year=2020))
    assert place.waiting == 0
