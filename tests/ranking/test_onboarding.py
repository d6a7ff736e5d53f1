"""From an invitation to the first comparison: the steps, the gate, and what is put in between later."""

import pytest
from django.urls import reverse

from annotator.access import membership_or_404
from annotator.models import Membership, Role, User
from annotator.services.guidelines import write_guidelines
from annotator.services.projects import change_settings
from ranking.models import Assignment
from ranking.services.onboarding import check_readiness, continue_onboarding, onboarding_of
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_newcomer, make_project, make_ready
from tests.ranking.desk import JSON, at, desk
from tests.ranking.making import make_assignment, make_round

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def current():
    return make_round(prompts=3, guidelines="# True first\n\nThen *clear*.")


@pytest.fixture
def project(current):
    return current.project


@pytest.fixture
def newcomer(client, project):
    user = make_newcomer(project)
    client.force_login(user)
    return project.memberships.get(user=user)


def change_guidelines(project, text="# True first\n\nThen *short*."):
    write_guidelines(project=project, text=text, actor=coordinator_of(project))


def test_a_newcomer_goes_step_by_step_to_the_first_comparison(client, current, project, newcomer):
    page = client.get(desk(current), follow=True)
    assert page.redirect_chain[-1][0] == at("consent", project) and "Step 1 of 3" in page.text
    assert "CC BY 4.0" in page.text and "withdraw" in page.text
    page = client.post(at("consent", project), {"number": 1}, follow=True)
    assert page.redirect_chain[-1][0] == at("read-guidelines", project) and "Step 2 of 3" in page.text
    assert "<h2>True first</h2>" in page.text
    page = client.post(at("read-guidelines", project), {"number": 1}, follow=True)
    assert page.redirect_chain[-1][0] == desk(current)
    assert "You are ready" in page.text and 'id="judgment-form"' in page.text
    newcomer.refresh_from_db()
    assert newcomer.ready_at and newcomer.first_ready_at == newcomer.ready_at


def test_the_way_is_taken_up_where_it_was_left(client, current, project, newcomer):
    client.post(at("consent", project), {"number": 1})
    client.logout()
    client.force_login(newcomer.user)
    page = client.get(desk(current), follow=True)
    assert page.redirect_chain[-1][0] == at("read-guidelines", project)


def test_nobody_gets_an_assignment_before_they_are_ready(client, current, newcomer):
    client.get(desk(current), follow=True)
    assert not Assignment.objects.held_by(newcomer.user).exists()


def test_a_project_without_guidelines_has_one_step_less(client):
    current = make_round()
    client.force_login(make_newcomer(current.project))
    assert "Step 1 of 2" in client.get(desk(current), follow=True).text
    page = client.post(at("consent", current.project), {"number": 1}, follow=True)
    assert page.redirect_chain[-1][0] == desk(current)


@pytest.mark.parametrize("number", ["", "2", "0", "-1", "x", "9" * 99, "%ED%A0%80", "1%00"])
def test_agreeing_to_what_was_not_asked_is_no_consent(client, project, newcomer, number):
    page = client.post(at("consent", project), f"number={number}", FORM, follow=True)
    assert "once more" in page.text and "I agree" in page.text
    assert not project.consents.filter(user=newcomer.user).exists()


@pytest.mark.parametrize("number", ["", "2", "x", "9" * 99, "%ED%A0%80", "1%00"])
def test_reading_what_is_not_there_goes_no_further(client, project, newcomer, number):
    client.post(at("consent", project), {"number": 1})
    page = client.post(at("read-guidelines", project), f"number={number}", FORM, follow=True)
    assert page.redirect_chain[-1][0] == at("read-guidelines", project)


def test_the_consent_page_shows_later_what_was_agreed_to(client, project):
    client.force_login(make_member(project))
    page = client.get(at("consent", project)).text
    assert "You agreed on" in page and "I agree" not in page and "Step" not in page


