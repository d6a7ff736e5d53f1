"""The command that founds a project."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotator.errors import RefusedError
from annotator.models import Membership, Project, Role, User
from training.launching import engine_answers
from training.models import ModelVersion
from training.services.base_models import check

pytestmark = pytest.mark.django_db
ASK_ENGINE = check._run_check


@pytest.fixture(autouse=True)
def report(monkeypatch):
    """What the engine finds out about any base model."""
    found = {"problems": [], "system_message": False}
    monkeypatch.setattr(check, "_run_check", lambda _location, _beat: found)
    return found


def test_the_base_model_is_live_as_version_0_and_the_coordinator_can_sign_in(client, capsys):
    call_command(
        "create_project", "Sea tutor", "--base-model", "org/model", "--coordinator", "Ann@example.org"
    )
    project = Project.objects.get(slug="sea-tutor")
    assert ModelVersion.objects.live().get(project=project).number == 0
    membership = Membership.objects.get(project=project, user__email="ann@example.org")
    assert membership.role == Role.COORDINATOR
    link = capsys.readouterr().out.split("http://")[1].strip()
    token = link.rstrip("/").rpartition("/")[2]
    assert client.post(reverse("use-sign-in-link"), {"token": token}).status_code == 302


@pytest.mark.parametrize(
    ("name", "email"), [("Sea tutor", "no address"), ("", "ann@example.org"), ("x" * 200, "ann@example.org")]
)
def test_bad_values_found_nothing(name, email):
    with pytest.raises(CommandError):
        call_command("create_project", name, "--base-model", "org/model", "--coordinator", email)
    assert not Project.objects.exists()
    assert not User.objects.exists()


def found_sea(base_model="org/model", **options):
    call_command(
        "create_project", "Sea", base_model=str(base_model), coordinator="ann@example.org", **options
    )


def test_a_base_model_that_the_engine_cannot_use_founds_nothing(report):
    report["problems"] = ["The chat template leaves out the text of messages."]
    with pytest.raises(CommandError, match=r"leaves out the text of messages\.\nNothing was stored"):
        found_sea()
    assert not Project.objects.exists() and not User.objects.exists()


def test_a_system_prompt_needs_a_template_that_writes_it(report):
    with pytest.raises(CommandError, match="leaves out system messages"):
        found_sea(system_prompt="Be brief.")
    assert not Project.objects.exists()
    report["system_message"] = True
    found_sea(system_prompt="Be brief.")
    assert Project.objects.get().system_prompt == "Be brief."


def test_the_engine_itself_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "_run_check", ASK_ENGINE)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CommandError, match=f"configuration of the base model {tmp_path} cannot be read"):
        found_sea(tmp_path)
    assert not Project.objects.exists()


def test_an_engine_that_does_not_start_is_no_usable_model(monkeypatch):
    monkeypatch.setattr(check, "_run_check", ASK_ENGINE)
    monkeypatch.setattr(engine_answers.sys, "executable", "/bin/false")
    with pytest.raises(RefusedError, match="could not be checked: The engine ended with code 1"):
        check.check_base_model("org/model")


@pytest.mark.parametrize(
    ("name", "slug"),
    [("气候导师", "qihoudaoshi"), ("Морской учитель", "morskoy-uchitel"), ("معلم البحر", "mlm-lbhr")],
)
def test_a_name_in_any_script_gives_an_address(name, slug):
    call_command("create_project", name, "--base-model", "org/model", "--coordinator", "ann@example.org")
    project = Project.objects.get()
    assert (project.name, project.slug) == (name, slug)


def test_a_name_without_letters_needs_a_slug():
    arguments = ("create_project", "!?", "--base-model", "org/model", "--coordinator", "ann@example.org")
    with pytest.raises(CommandError, match="choose one with --slug"):
        call_command(*arguments)
    call_command(*arguments, "--slug", "loud")
    assert Project.objects.get().slug == "loud"


def test_a_wrong_value_is_named():
    with pytest.raises(CommandError, match="slug: Enter a valid"):
        call_command(
            "create_project", "A", "--slug", "a b", "--base-model", "m/m", "--coordinator", "a@example.org"
        )


def test_a_slug_that_is_taken_is_refused():
    for_sea = ("create_project", "Sea", "--base-model", "org/model", "--coordinator", "ann@example.org")
    call_command(*for_sea)
    with pytest.raises(CommandError, match="already exists"):
        call_command(*for_sea)


def test_a_model_folder_is_kept_as_a_whole_path(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    call_command("create_project", "Sea", "--base-model", "./model", "--coordinator", "ann@example.org")
    assert Project.objects.get().base_model == str(tmp_path / "model")


def test_a_folder_without_a_model_founds_nothing(tmp_path):
    with pytest.raises(CommandError, match=r"no config\.json"):
        call_command(
            "create_project", "Sea", "--base-model", str(tmp_path), "--coordinator", "ann@example.org"
        )
    assert not Project.objects.exists()
