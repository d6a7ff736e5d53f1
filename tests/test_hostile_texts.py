"""What people, models and engines write is text on every page: no element, handler or link comes of it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import NoReverseMatch, reverse

from annotator.models import Author, FlagKind, Project, Role, User
from annotator.services.completions import add_completions, get_or_create_author
from annotator.services.invitations.inviting import invite
from annotator.services.projects import change_settings
from ranking.models import Judgment
from ranking.practice_files import practice_from_record
from ranking.services import claim_next, open_round, snapshot_preferences
from ranking.services.practice import add_practice
from tests.annotator.test_access import all_patterns
from tests.factories import coordinator_of, make_member, make_prompt
from tests.ranking.making import make_judgment
from tests.training.making import make_finished, make_judged, make_update
from training.models import Update

pytestmark = pytest.mark.django_db
HOSTILE = """"'></title></script><probe onx=1>"""
LINKS = "[a](javascript:probe) ![b](javascript:probe) <javascript:probe>"
IN_MARKDOWN = f"{HOSTILE} {LINKS}\n\n|{HOSTILE}|\n|-|\n"
OURS = ("annotator.", "ranking.", "training.", "allauth.")
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class Markup(HTMLParser):
    """Collects what a hostile text would have made."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name.startswith("on") or re.match(r"\s*(javascript|data:text)", value or ""):
                self.found.append(f"{tag} {name}={value}")
        if tag.startswith("probe"):
            self.found.append(tag)


@pytest.fixture
def site() -> Project:
    """A project whose every text is hostile: settings, people, practice, a round that goes on, an update that
    failed and one that made a candidate."""
    project = make_judged()
    ada = coordinator_of(project)
    User.objects.update(name=HOSTILE)
    texts = dict.fromkeys(("description", "guidelines", "consent_text", "system_prompt"), IN_MARKDOWN)
    names = {"name": HOSTILE, "criteria": [HOSTILE], "hidden_words": [HOSTILE]}
    change_settings(project=project, values=texts | names, actor=ada)
    make_updates(project)
    answers = [f"{letter} {IN_MARKDOWN}" for letter in "ab"]
    record = {"prompt": IN_MARKDOWN, "answers": answers, "ranks": [1, 2], "why": IN_MARKDOWN}
    add_practice(project=project, drafts=[practice_from_record(record)], actor=ada)
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name=HOSTILE)
    prompts = [make_prompt(project, f"{number} {IN_MARKDOWN}") for number in range(3)]
    add_completions(author=author, texts=[(prompt, text) for prompt in prompts for text in answers])
    open_round(project=project, author=author, actor=ada)
    invite(project=project, role=Role.REVIEWER, email="", actor=ada)
    for person in (ada, make_member(project, name=HOSTILE)):
        judge(claim_next(project=project, volunteer=person))
    snapshot_preferences(project=project, actor=ada)
    return project


def make_updates(project: Project) -> None:
    failed = make_update(project)
    failed.claim()
    failed.finish(Update.State.FAILED, error=IN_MARKDOWN)
    succeeded = make_update(project)
    make_finished(succeeded)
    for run in succeeded.runs.all():
        (run.folder / "engine.log").write_text(IN_MARKDOWN)


def judge(assignment) -> None:
    first = assignment.order[0]
    rewrite = {"original": first, "text": f"Better {IN_MARKDOWN}"}
    flags = {first: [FlagKind.LEAKS_AUTHOR.value]}
    make_judgment(assignment, 1, 2, rationale=IN_MARKDOWN, flags=flags, rewrite=rewrite)


def addresses(project: Project) -> Iterator[tuple[str, str]]:
    """(name, address) of all that may be a page of the project, or of one's own."""
    numbers = {0, 1, 2, *Judgment.objects.of_project(project).values_list("pk", flat=True)[:3]}
    for rows in ("prompts", "updates", "invitations", "memberships", "practice_comparisons"):
        numbers |= set(getattr(project, rows).order_by("-pk").values_list("pk", flat=True)[:3])
    for route, pattern in all_patterns():
        if pattern.callback.__module__.startswith(OURS) and not route.startswith("api/"):
            slug = {"slug": project.slug} if "<slug:slug>" in route else {}
            for number in numbers if "<int:" in route else [0]:
                filled = dict.fromkeys(re.findall(r"<int:(\w+)>", route), number)
                try:
                    yield str(pattern.name), reverse(pattern.name, kwargs=slug | filled)
                except NoReverseMatch:
                    continue


def is_page(answer) -> bool:
    return answer.status_code != 405 and answer["Content-Type"].startswith("text/html")


def test_no_page_takes_a_text_for_markup(site):
    seen, wrong = set(), {}
    for person in User.objects.filter(memberships__project=site).distinct():
        browser = Client(headers={"User-Agent": HOSTILE})
        browser.force_login(person, backend=BACKEND)
        for name, address in addresses(site):
            page = browser.get(address, {"q": HOSTILE} if name == "prompts" else {})
            if page.status_code == 200 and is_page(page):
                seen.add(name)
                if found := Markup(page.text).found:
                    wrong[address] = found
    assert wrong == {}
    assert len(seen) > 35, sorted(seen)


def test_no_page_repeats_what_was_entered_as_markup(site):
    browser = Client()
    browser.force_login(coordinator_of(site), backend=BACKEND)
    names = ("name", "description", "email", "role", "word", "cron", "settings", "prompt", "shown")
    lines = ['{"prompt": 1}', '{"<probe>": 1}', '{"prompt": "a", "language": "<probe onx=1>"}', "<probe>"]
    answered, wrong = set(), {}
    for name, address in addresses(site):
        file = SimpleUploadedFile(f"{HOSTILE}.jsonl", "\n".join(lines).encode())
        page = browser.post(address, dict.fromkeys(names, HOSTILE) | {"file": file}, follow=True)
        if is_page(page):
            answered.add(name)
            if found := Markup(page.text).found:
                wrong[address] = found
    assert wrong == {}
    assert len(answered) > 30, sorted(answered)


def test_markup_that_a_text_would_make_is_found():
    assert Markup("<p>&lt;probe&gt;</p><script>'<probe>'</script>").found == []
    for text in ("<probe>", "<p onclick=x>", '<a href=" javascript:x">'):
        assert Markup(text).found