def test_other_words_to_agree_to_are_asked_once_more_without_the_steps(client, current, project):
    client.force_login(make_member(project))
    change_settings(
        project=project, values={"consent_text": "We keep <b>all</b>."}, actor=coordinator_of(project)
    )
    page = client.get(desk(current), follow=True)
    assert "We ask you once more" in page.text and "Step" not in page.text
    assert "We keep &lt;b&gt;all&lt;/b&gt;." in page.text
    page = client.post(at("consent", project), {"number": 2}, follow=True)
    assert page.redirect_chain[-1][0] == desk(current) and "You are ready" not in page.text


def test_changed_guidelines_are_shown_once_with_what_changed(client, current, project):
    client.force_login(make_member(project))
    change_guidelines(project)
    page = client.get(desk(current), follow=True)
    assert page.redirect_chain[-1][0] == at("read-guidelines", project)
    assert "<del>" in page.text and "clear" in page.text.partition("<del>")[2].partition("</del>")[0]
    assert "short" in page.text.partition("<ins>")[2].partition("</ins>")[0]
    page = client.post(at("read-guidelines", project), {"number": 2}, follow=True)
    assert page.redirect_chain[-1][0] == desk(current)
    assert client.get(desk(current)).status_code == 200


def test_what_changed_is_told_since_the_version_that_was_read(client, project):
    client.force_login(make_member(project))
    change_guidelines(project, "# True first\n\nThen *brief*.")
    change_guidelines(project)
    page = client.get(at("read-guidelines", project)).text
    assert "clear" in page and "brief" not in page


def test_guidelines_that_were_emptied_stop_nobody(client, current, project):
    client.force_login(make_member(project))
    change_guidelines(project, "")
    assert client.get(desk(current)).status_code == 200
    client.force_login(make_newcomer(project))
    assert "Step 1 of 2" in client.get(desk(current), follow=True).text


def test_a_judgment_begun_before_the_guidelines_changed_is_taken_and_they_come_before_the_next(
    client, current, project
):
    volunteer = make_member(project)
    client.force_login(volunteer)
    assignment = make_assignment(current, volunteer)
    change_guidelines(project)
    fields = {"key": assignment.key, "have": ""} | {f"rank_{place}": place for place in (1, 2, 3, 4)}
    answer = client.post(reverse("judgment", args=[project.slug, assignment.pk]), fields, **JSON).json()
    assert volunteer.judgments.count() == 1
    assert answer["to_read"] and answer["ahead"] == [] and at("onboarding", project) in answer["nothing_left"]
    assert not Assignment.objects.held_by(volunteer).exists()


def test_the_gate_asks_the_database_nothing_about_who_is_ready(
    client, current, project, django_assert_num_queries
):
    volunteer = make_member(project)
    membership = membership_or_404(volunteer, project.slug)
    with django_assert_num_queries(0):
        check_readiness(membership=membership)


def test_a_program_of_somebody_who_is_not_ready_is_told_where_to_go(project, newcomer):
    address = reverse("api-next-assignment", args=[project.slug])
    answer = client_of(newcomer.user).post(address)
    assert answer.status_code == 403 and at("onboarding", project) in answer.json()["detail"]
    assert not Assignment.objects.held_by(newcomer.user).exists()
    make_ready(project, newcomer.user)
    assert client_of(newcomer.user).post(address).status_code == 200


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.COORDINATOR])
def test_staff_agree_and_read_before_they_rank(client, current, project, role):
    client.force_login(make_newcomer(project, role))
    assert client.get(desk(current)).url == at("onboarding", project)


def test_a_simulated_volunteer_has_nothing_before_it(project):
    user = User.objects.create_user("sim@simulated.invalid", is_simulated=True)
    membership = Membership.objects.create(user=user, project=project, role=Role.VOLUNTEER)
    assert onboarding_of(membership).steps == [] and continue_onboarding(membership=membership) is None


def test_who_may_see_the_steps_of_others(client, project):
    for name in ("onboarding", "consent", "read-guidelines"):
        assert client.get(at(name, project)).url.startswith(reverse("account_login"))
    client.force_login(coordinator_of(make_project()))
    for name in ("onboarding", "consent", "read-guidelines"):
        assert client.get(at(name, project)).status_code == 404
    client.force_login(make_member(project))
    assert client.post(at("onboarding", project)).status_code == 405
    for name in ("consent", "read-guidelines"):
        assert client.put(at(name, project)).status_code == 405
