"""A base model that comes as a GGUF file: unpacked once, waited for, shown with its licence and card."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Project, Role
from tests.factories import coordinator_of, make_member, make_project
from tests.pressing import press
from tests.training.making import make_judged, make_trainable, make_update
from training.models import Export, ModelVersion, UnpackedBase
from training.services.base_models import check
from training.services.base_models.cards import describe_base
from training.services.base_models.control import retry_unpacking
from training.services.base_models.unpacking import execute_unpacking, register_gguf
from training.services.clock import tick
from training.services.sampling.control import sample_live_version
from training.services.versions.exports import request_exports

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forked_engines", "data")]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def checked(monkeypatch) -> None:
    """The engine need not be asked about a model again; unpacking has checked it."""
    report = {"problems": [], "system_message": True}
    monkeypatch.setattr(check, "_run_check", lambda _location, _beat: report)


@pytest.fixture
def data(settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    return settings.DATA_DIR


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.rlhf.gguf_files import make_gguf
    from tests.rlhf.making import make_base

    folder = tmp_path_factory.mktemp("gguf")
    make_base("llama", folder / "base")
    return make_gguf(folder / "base", folder / "Tiny.F32.gguf")


def found(file: Path, name: str = "Sea", **options: str) -> Project:
    call_command("create_project", name, base_model=str(file), coordinator="ann@example.org", **options)
    return Project.objects.get(name=name)


def waiting_on(base: UnpackedBase) -> Project:
    """A project that was founded before its base model is unpacked, with prompts of known length."""
    project = make_judged(base.location)
    project.prompts.update(tokens=9)
    return project


def test_projects_with_the_same_file_share_one_unpacked_model(file, tmp_path, data):
    copy = shutil.copy(file, tmp_path / "other name.gguf")
    first, second = found(file, system_prompt="Be brief."), found(copy, "Lake")
    base = UnpackedBase.objects.get()
    assert first.base_model == second.base_model == base.location == f"bases/{base.sha256[:16]}/Tiny.F32"
    assert (data / first.base_model / "model.safetensors").is_file()
    assert ModelVersion.objects.get(project=second).base_model == base.location


def test_a_file_that_cannot_be_a_base_model_founds_nothing(file, tmp_path, data):
    short = tmp_path / "short.gguf"
    short.write_bytes(file.read_bytes()[:-1])
    other = tmp_path / "model.bin"
    other.write_bytes(b"PK")
    for wrong, words in (
        (short, "is cut off or damaged"),
        (other, "is not a GGUF file"),
        (tmp_path / "missing.gguf", "cannot be read"),
    ):
        with pytest.raises(CommandError, match=rf"{words}(.|\n)*Nothing was stored"):
            found(wrong)
    assert not Project.objects.exists() and not UnpackedBase.objects.exists()
    assert not list((data / "bases").iterdir())


@pytest.mark.usefixtures("checked")
def test_a_model_that_was_deleted_is_unpacked_again(file):
    location = found(file).base_model
    base = UnpackedBase.objects.get()
    shutil.rmtree(base.model_folder)
    assert found(file, "Lake").base_model == location and base.model_folder.is_dir()


def test_what_needs_the_base_model_waits_for_it(file):
    project = waiting_on(register_gguf(file))
    for act in (lambda: make_update(project), lambda: sample_live_version(project=project)):
        with pytest.raises(RefusedError, match="still being unpacked"):
            act()
    request_exports()
    assert not Export.objects.exists()
    execute_unpacking(UnpackedBase.objects.get().pk)
    request_exports()
    assert Export.objects.get().version.project == project
    make_update(project)


def test_the_prompts_of_waiting_projects_are_measured_afterwards(file):
    project = make_trainable(register_gguf(file).location)
    execute_unpacking(UnpackedBase.objects.get().pk)
    assert not project.prompts.filter(tokens=None).exists()


def test_an_unpacking_that_its_worker_left_is_taken_up_again(file):
    base = register_gguf(file)
    base.claim()
    UnpackedBase.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    tick()
    tick()
    job = DBTaskResult.objects.get()
    assert (job.task_path, job.args_kwargs["args"]) == ("training.tasks.run_unpacking", [base.pk])


def test_a_failed_unpacking_is_told_and_can_be_tried_again(file, tmp_path, client):
    passing = shutil.copy(file, tmp_path / "passing.gguf")
    base = register_gguf(passing)
    project = waiting_on(base)
    passing.unlink()
    execute_unpacking(base.pk)
    client.force_login(coordinator_of(project))
    page = client.get(reverse("training", args=[project.slug])).content.decode()
    assert "The base model could not be unpacked." in page and "cannot be read" in page
    with pytest.raises(RefusedError, match="could not be unpacked"):
        make_update(project)
    shutil.copy(file, passing)
    training, retry = (reverse(name, args=[project.slug]) for name in ("training", "retry-base-model"))
    press(client, training, retry)
    execute_unpacking(base.pk)
    base.refresh_from_db()
    assert base.state == base.State.SUCCEEDED
    assert AuditEvent.objects.about(project, "base_model.retried").count() == 1
    with pytest.raises(RefusedError, match="nothing to try again"):
        retry_unpacking(project=project)


def test_the_page_shows_how_far_it_is_and_is_loaded_anew_when_it_is_done(file, client):
    base = register_gguf(file)
    project = waiting_on(base)
    client.force_login(coordinator_of(project))
    url = reverse("base-model", args=[project.slug])
    page = client.get(url).content.decode()
    assert "Waiting for the worker" in page
    assert f"<bdi>{base.model_folder.name}</bdi>" in page and base.location not in page
    base.claim()
    base.renew(progress={"step": 2, "total": 5, "time": 1.0, "metrics": {}})
    part = client.get(url, headers=HTMX)
    assert "Step 2 of 5" in part.content.decode() and "HX-Refresh" not in part.headers
    assert (
        "Run the weekly update" not in client.get(reverse("training", args=[project.slug])).content.decode()
    )
    base.hand_back()
    execute_unpacking(base.pk)
    assert client.get(url, headers=HTMX).headers["HX-Refresh"] == "true"


@pytest.mark.usefixtures("checked")
def test_licence_and_card_of_the_base_are_shown(file, client):
    project = found(file)
    client.force_login(coordinator_of(project))
    page = client.get(reverse("base-model", args=[project.slug])).content.decode()
    assert "apache-2.0" in page and "says of itself" in page and "Tiny.F32.gguf" in page
    version = client.get(reverse("version", args=[project.slug, 0])).content.decode()
    assert "apache-2.0" in version and reverse("base-model", args=[project.slug]) in version


def test_a_card_is_read_as_far_as_it_can_be(data):
    folder = data / "models" / "a"
    folder.mkdir(parents=True)
    for text, licence, card in (
        ("---\nlicense: mit\n---\n# A\n", "mit", "# A"),
        ("---\nlicense: other\nlicense_name: llama3\n---\nB", "llama3", "B"),
        ("---\nlicense: [a, b]\n---\nC", "", "C"),
        ("---\n: : {\n---\nD", "", "D"),
        ("E", "", "E"),
        ("\x00\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "", None),
    ):
        (folder / "README.md").write_text(text, encoding="utf-8")
        found = describe_base("models/a")
        assert (found.name, found.licence) == ("a", licence)
        assert card is None or found.card == card
    (folder / "README.md").unlink()
    assert describe_base("models/a").card == ""
    assert describe_base("org/model").hub_url == "https://huggingface.co/org/model"
    gone = describe_base("/gone/model")
    assert (gone.name, gone.hub_url) == ("model", "")


@pytest.mark.parametrize(
    ("name", "right", "wrong"), [("base-model", "get", "post"), ("retry-base-model", "post", "get")]
)
def test_only_coordinators_of_the_project_come_in(client, name, right, wrong):
    project, other = make_project("sea"), make_project("lake")
    for member, status in ((make_member(project, Role.REVIEWER), 403), (coordinator_of(other), 404)):
        client.force_login(member)
        assert getattr(client, right)(reverse(name, args=[project.slug])).status_code == status
    client.force_login(coordinator_of(project))
    assert getattr(client, wrong)(reverse(name, args=[project.slug])).status_code == 405
    assert getattr(client, right)(reverse(name, args=[project.slug])).status_code in {200, 302}
