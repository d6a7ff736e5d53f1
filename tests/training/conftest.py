"""A base model of a few thousand parameters, and one whole update on it that many tests look at."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.training import making
from tests.training.making import SMALL, judge_all, make_finished, make_trainable, make_update
from training.launching import launcher
from training.launching.engine_answers import EngineAnswer
from training.models import Update
from training.services.plans import worker as planning
from training.services.sampling.control import sample_live_version
from training.services.sampling.worker import execute_sampling
from training.services.serving.supervisor import Supervisor
from training.services.updates.worker import execute_update


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.rlhf.making import make_base

    folder = tmp_path_factory.mktemp("base")
    make_base("qwen3", folder)
    return folder


@pytest.fixture(scope="session")
def talkers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Where the files are of a base and of adapters that answer otherwise than it and each other."""
    from tests.training.serving.making import export_talkers

    return export_talkers(tmp_path_factory.mktemp("talkers"))


@pytest.fixture
def supervisor(db: None) -> Iterator[Supervisor]:
    """Whoever keeps servers running; they end with the test."""
    supervisor = Supervisor()
    yield supervisor
    supervisor.close()


@pytest.fixture(autouse=True)
def no_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Updates whose engines are stand-ins are not planned; `fork_engines` brings the real planner back."""
    monkeypatch.setattr(planning, "ask_engine", lambda *_, **__: EngineAnswer(1, "", "No engine here."))


@pytest.fixture
def evaluated(db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Update]:
    """End an update whose evaluation had these metrics besides the usual ones."""

    def finish(**metrics: Any) -> Update:
        monkeypatch.setitem(making.METRICS, "evaluate", making.METRICS["evaluate"] | metrics)
        update = make_update()
        make_finished(update)
        return update

    return finish


@pytest.fixture
def forked_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines need not load their libraries, which takes each five seconds."""
    fork_engines(monkeypatch)


def fork_engines(patch: pytest.MonkeyPatch) -> None:
    from tests.rlhf.engine import ForkedEngine, ask

    patch.setattr(launcher, "EngineProcess", ForkedEngine)
    patch.setattr(launcher, "POLL_SECONDS", 0.05)
    patch.setattr(planning, "ask_engine", lambda arguments, **_: EngineAnswer(*ask(arguments)))


@pytest.fixture(scope="module")
def finished_update(django_db_setup: None, django_db_blocker: Any, tiny_base: Path) -> Iterator[Update]:
    """A project that real engines took once around the loop; undone after the module."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        fork_engines(patch)
        project = make_trainable(str(tiny_base))
        sampling = sample_live_version(project=project, settings=SMALL["generate"])
        execute_sampling(sampling.pk)
        judge_all(project)
        update = make_update(project)
        execute_update(update.pk)
        update.refresh_from_db()
        yield update
        transaction.set_rollback(True)
