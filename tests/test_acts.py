"""Every act of the site names what its page showed, or cannot be about something else than was shown."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from annotator.models import AuditEvent, Completion, Project, Role, User
from annotator.pseudonyms import pseudonym_of
from annotator.services.completions import add_completions, get_or_create_person
from annotator.services.members import change_role, remove_member
from annotator.services.projects import change_settings
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts
from annotator.services.tokens import create_api_token
from ranking.models import Demonstration, Finding, Flag, Judgment, Mask
from ranking.practice_files import practice_from_record
from ranking.services import close_round, decide_mask, open_round, pause_round, snapshot_preferences
from ranking.services.fits.findings import Found, store_findings
from ranking.services.practice import add_practice, let_in, replace_practice
from ranking.services.review.flagged import decide_answer
from ranking.services.review.people import exclude_person, include_person, put_findings_away
from ranking.services.review.rewrites import refuse_rewrite
from ranking.services.withdrawal import withdraw_judgments
from tests.annotator.test_access import all_patterns
from tests.api import client_of
from tests.factories import coordinator_of, make_member, make_prompt
from tests.pressing import FormReader, filled
from tests.training.chat.making import make_turn
from tests.training.making import (
    SMALL,
    make_candidate,
    make_finished,
    make_judged,
    make_source,
    make_update,
)
from training.models import Routine
from training.services.conversations.review import leave_turn
from training.services.gate.blind_test import FEWEST_PROMPTS, fresh_prompts
from training.services.routines import save_routine
from training.services.sampling.control import cancel_sampling, sample_live_version
from training.services.schedules import save_schedule
from training.services.serving.settings import save_serving
from training.services.updates.control import request_cancel, retry_update, start_update
from training.services.versions.releases import reject_version, release_version, roll_back

pytestmark = pytest.mark.django_db
APPS = ("annotator.", "ranking.", "training.")

NEVER_STALE = {
    # One's own, which nobody else changes:
    "account": "one's own name, the only field there is",
    "personal-settings": "writes only the fields that the person changed on the page",
    "choose-language": "names the language",
    "leaderboard-name": "names whether the name is shown",
    "own-groups": "one's own, sent whole",
    "decline-groups": "one's own; a question that was closed stays so",
    "close-advice": "hides a hint of one's own, once and for all",
    "close-rest": "hides a hint in one's own session",
    "save-filter": "one's own filter, sent whole",
    "remove-filter": "one's own filter; one that is removed stays so",
    "end-session": "names the session; one that has ended stays so",
    "leave-project": "one's own membership; the form says what becomes of the judgments, and asks twice",
    "erase-account": "one's own account; asks for the address and the password",
    "chat": "begins a conversation of one's own",
    "conversation": "adds a message to one's own conversation",
    "delete-conversation": "one's own conversation; what is gone stays so",
    "take-back-teaching": "one's own conversation; done twice is done once",
    "answer-turn": "adds an answer to one's own message",
    "second-answer": "one's own message; two are shown once",
    "stop-answer": "one's own message; an answer that has ended stays so",
    "thumb": "one's own, and says which",
    "edit-reply": "one's own text, sent whole",
    "choose-reply": "one's own choice, made once",
    "talk": "adds a message to one's own browser session",
    "talk-answer": "answers the last message of one's own browser session",
    "talk-stop": "one's own; an answer that has ended stays so",
    "talk-forget": "one's own; what is gone stays so",
    # Secrets that work once or do one thing:
    "accept-invitation": "the link works once, and not once it was revoked or its maker lost the role",
    "use-sign-in-link": "the link works once, and not after another sign-in",
    "unsubscribe": "turns mail off; done again, nothing happens",
    "stop-founding": "one's own; what has ended stays so",
    # Something new, which takes nothing back:
    "new-project": "founds another project; an address that is taken is refused",
    "openai-chat": "asks for an answer, which is not kept",
    "people": "makes another invitation",
    "invite-many": "makes other invitations; who has one already is skipped",
    "webhooks": "adds a webhook",
    "make-open-link": "makes another link",
    "import-prompts": "adds prompts; those that are there are skipped",
    "write-prompts": "adds prompts; those that are there are skipped",
    "add-practice": "adds a comparison",
    "mark-gold": "adds a gold question; answers that are one already are refused",
    "import-practice": "adds comparisons",
    # The address names a thing that never changes, in one state only:
    "test-webhook": "sends something that means nothing",
    "remove-webhook": "a webhook is never changed; one that is removed stays so",
    "revoke-invitation": "an invitation is never changed; one that was used or revoked is refused",
    "take-out-gold": "a gold question is never changed; one that was taken out stays so",
    "remove-practice": "a practice comparison is never changed; one that is removed stays so",
    "stop-hiding": "names the word; one that is not hidden stays so",
    "cancel-sampling": "the run is never begun again; one that has ended is refused",
    "retry-base-model": "begins again what failed; what waits, runs or is done is refused",
    "cancel-update": "stops what runs; what was done is kept, and it can go on by `retry`",
    "retry-export": "makes the same files again; what is made or under way is refused",
    # A number or a key of their own, which the service compares:
    "consent": "names the number of the words that were read; other words are shown anew",
    "teach": "names the number of the terms that were read; other terms are shown anew",
    "read-guidelines": "names the number of the guidelines that were read",
    "begin-practice": "begins one attempt, however often it is pressed",
    "practice-answer": "an answer that was given stays",
    "judgment": "the idempotency key of the assignment, and what it showed is kept with it",
    "decide-comparison": "a key of its own for each decision; what was decided meanwhile is refused",
    "ask-for-votes": "names the comparison; one that somebody is asked about, or has decided, is refused",
    "take-decision-back": "names the decision; one that was taken back stays so",
    "skip": "only who holds the assignment; skipped twice is skipped once",
    "renew-assignments": "renews what is still held, and says what is not",
    "correct-judgment": "names the judgment; one that was corrected since is refused",
}
API_NEVER_STALE = {
    "api-token": "makes a token for who has the password",
    "api-prompts": "adds prompts; those that are there are skipped",
    "api-withdraw-prompts": "names the prompts; those that are withdrawn stay so",
    "api-restore-prompts": "names the prompts; those that are in use stay so",
    "api-next-assignment": "takes what is free",
    "api-judgment": "the idempotency key of the assignment",
    "api-skip": "only who holds the assignment; skipped twice is skipped once",
    "api-correction": "names the judgment, and has an idempotency key",
    "api-cancel-update": "stops what runs; what was done is kept, and it can go on by `retry`",
    "api-cancel-run": "the run is never begun again; one that has ended is refused",
}


@dataclass
class Act:
    """Pressing a button or sending a form on a page, and what somebody else does at the same time."""

    page: str
    meanwhile: Callable[[], object]
    words: str
    """What the page then says, among other things."""
    address: str = ""
    entered: dict[str, Any] = field(default_factory=dict)


@dataclass
class Site:
    project: Project
    ada: User
    bob: User
    """Coordinators: one has the page open, the other acts."""

    def url(self, name: str, *args: object) -> str:
        return reverse(name, args=[self.project.slug, *args])


@pytest.fixture
def site() -> Site:
    project = make_judged()
    bob = make_member(project, Role.COORDINATOR, name="Bob")
    return Site(project, coordinator_of(project), bob)


@pytest.fixture
def ada(client, site) -> Client:
    client.force_login(site.ada)
    return client


def role(site: Site, name: str) -> Act:
    member = site.project.memberships.get(user=make_member(site.project, name="Vera"))
    return Act(
        page=site.url("people"),
        address=site.url(name, member.pk),
        entered={"role": "reviewer"} if name == "change-role" else {},
        meanwhile=lambda: change_role(membership=member, role=Role.COORDINATOR, actor=site.bob),
        words="Coordinator",
    )


def prompt(site: Site, name: str) -> Act:
    one = site.project.prompts.first()
    act: Any = {"project": site.project, "prompt_ids": [one.pk], "actor": site.bob}
    if name == "restore-prompt":
        withdraw_prompts(**act)
    return Act(
        page=site.url("prompt", one.number),
        address=site.url(name, one.number),
        meanwhile=lambda: (restore_prompts if name == "restore-prompt" else withdraw_prompts)(**act),
        words="in use",
    )


def prompt_edit(site: Site, name: str) -> Act:
    one = site.project.prompts.first()
    act: Any = {"project": site.project, "prompt_ids": [one.pk], "actor": site.bob}
    return Act(
        page=site.url(name, one.number),
        entered={"message_0": "Other words?"},
        meanwhile=lambda: withdraw_prompts(**act),
        words="in use",
    )


def settings(site: Site, name: str) -> Act:
    described = {"description": "For schools."}
    return Act(
        page=site.url("settings"),
        entered={"name": "Tides"},
        meanwhile=lambda: change_settings(project=site.project, values=described, actor=site.bob),
        words="Description",
    )


def section(site: Site, name: str) -> Act:
    licence = {"licence": "CC0-1.0"}
    return Act(
        page=site.url(name, "publishing"),
        entered={"consent_text": "Ours."},
        meanwhile=lambda: change_settings(project=site.project, values=licence, actor=site.bob),
        words="Licence of the judgments",
    )


def token(site: Site, name: str) -> Act:
    if name == "revoke-api-token":
        create_api_token(user=site.ada)
    return Act(
        page=reverse("account"),
        address=reverse(name),
        meanwhile=lambda: create_api_token(user=site.ada),
        words="API token",
    )


def a_round(site: Site, name: str) -> Act:
    author = site.project.versions.live().get().author
    return Act(
        page=site.url("project"),
        address=site.url(name),
        meanwhile=lambda: open_round(project=site.project, author=author, actor=site.bob),
        words="round 2, open",
    )


def paused_round(site: Site, name: str) -> Act:
    pause_round(project=site.project, actor=site.bob)
    return a_round(site, name)


def waiting(site: Site, name: str) -> Act:
    add_practice(project=site.project, drafts=[draft("First.")], actor=site.bob)
    member = site.project.memberships.get(user=make_member(site.project, name="Vera"))
    member.wait()
    return Act(
        page=site.url("people"),
        address=site.url(name, member.pk),
        meanwhile=lambda: let_in(membership=member, actor=site.bob),
        words="waits for a decision since",
    )


def draft(why: str) -> Any:
    return practice_from_record({"prompt": "Why?", "answers": ["Good.", "Bad."], "ranks": [1, 2], "why": why})


def practice(site: Site, name: str) -> Act:
    one = add_practice(project=site.project, drafts=[draft("First.")], actor=site.ada)[0]
    return Act(
        page=site.url(name, one.pk),
        entered={"why": "Better words."},
        meanwhile=lambda: replace_practice(comparison=one, draft=draft("Other."), actor=site.bob),
        words="replaced or removed",
    )


def hidden_name(site: Site, name: str) -> Act:
    completion = site.project.versions.live().get().author.completions.first()
    Mask.objects.create(completion=completion, project=site.project, spans=[[0, 3]])
    return Act(
        page=site.url("names"),
        address=site.url(name, completion.pk),
        entered={"decision": "shown"},
        meanwhile=lambda: decide_mask(completion=completion, decision="stays", actor=site.bob),
        words="To decide",
    )


def flagged_answer(site: Site, name: str) -> Act:
    completion = judged_completion(site)
    judgment = Judgment.objects.filter(comparison__completions=completion).earliest("pk")
    Flag.objects.create(judgment=judgment, completion=completion, kind="harmful")
    return Act(
        page=site.url("review-flags"),
        address=site.url(name, completion.pk),
        entered={"decision": "kept"},
        meanwhile=lambda: decide_answer(completion=completion, decision="withdrawn", actor=site.bob),
        words="Taken out",
    )


def rewritten_answer(site: Site, name: str) -> Act:
    completion = judged_completion(site)
    judgment = Judgment.objects.filter(comparison__completions=completion).earliest("pk")
    author = get_or_create_person(project=site.project, user=judgment.volunteer)
    (better,) = add_completions(author=author, texts=[(completion.prompt, "Better.")])
    written = Demonstration.objects.create(judgment=judgment, original=completion, completion=better)
    return Act(
        page=site.url("review-rewrites"),
        address=site.url(name, written.pk),
        entered={"decision": "accepted"},
        meanwhile=lambda: refuse_rewrite(demonstration=written, word="", actor=site.bob),
        words="Not accepted",
    )


def unlike_person(site: Site, name: str) -> Act:
    volunteer = Judgment.objects.of_project(site.project).earliest("pk").volunteer
    hasty = {"judgments": 30, "seconds": 2.5, "hasty": 28}
    store_findings(site.project, {Found(volunteer.pk, Finding.Kind.HASTY): hasty})
    act: Any = {"project": site.project, "volunteer": volunteer, "actor": site.bob}
    leave_out = partial(exclude_person, reason="careless", note="", **act)
    if name == "include-person":
        leave_out()
    if name == "look-at-person-again":
        put_findings_away(**act)
    return Act(
        page=f"{site.url('review-people')}?show=all",
        address=site.url(name, pseudonym_of(site.project.pk, volunteer.pk)),
        entered={"reason": "automated"} if name == "exclude-person" else {},
        meanwhile=partial(include_person, **act) if name == "include-person" else leave_out,
        words="left out",
    )


def judged_completion(site: Site) -> Completion:
    judgment = Judgment.objects.of_project(site.project).earliest("pk")
    return judgment.comparison.completions.earliest("pk")


def chat_turn(site: Site, name: str) -> Act:
    turn = make_turn(site.project)
    return Act(
        page=site.url("chat-review"),
        address=site.url(name, turn.pk),
        entered={"decision": "taken"},
        meanwhile=lambda: leave_turn(turn=turn, actor=site.bob),
        words="Left",
    )


def snapshot(site: Site, name: str) -> Act:
    return Act(
        page=site.url("datasets"),
        address=site.url(name),
        meanwhile=lambda: snapshot_preferences(project=site.project, actor=site.bob),
        words="Newest dataset",
    )


def update_start(site: Site, name: str) -> Act:
    def meanwhile() -> None:
        request_cancel(update=start_update(project=site.project, actor=site.bob), actor=site.bob)

    return Act(site.url("training"), meanwhile, "Newest update", site.url(name))


def sampling(site: Site, name: str) -> Act:
    def meanwhile() -> None:
        cancel_sampling(run=sample_live_version(project=site.project, actor=site.bob), actor=site.bob)

    return Act(site.url("training"), meanwhile, "Newest sampling", site.url(name))


def back(site: Site, name: str) -> Act:
    release_version(version=make_candidate(site.project), actor=site.ada)
    return Act(
        page=site.url("training"),
        address=site.url(name),
        meanwhile=lambda: roll_back(project=site.project, actor=site.bob),
        words="version 0",
    )


def start(site: Site, name: str) -> Act:
    source = make_source(site.ada)

    def meanwhile() -> None:
        cancel_sampling(run=sample_live_version(project=site.project, actor=site.bob), actor=site.bob)

    return Act(site.url(name), meanwhile, "Newest sampling", entered={"source": str(source.pk)})


def schedule(site: Site, name: str) -> Act:
    values: Any = {"is_enabled": True, "min_new_judgments": 5, "settings": SMALL}
    return Act(
        page=site.url("schedule"),
        entered={"cron": "0 4 * * 2"},
        meanwhile=lambda: save_schedule(project=site.project, cron="0 3 * * 1", actor=site.bob, **values),
        words="New judgments needed",
    )


def routine(site: Site, name: str) -> Act:
    values: Any = {"project": site.project, "kind": name.removeprefix("schedule-"), "actor": site.bob}
    return Act(
        page=site.url(name),
        entered={"cron": "0 4 * * 2"},
        meanwhile=lambda: save_routine(**values, cron="0 5 * * *", is_enabled=True),
        words="Do this on a schedule",
    )


def serving(site: Site, name: str) -> Act:
    values: Any = {"audience": "public", "max_answer_tokens": 100}
    return Act(
        page=site.url("serving"),
        entered={"max_answer_tokens": "200"},
        meanwhile=lambda: save_serving(project=site.project, actor=site.bob, **values),
        words="Longest answer",
    )


def retry(site: Site, name: str) -> Act:
    update = make_update(site.project)
    request_cancel(update=update, actor=site.ada)

    def meanwhile() -> None:
        retry_update(update=update, actor=site.bob)
        request_cancel(update=update, actor=site.bob)

    return Act(site.url("update", update.number), meanwhile, "ended", site.url(name, update.number))


def decision(site: Site, name: str) -> Act:
    other, version = make_candidate(site.project, 1), make_candidate(site.project, 2)
    return Act(
        page=site.url("version", version.number),
        address=site.url(name, version.number),
        meanwhile=lambda: release_version(version=other, actor=site.bob),
        words="Live version",
    )


def files_deletion(site: Site, name: str) -> Act:
    other, version = make_candidate(site.project, 1), make_candidate(site.project, 2)
    version.adapter_path = f"models/{site.project.slug}/2/policy"
    version.state = version.State.REJECTED
    version.save()
    return Act(
        page=site.url("version", version.number),
        address=site.url(name, version.number),
        meanwhile=lambda: release_version(version=other, actor=site.bob),
        words="Live version",
    )


def deletion(site: Site, name: str) -> Act:
    return Act(
        page=site.url(name),
        entered={"slug": site.project.slug},
        meanwhile=lambda: snapshot_preferences(project=site.project, actor=site.bob),
        words="Newest dataset",
    )


def blind_test(site: Site, name: str) -> Act:
    while fresh_prompts(site.project).count() < FEWEST_PROMPTS:
        make_prompt(site.project)
    version = make_finished(make_update(site.project))
    other = make_candidate(site.project, 2)
    return Act(
        page=site.url("version", version.number),
        address=site.url(name, version.number),
        meanwhile=lambda: release_version(version=other, actor=site.bob),
        words="Live version",
    )


ACTS: dict[str, Callable[[Site, str], Act]] = {
    "change-role": role,
    "remove-member": role,
    "withdraw-prompt": prompt,
    "restore-prompt": prompt,
    "edit-prompt": prompt_edit,
    "settings": settings,
    "settings-section": section,
    "create-api-token": token,
    "revoke-api-token": token,
    "open-round": a_round,
    "close-round": a_round,
    "pause-round": a_round,
    "resume-round": paused_round,
    "let-in": waiting,
    "another-try": waiting,
    "edit-practice": practice,
    "decide-name": hidden_name,
    "decide-answer": flagged_answer,
    "decide-rewrite": rewritten_answer,
    **dict.fromkeys(
        ("exclude-person", "include-person", "person-looks-fine", "look-at-person-again"), unlike_person
    ),
    "decide-turn": chat_turn,
    "take-snapshot": snapshot,
    "start-update": update_start,
    "sample": sampling,
    "roll-back": back,
    "start-from": start,
    "schedule": schedule,
    **{f"schedule-{kind}": routine for kind in Routine.Kind.values},
    "serving": serving,
    "retry-update": retry,
    "release-version": decision,
    "reject-version": decision,
    "start-test": blind_test,
    "delete-version-files": files_deletion,
    "delete-project": deletion,
}


def takes_post(pattern: URLPattern, client: Client) -> bool:
    if api_view := getattr(pattern.callback, "cls", None):
        return hasattr(api_view, "post")
    kinds = {name: type(each).__name__ for name, each in pattern.pattern.converters.items()}
    values = {
        name: {"IntConverter": 1, "SectionConverter": "ranking"}.get(kind, "x")
        for name, kind in kinds.items()
    }
    allowed = client.options(reverse(pattern.name, kwargs=values | below_project(pattern)))
    assert allowed.status_code == 405, f"{pattern.name} does not say which methods it takes."
    return "POST" in allowed["Allow"]


def below_project(pattern: URLPattern) -> dict[str, str]:
    routes = {route: each for route, each in all_patterns() if each is pattern}
    return {"slug": "x"} if any("<slug:slug>" in route for route in routes) else {}


def test_every_act_names_what_it_was_shown_or_has_a_reason_why_it_need_not(ada):
    ours = [each for _route, each in all_patterns() if each.callback.__module__.startswith(APPS)]
    acts = {each.name for each in ours if takes_post(each, ada)}
    assert len(acts) > 60
    pages, programs = (
        {name for name in acts if name.startswith("api-") is is_api} for is_api in (False, True)
    )
    assert pages == {*ACTS, *NEVER_STALE} and not {*ACTS} & {*NEVER_STALE}
    assert programs == {*API_ACTS, *API_NEVER_STALE} and not {*API_ACTS} & {*API_NEVER_STALE}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_done_on_what_the_page_showed_and_on_nothing_else(ada, site, name):
    act = ACTS[name](site, name)
    address, sent = act.address or act.page, filled(ada, act.page, act.address, **act.entered)
    before = AuditEvent.objects.count()
    for nonsense in ("", "x", "round=9&live=9&role=x&waiting=2026-99-99&hidden=-.&\ud7ff", "=&" * 20_000):
        assert ada.post(address, sent | {"shown": nonsense}).status_code == 409
    assert AuditEvent.objects.count() == before
    assert ada.post(address, sent).status_code == 302
    assert AuditEvent.objects.count() > before


@pytest.mark.parametrize("name", ACTS)
def test_an_act_on_what_has_changed_meanwhile_is_refused_and_the_page_says_by_whom(ada, site, name):
    act = ACTS[name](site, name)
    sent = filled(ada, act.page, act.address, **act.entered)
    act.meanwhile()
    before = AuditEvent.objects.count()
    answer = ada.post(act.address or act.page, sent)
    assert answer.status_code == 409
    assert AuditEvent.objects.count() == before
    assert "changed" in answer.text and act.words in answer.text
    if name not in (
        "withdraw-prompt",
        "restore-prompt",
        "edit-prompt",
        "create-api-token",
        "revoke-api-token",
    ):
        assert "<bdi>Bob</bdi>" in answer.text
    typed = [value for key, value in act.entered.items() if key in ("name", "why", "cron")]
    assert all(f"{value}" in answer.text for value in typed)


@pytest.mark.parametrize(
    "name",
    ["settings", "settings-section", "schedule", "schedule-report", "serving", "open-round", "decide-name"],
)
def test_what_was_entered_is_kept_and_can_be_sent_again(ada, site, name):
    act = ACTS[name](site, name)
    sent = filled(ada, act.page, act.address, **act.entered)
    act.meanwhile()
    address = act.address or act.page
    answer = ada.post(address, sent)
    again = next(fields for action, fields in forms_in(answer) if (action or address) == address)
    assert ada.post(address, again | act.entered).status_code == 302


def forms_in(answer):
    return FormReader(answer.text).forms


# The API


def programs_release(site: Site) -> tuple[str, str, Callable[[], object]]:
    decided = decision(site, "release-version")
    return site.url("api-version", 2), site.url("api-release", 2), decided.meanwhile


def programs_reject(site: Site) -> tuple[str, str, Callable[[], object]]:
    decided = decision(site, "reject-version")
    return site.url("api-version", 2), site.url("api-reject", 2), decided.meanwhile


def programs_roll_back(site: Site) -> tuple[str, str, Callable[[], object]]:
    return site.url("api-versions"), site.url("api-roll-back"), back(site, "roll-back").meanwhile


def programs_start(site: Site) -> tuple[str, str, Callable[[], object]]:
    return site.url("api-updates"), site.url("api-updates"), update_start(site, "start-update").meanwhile


def programs_sample(site: Site) -> tuple[str, str, Callable[[], object]]:
    return site.url("api-updates"), site.url("api-sample"), sampling(site, "sample").meanwhile


def programs_retry(site: Site) -> tuple[str, str, Callable[[], object]]:
    act = retry(site, "retry-update")
    pk = site.project.updates.get().pk
    return site.url("api-update", pk), site.url("api-retry-update", pk), act.meanwhile


def programs_snapshot(site: Site) -> tuple[str, str, Callable[[], object]]:
    return site.url("api-datasets"), site.url("api-datasets"), snapshot(site, "take-snapshot").meanwhile


API_ACTS = {
    "api-release": programs_release,
    "api-reject": programs_reject,
    "api-roll-back": programs_roll_back,
    "api-updates": programs_start,
    "api-sample": programs_sample,
    "api-retry-update": programs_retry,
    "api-datasets": programs_snapshot,
}


@pytest.mark.parametrize("name", API_ACTS)
def test_a_program_names_what_it_read_by_its_etag(site, name):
    page, address, meanwhile = API_ACTS[name](site)
    program = client_of(site.ada)
    etag = program.get(page)["ETag"]
    meanwhile()
    before = AuditEvent.objects.count()
    answer = program.post(address, headers={"If-Match": etag})
    assert answer.status_code == 412 and "→" in answer.json()["detail"]
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize(
    ("name", "form"),
    [(name, "{}") for name in API_ACTS] + [("api-reject", "W/{}"), ("api-reject", '"x", {}')],
)
def test_the_etag_of_how_things_are_lets_it_act(site, name, form):
    page, address, _meanwhile = API_ACTS[name](site)
    program = client_of(site.ada)
    answer = program.post(address, headers={"If-Match": form.format(program.get(page)["ETag"])})
    assert answer.status_code in (200, 201), answer.content


@pytest.mark.parametrize("name", API_ACTS)
def test_only_what_is_hard_to_take_back_must_name_what_it_read(site, name):
    _page, address, _meanwhile = API_ACTS[name](site)
    status = client_of(site.ada).post(address).status_code
    assert status == 428 if name in ("api-release", "api-roll-back") else status in (200, 201)


# What the pages of a few acts say


def test_a_stale_settings_page_takes_back_nothing_and_asks_nobody_anew(ada, site):
    page = site.url("settings-section", "publishing")
    sent = filled(ada, page, consent_text="Ours.")
    values: Any = {"licence": "CC0-1.0", "consent_text": "Theirs."}
    change_settings(project=site.project, values=values, actor=site.bob)
    number = Project.objects.get().consent_number
    answer = ada.post(page, sent)
    form = answer.context["form"]
    assert (answer.status_code, form["licence"].value()) == (409, "CC0-1.0")
    assert form["consent_text"].value() == "Ours."
    assert "Somebody else changed this meanwhile. Now it is: Theirs." in answer.text
    assert [change.event.actor for change in answer.context["changes"]] == [site.bob, site.bob]
    stored = Project.objects.get()
    assert (stored.consent_number, stored.licence) == (number, "CC0-1.0")
    again = next(fields for action, fields in forms_in(answer) if "licence" in fields)
    ada.post(page, again)
    stored = Project.objects.get()
    assert (stored.consent_text, stored.licence) == ("Ours.", "CC0-1.0")
    assert stored.consent_number == number + 1


def test_what_others_change_in_another_section_stops_nobody(ada, site):
    sent = filled(ada, site.url("settings"), name="Tides")
    values: Any = {"licence": "CC0-1.0", "judgments_per_comparison": 2}
    change_settings(project=site.project, values=values, actor=site.bob)
    assert ada.post(site.url("settings"), sent).status_code == 302
    stored = Project.objects.get()
    assert (stored.name, stored.licence, stored.judgments_per_comparison) == ("Tides", "CC0-1.0", 2)


def test_a_form_that_comes_back_with_an_error_still_stands_for_what_was_shown_at_first(ada, site):
    sent = filled(ada, site.url("settings"), name="")
    change_settings(project=site.project, values={"timezone": "Asia/Tokyo"}, actor=site.bob)
    wrong = ada.post(site.url("settings"), sent)
    assert wrong.status_code == 422
    again = next(fields for action, fields in forms_in(wrong) if "timezone" in fields)
    assert ada.post(site.url("settings"), again | {"name": "Tides"}).status_code == 409
    assert Project.objects.get().timezone == "Asia/Tokyo"


def test_who_acts_on_a_member_who_has_gone_is_told_by_whom(ada, site):
    act = role(site, "change-role")
    sent = filled(ada, act.page, act.address)
    member = site.project.memberships.get(user__name="Vera")
    remove_member(membership=member, actor=site.bob)
    answer = ada.post(act.address, sent)
    assert answer.status_code == 409
    assert "Vera" in answer.text and "no longer a member" in answer.text and "<bdi>Bob</bdi>" in answer.text


def test_the_loser_of_two_rounds_opens_none(ada, site):
    page = site.url("project")
    sent = filled(ada, page, site.url("open-round"))
    assert ada.post(site.url("open-round"), sent).status_code == 302
    answer = ada.post(site.url("open-round"), sent)
    assert answer.status_code == 409 and "round 1, open" in answer.text and ">you<" in answer.text
    assert site.project.rounds.count() == 2


def test_the_page_of_what_changed_leads_back_in_the_projects_frame(ada, site):
    sent = filled(ada, site.url("project"), site.url("close-round"))
    close_round(project=site.project, actor=site.bob)
    answer = ada.post(site.url("close-round"), sent, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert f'href="{site.url("project")}"' in answer.text and 'aria-label="Project"' in answer.text


def test_a_candidate_whose_judgments_were_withdrawn_meanwhile_is_not_released_unseen(ada, site):
    update = make_update(site.project)
    make_finished(update)
    sent = filled(ada, site.url("version", 1), site.url("release-version", 1))
    volunteer = User.objects.filter(judgments__isnull=False).distinct().get()
    withdraw_judgments(volunteer=volunteer, project=site.project)
    answer = ada.post(site.url("release-version", 1), sent)
    assert answer.status_code == 409 and "withdrawn judgments" in answer.text
    assert site.project.versions.live().get().number == 0


def test_rejecting_what_was_rejected_says_so(ada, site):
    version = make_candidate(site.project)
    sent = filled(ada, site.url("version", 1), site.url("reject-version", 1))
    reject_version(version=version, actor=site.bob)
    answer = ada.post(site.url("reject-version", 1), sent)
    assert answer.status_code == 409 and "Rejected" in answer.text
