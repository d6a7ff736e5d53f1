"""Founding a project in the browser."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.models import AuditEvent, GuidelinesVersion, Project, Role, User
from tests.factories import coordinator_of, make_member, make_project, make_user
from tests.pressing import filled
from training.models import Founding, ModelVersion, UnpackedBase
from training.services.base_models import check
from training.services.base_models.choices import base_choices
from training.services.clock import tick
from training.services.founding import worker
from training.services.founding.starter_guidelines import FOLDER
from training.services.founding.worker import execute_founding
from training.views import founding as views

pytestmark = pytest.mark.django_db
NEW, CHECK, STOP = "/projects/new/", "/projects/new/check/", "/projects/new/stop/"
HTMX = {"HX-Request": "true"}
VALUES = {
    "name": "Sea tutor",
    "slug": "",
    "description": "Answers children's questions.",
    "base_model": "org/model",
    "system_prompt": "Be brief.",
    "guidelines": "True comes *first*.",
}


@pytest.fixture(autouse=True)
def report(monkeypatch, settings):
    """What the engine finds out about any base model; one of the hub is allowed."""
    settings.BASE_MODELS = ["org/model"]
    found = {"problems": [], "system_message": True}
    monkeypatch.setattr(check, "_run_check", lambda _location, _beat: found)
    return found


@pytest.fixture
def root(client) -> User:
    user = User.objects.create_superuser("root@example.org")
    client.force_login(user)
    return user


def work() -> None:
    """What the worker does with the founding there is."""
    execute_founding(Founding.objects.get().pk)


def test_whoever_founds_a_project_comes_to_its_page_as_coordinator(
    client, root, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(NEW, VALUES).url == CHECK
    assert "being checked" in client.get(CHECK).text
    assert DBTaskResult.objects.get().task_path == "training.tasks.run_founding"
    work()
    project = Project.objects.get()
    assert client.get(CHECK).url == reverse("project", args=["sea-tutor"])
    assert (project.name, project.system_prompt) == ("Sea tutor", "Be brief.")
    assert project.memberships.get(user=root).role == Role.COORDINATOR
    assert ModelVersion.objects.live().get(project=project).number == 0
    assert GuidelinesVersion.objects.current(project).text == "True comes *first*."
    assert AuditEvent.objects.about(project, "project.created").get().actor == root
    assert Founding.objects.get().values == {}
    assert reverse("write-prompts", args=["sea-tutor"]) in client.get("/p/sea-tutor/").text


def test_a_form_as_it_comes_founds_a_project_with_guidelines(client, root):
    client.post(NEW, filled(client, NEW, name="Sea", base_model="org/model"))
    work()
    assert "Rank the answers by how well they help" in GuidelinesVersion.objects.get().text


def test_what_is_wrong_with_the_base_model_is_told_and_what_was_typed_is_kept(client, root, report):
    report["problems"] = ["The chat template leaves out the text of messages."]
    client.post(NEW, VALUES)
    work()
    assert client.get(CHECK).url == NEW
    page = client.get(NEW)
    assert "The project was not created." in page.text and "leaves out the text" in page.text
    assert all(value in page.text for value in ("Sea tutor", "sea-tutor", "Be brief.", "True comes *first*."))
    assert not Project.objects.exists()
    report["problems"] = []
    client.post(NEW, filled(client, NEW, name="Lake tutor"))
    work()
    assert Project.objects.get().name == "Lake tutor"


def test_a_system_prompt_needs_a_template_that_writes_it(client, root, report):
    report["system_message"] = False
    client.post(NEW, VALUES)
    work()
    assert "leaves out system messages" in client.get(NEW).text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 121}, "at most 120 characters"),
        ({"name": "!?"}, "No address can be made of this name"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"slug": "a b"}, "Enter a valid"),
        ({"slug": "taken"}, "Another project has this address"),
        ({"base_model": ""}, "This field is required."),
        ({"base_model": "/etc"}, "Select a valid choice."),
        ({"base_model": "org/other"}, "Select a valid choice."),
        ({"guidelines": "x" * 20_001}, "at most 20000 characters"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_begins(client, root, wrong, words):
    make_project("taken")
    page = client.post(NEW, VALUES | wrong)
    assert page.status_code == 422 and words in page.text and "Answers children" in page.text
    assert not Founding.objects.exists() and not DBTaskResult.objects.exists()


@pytest.mark.parametrize("sent", ["\ud800", "\udfff" * 9])
def test_what_cannot_be_stored_founds_nothing_or_is_replaced(client, root, sent):
    data = "&".join(f"{name}={value}" for name, value in (VALUES | {"name": "Sea%ED%A0%80"}).items())
    page = client.post(NEW, data, content_type="application/x-www-form-urlencoded")
    assert page.status_code == 302
    work()
    assert Project.objects.get().name.startswith("Sea")


def test_an_address_that_was_taken_meanwhile_founds_nothing(client, root):
    client.post(NEW, VALUES)
    make_project("sea-tutor")
    work()
    assert Project.objects.count() == 1
    assert "already exists" in client.get(NEW).text


def test_the_address_is_made_from_the_name_until_somebody_enters_one(client, root):
    page = client.post(NEW, VALUES | {"name": "معلم البحر", "look": "1"})
    assert page.status_code == 422 and 'value="mlm-lbhr"' in page.text
    page = client.post(NEW, VALUES | {"slug": "mine", "look": "1"})
    assert 'value="mine"' in page.text
    assert not Founding.objects.exists()


def test_the_preview_shows_the_guidelines_as_they_are_typed_and_escapes_them(client, root):
    page = client.post(
        NEW, VALUES | {"guidelines": "*now* <script>x</script>", "look": "1"}, headers=HTMX
    ).text
    assert "<em>now</em>" in page and "<script>x" not in page
    assert "<strong>Rank the answers" in client.get(NEW).text


def test_the_page_asks_again_while_the_check_is_under_way_and_then_leads_on(client, root):
    client.post(NEW, VALUES)
    part = client.get(CHECK, headers=HTMX)
    assert "Waiting for the worker" in part.text and "<html" not in part.text
    assert client.get(NEW).url == CHECK
    work()
    assert client.get(CHECK, headers=HTMX)["HX-Redirect"] == "/p/sea-tutor/"


def test_a_second_project_can_be_founded_only_after_the_first(client, root):
    client.post(NEW, VALUES)
    client.post(NEW, VALUES | {"name": "Lake"})
    assert Founding.objects.get().values["name"] == "Sea tutor"
    work()
    client.post(NEW, VALUES | {"name": "Lake"})
    work()
    assert {*Project.objects.values_list("slug", flat=True)} == {"sea-tutor", "lake"}


def test_two_forms_that_are_sent_at_once_begin_one_check(client, root, monkeypatch):
    monkeypatch.setattr(views, "founding_of", lambda _user: None)
    client.post(NEW, VALUES)
    client.post(NEW, VALUES | {"name": "Lake"})
    assert Founding.objects.get().values["name"] == "Sea tutor"


def test_a_check_that_is_stopped_founds_nothing_and_keeps_what_was_typed(client, root, monkeypatch):
    client.post(NEW, VALUES)

    def stopped_meanwhile(given, **_options):
        assert client.post(STOP).url == CHECK
        return given

    monkeypatch.setattr(worker, "prepare_base_model", stopped_meanwhile)
    work()
    assert not Project.objects.exists()
    page = client.get(NEW).text
    assert "Sea tutor" in page and "was not created" not in page


def test_stopping_what_has_ended_changes_nothing(client, root):
    assert client.post(STOP).url == CHECK
    client.post(NEW, VALUES)
    work()
    client.post(STOP)
    assert client.get(CHECK).url == "/p/sea-tutor/"


def test_a_check_that_its_worker_left_is_taken_up_again(client, root):
    client.post(NEW, VALUES)
    Founding.objects.get().claim()
    Founding.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    DBTaskResult.objects.all().delete()
    tick()
    assert DBTaskResult.objects.get().args_kwargs["args"] == [Founding.objects.get().pk]
    work()
    assert Project.objects.exists()


def test_who_lost_the_permission_meanwhile_founds_nothing(client, root):
    client.post(NEW, VALUES)
    User.objects.update(is_superuser=False)
    work()
    assert not Project.objects.exists() and "may not found" in Founding.objects.get().error


def test_a_founder_who_was_erased_leaves_nothing_to_do(client, root):
    client.post(NEW, VALUES)
    pk = Founding.objects.get().pk
    root.delete()
    execute_founding(pk)
    assert not Project.objects.exists()


# Who may


@pytest.mark.parametrize(
    ("url", "right", "wrong"), [(NEW, "get", "put"), (CHECK, "get", "post"), (STOP, "post", "get")]
)
def test_only_who_has_the_permission_comes_in(url, right, wrong):
    client = Client()
    assert getattr(client, right)(url).url.startswith(reverse("account_login"))
    member = coordinator_of(make_project())
    client.force_login(member)
    assert getattr(client, right)(url).status_code == 403
    member.user_permissions.add(Permission.objects.get(codename="add_project"))
    assert getattr(client, right)(url).status_code in (200, 302)
    assert getattr(client, wrong)(url).status_code == 405


def test_where_coordinators_need_a_second_factor_founders_need_it(client, root, settings):
    settings.SECOND_FACTOR_ROLES = {"coordinator"}
    assert client.post(NEW, VALUES).url == reverse("mfa_index")
    assert not Founding.objects.exists()


def test_the_home_page_offers_it_to_those_only(client, root):
    page = client.get("/").text
    assert f'href="{NEW}"' in page and "Begin with a project" in page
    project = make_project(coordinator=root)
    assert f'href="{NEW}"' in client.get("/").text, "a founder with one project is not sent to that one"
    client.force_login(make_user())
    assert f'href="{NEW}"' not in client.get("/").text
    client.force_login(make_member(project))
    assert client.get("/").url == reverse("project", args=[project.slug])


def test_somebody_elses_check_is_never_shown(client, root):
    client.post(NEW, VALUES)
    client.force_login(User.objects.create_superuser("other@example.org"))
    assert client.get(CHECK).url == NEW
    assert "Sea tutor" not in client.get(NEW).text


# Which base models


@pytest.fixture
def models(tmp_path, settings):
    """A folder of models: two that are some, and other things."""
    settings.DATA_DIR = tmp_path / "data"
    for name in ("first", "second", "empty"):
        (tmp_path / "models" / name).mkdir(parents=True)
    for name in ("first", "second"):
        (tmp_path / "models" / name / "config.json").write_text("{}")
    (tmp_path / "models" / "Tiny.F32.gguf").write_bytes(b"GGUF")
    (tmp_path / "models" / "notes.txt").write_text("x")
    return tmp_path / "models"


def names() -> list[str]:
    return [each.name for each in base_choices() if "comes with" not in str(each.origin)]


def test_folders_files_and_names_can_be_allowed(models, settings):
    settings.BASE_MODELS = [f"{models}", f"{models}/first", "org/model", f"{models}/gone", "./nowhere"]
    assert names() == ["Tiny.F32", "first", "second", "org/model"]


def test_what_projects_use_is_offered_once_and_first(models, settings):
    settings.BASE_MODELS = [f"{models}"]
    make_project(name="Sea", base_model=f"{models}/second")
    make_project(name="Lake", base_model=f"{models}/second")
    assert names() == ["second", "Tiny.F32", "first"]
    assert base_choices()[0].origin == "used by Sea"


def test_a_file_that_is_unpacked_is_offered_as_what_it_was_unpacked_to(models, settings):
    settings.BASE_MODELS = [f"{models}/Tiny.F32.gguf"]
    state = UnpackedBase.State.SUCCEEDED
    base = UnpackedBase.objects.create(
        sha256="a" * 64, file=f"{models}/Tiny.F32.gguf", location="bases/a/Tiny.F32", state=state
    )
    assert base_choices()[0].given == f"{models}/Tiny.F32.gguf", "its folder was deleted"
    base.model_folder.mkdir(parents=True)
    assert [each.given for each in base_choices()][:1] == ["bases/a/Tiny.F32"] and names() == ["Tiny.F32"]
    make_project(base_model=base.location)
    UnpackedBase.objects.update(state=UnpackedBase.State.FAILED)
    assert base.location not in [each.given for each in base_choices()]


def test_a_site_without_any_base_model_says_what_to_do(client, root, settings, monkeypatch):
    settings.BASE_MODELS = []
    monkeypatch.setattr("training.services.base_models.choices.content.base_file", missing)
    page = client.get(NEW).text
    assert "CHORUS_BASE_MODELS" in page and "Create the project" not in page


def missing() -> None:
    raise FileNotFoundError


def test_the_guidelines_to_begin_with_are_there_in_every_language_of_the_pages(settings):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert texts.keys() == dict(settings.LANGUAGES).keys()
    assert {len(re.findall(r"^\d\. ", text, re.MULTILINE)) for text in texts.values()} == {5}


def test_a_superuser_of_the_command_line_can_begin(client):
    call_command("createsuperuser", "--noinput", email="first@example.org")
    client.force_login(User.objects.get())
    assert f'href="{NEW}"' in client.get("/").text
