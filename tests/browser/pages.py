"""Every page of the site in its states: what the checks of all pages go through."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

from tests.factories import PASSWORD

if TYPE_CHECKING:
    from .conftest import Site

Act = Callable[[Page], None]
NOBODY = ""


@dataclass(frozen=True)
class Filled:
    """A site that holds what `material.py` makes; `words` stand in braces in the paths below."""

    site: "Site"
    words: dict[str, Any]
    sessions: dict[str, str]

    def context(self, browser: Browser, who: str, **options: Any) -> BrowserContext:
        """A browser session of this person, or of nobody."""
        context = browser.new_context(base_url=self.site.url, reduced_motion="reduce", **options)
        if who:
            context.add_cookies([{"name": "sessionid", "value": self.sessions[who], "url": self.site.url}])
        return context


def fill(site: "Site") -> Filled:
    printed = site.manage("shell", "-c", "from tests.browser import material; material.make()")
    return Filled(site, **json.loads(printed.strip().splitlines()[-1]))


@dataclass(frozen=True)
class View:
    """A page as `who` sees it: `status` is what its path answers, `act` brings it into its state then.

    `without` is a script that would lead away from it, `leads_to` the address without the secret of its link.
    """

    name: str
    path: str
    who: str = "ada"
    status: int = 200
    act: Act | None = None
    without: str = ""
    leads_to: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def paths(self) -> list[str]:
        return [self.path, self.leads_to] if self.leads_to else [self.path]


@contextmanager
def opened(view: View, filled: Filled, browser: Browser, **options: Any) -> Iterator[Page]:
    """The page in its state; a script that fails, or that the content policy refuses, fails the test."""
    context = filled.context(browser, view.who, **options)
    page = context.new_page()
    if view.without:
        page.route(view.without, lambda route: route.abort())
    page.set_default_timeout(120_000)  # a page under check shares two cores with others
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    path = view.path.format(**filled.words)
    answer = page.goto(path)
    assert answer and answer.status == view.status, f"{path} answered {answer and answer.status}"
    if view.act:
        view.act(page)
    elif "reset/key/" not in path:  # the address of a new password hides its key
        assert urlsplit(page.url).path == (view.leads_to or path), f"{path} led to {page.url}"
    yield page
    context.close()
    assert errors == []


def post(**values: str) -> Act:
    """Fill in fields and send the first form that has them, past its scripts and the browser's checks."""

    def act(page: Page) -> None:
        with page.expect_navigation():
            page.evaluate(
                """values => {
                  const names = Object.keys(values);
                  const form = [...document.querySelectorAll("main form")].find(
                    ({ elements, method }) => method === "post" && names.every((name) => elements[name]));
                  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
                  HTMLFormElement.prototype.submit.call(form);
                }""",
                values,
            )

    return act


def click(*names: str) -> Act:
    """Press the button with one of these names and wait for the page that it leads to."""

    def act(page: Page) -> None:
        name = re.compile("|".join(f"^{re.escape(each)}$" for each in names))
        with page.expect_navigation():
            page.get_by_role("button", name=name).first.click()

    return act


def lose_assignment(page: Page) -> None:
    """Send a judgment of a comparison that was skipped from another tab."""
    other = page.context.new_page()
    other.goto(page.url)
    skip = other.locator("#skip")
    other.request.post(
        page.url.split("/p/")[0] + (skip.get_attribute("formaction") or ""),
        form={"csrfmiddlewaretoken": other.locator("[name=csrfmiddlewaretoken]").first.input_value()},
    )
    other.close()
    post(key=page.locator("[name=key]").input_value())(page)


def rank(page: Page, *ranks: int) -> None:
    """Give these ranks to the answers, and submit them."""
    for place, given in enumerate(ranks, start=1):
        page.locator(f"#rank-{place}-{given}").check(force=True)
    page.locator("#send").click()


def ask_whether_as_shown(page: Page) -> None:
    rank(page, 1, 2, 3, 4)
    page.get_by_role("dialog").wait_for()


def wait_for_next(page: Page) -> None:
    """Wait until what comes after a judgment or a skip is there, which then takes the focus."""
    page.locator("#desk-heading:focus").filter(has_not_text="One moment").wait_for()


def refuse(page: Page) -> None:
    """Have a judgment refused: it is sent for an assignment that does not exist."""
    page.locator("#judgment-form").evaluate(
        "form => { form.action = form.action.replace(/\\d+(?=.judgment)/, 0) }"
    )
    rank(page, 4, 3, 2, 1)
    page.locator("#outbox-refused li").first.wait_for()
    wait_for_next(page)


def skip(page: Page) -> None:
    """Skip the comparison, which can be taken back for a while."""
    page.locator("#skip").click()
    page.locator("#undo-skip").wait_for()
    wait_for_next(page)


def hide_name(page: Page) -> None:
    """Hide a name in all answers; where that was done before, the page shows it."""
    if page.locator("main form:has([name=word]):has([name=decision])").count():
        post(decision="hide", word="ChatGPT")(page)


def forget_cookies(page: Page) -> None:
    """Send the form of a page whose cookies are gone."""
    page.context.clear_cookies()
    post(login="ada@pages.example")(page)


def unfold(page: Page) -> None:
    """Open all that is folded, so that what it holds is seen too."""
    page.eval_on_selector_all("details", "all => all.forEach((each) => { each.open = true; })")


def show_all(page: Page) -> None:
    """Open what is cut, as axe cannot see what lies under the edge of a cut text."""
    for button in page.locator(".unfold:visible").all():
        button.click()


def sit_long(page: Page) -> None:
    """Have ranked for an hour without a pause, and open all that is folded."""
    began = str(int(time.time()) - 60 * 60)
    page.context.add_cookies([{"name": "sitting", "value": began, "url": page.url}])
    page.reload()
    unfold(page)


# Swagger UI is shown as it was published.
FOREIGN = {"api-docs"}

DOORS = [
    View("sign-in", "/account/login/", NOBODY),
    View("sign-in-error", "/account/login/", NOBODY, act=post(login="ada@pages.example", password="wrong")),
    View(
        "sign-in-code", "/account/login/", NOBODY, act=post(login="careful@pages.example", password=PASSWORD)
    ),
    View("sign-in-link", "/sign-in/{sign_in}/", NOBODY, leads_to="/sign-in/"),
    View("sign-in-link-refused", "/sign-in/some-link/", NOBODY, 410),
    View("join", "/join/{invitation}/", NOBODY, leads_to="/join/"),
    View("join-error", "/join/{invitation}/", NOBODY, act=post(email="x", name="", password="1")),
    View("join-signed-in", "/join/{invitation}/", "new", leads_to="/join/"),
    View("join-refused", "/join/no-such-link/", NOBODY, 410),
    View("sign-up-closed", "/account/signup/", NOBODY),
    View("inactive", "/account/inactive/", NOBODY),
    View("password-reset", "/account/password/reset/", NOBODY),
    View("password-reset-error", "/account/password/reset/", NOBODY, act=post(email="x")),
    View("password-reset-sent", "/account/password/reset/done/", NOBODY),
    View("password-reset-key", "/account/password/reset/key/{reset}/", NOBODY),
    View("password-reset-bad-key", "/account/password/reset/key/1-no/", NOBODY),
    View("password-reset-done", "/account/password/reset/key/done/", NOBODY),
    View("confirm-email", "/account/confirm-email/no-such-key/", NOBODY),
    View("confirm-email-sent", "/account/confirm-email/", NOBODY),
    View("csrf", "/account/login/", NOBODY, act=forget_cookies),
    View("offline", "/offline/", NOBODY, without="**/static/js/desk/offline*.js"),
    View("not-found", "/nowhere/", NOBODY, 404),
    View("forbidden", "/p/pages-four/people/", "vera", 403),
]
OWN = [
    View("home", "/"),
    View("home-volunteer", "/", "vera"),
    View("home-empty", "/", "new"),
    View("home-founder", "/", "root"),
    View("new-project", "/projects/new/", "root"),
    View("new-project-error", "/projects/new/", "root", act=post(name="")),
    View("new-project-failed", "/projects/new/", "faye"),
    View("founding", "/projects/new/check/", "fred"),
    View("account", "/account/"),
    View("account-error", "/account/", act=post(name="x" * 999)),
    View("account-token", "/account/", "vera", act=click("Create a token", "Replace it with a new one")),
    View("personal-settings", "/account/settings/", "vera"),
    View("unsubscribe", "/account/mail/some-token/stop/", NOBODY),
    View("unsubscribed", "/account/mail/stopped/", NOBODY),
    View("unsubscribe-refused", "/account/mail/some-token/stop/", NOBODY, act=post()),
    View("sign-out", "/account/logout/"),
    View("reauthenticate", "/account/reauthenticate/"),
    View("password-change", "/account/password/change/"),
    View("password-change-error", "/account/password/change/", act=post(oldpassword="x", password1="1")),
    View("password-set", "/account/password/set/", "link"),
    View("sessions", "/account/sessions/"),
    View("second-factor", "/account/2fa/"),
    View("second-factor-on", "/account/2fa/", "careful"),
    View("second-factor-reauthenticate", "/account/2fa/reauthenticate/", "careful"),
    View("security-keys", "/account/2fa/webauthn/"),
    View("security-keys-one", "/account/2fa/webauthn/", "keyed"),
    View("security-key-add", "/account/2fa/webauthn/add/"),
    View("security-key-edit", "/account/2fa/webauthn/keys/{key}/edit/", "keyed"),
    View("security-key-remove", "/account/2fa/webauthn/keys/{key}/remove/", "keyed"),
    View("totp-activate", "/account/2fa/totp/activate/"),
    View("totp-activate-error", "/account/2fa/totp/activate/", act=post(code="000000")),
    View("totp-deactivate", "/account/2fa/totp/deactivate/", "careful"),
    View("recovery-codes", "/account/2fa/recovery-codes/", "careful"),
    View("recovery-codes-generate", "/account/2fa/recovery-codes/generate/", "careful"),
]
MATERIAL = [
    View("guidelines", "/p/pages-four/guidelines/"),
    View("guidelines-1", "/p/pages-four/guidelines/1/"),
    View("guidelines-changed", "/p/pages-long/guidelines/2/"),
    View("prompts", "/p/pages-four/prompts/"),
    View("prompt", "/p/pages-four/prompts/{prompt}/"),
    View("prompt-import", "/p/pages-four/prompts/import/"),
    View("prompt-import-error", "/p/pages-four/prompts/import/", act=post()),
    View("prompt-write", "/p/pages-four/prompts/write/"),
    View("prompt-write-error", "/p/pages-four/prompts/write/", act=post(text="<<SYS>> x")),
    View("prompt-edit", "/p/pages-four/prompts/{prompt}/edit/"),
    View("prompt-edit-error", "/p/pages-four/prompts/{prompt}/edit/", act=post(language="?")),
    View("log", "/p/pages-four/log/"),
    View("people", "/p/pages-four/people/"),
    View("people-invited", "/p/pages-four/people/", act=post(email="bo@pages.example")),
    View("people-many", "/p/pages-four/people/", act=post(addresses="bo@pages.example, ada@pages.example")),
    View("people-many-error", "/p/pages-four/people/", act=post(addresses="bo@")),
    View("people-open-link", "/p/pages-four/people/", act=post(most_joins="50")),
    View("people-open-link-error", "/p/pages-four/people/", act=post(most_joins="0")),
    View("people-error", "/p/pages-four/people/", act=post(email="x")),
    View("settings", "/p/pages-four/settings/"),
    *(
        View(f"settings-{name}", f"/p/pages-four/settings/{name}/")
        for name in (
            "guidelines",
            "ranking",
            "volunteers",
            "groups",
            "reviewing",
            "publishing",
            "transparency",
            "costs",
            "advanced",
        )
    ),
    View(
        "settings-changed",
        "/p/pages-four/settings/",
        act=post(
            **{"shown": "settings=1", "name": "Tides", "initial-timezone": "Asia/Tokyo", "initial-name": "X"}
        ),
    ),
    View("delete-project", "/p/pages-four/settings/delete/"),
    View("delete-project-error", "/p/pages-four/settings/delete/", act=post(slug="x")),
    View("webhooks", "/p/pages-four/settings/webhooks/"),
    View("webhooks-error", "/p/pages-four/settings/webhooks/", act=post(address="http://x")),
    View("settings-error", "/p/pages-four/settings/", act=post(name="")),
    View("settings-section-error", "/p/pages-four/settings/volunteers/", act=post(practice_length="0")),
]
COMING_AND_GOING = [
    View("onboarding-consent", "/p/pages-four/onboarding/consent/", "nell"),
    View("onboarding-guidelines", "/p/pages-four/onboarding/guidelines/", "glen"),
    View("practice", "/p/pages-practice/onboarding/practice/", "pia"),
    View("practice-comparison", "/p/pages-practice/onboarding/practice/", "pim"),
    View("practice-comparison-error", "/p/pages-practice/onboarding/practice/", "pim", act=post()),
    View("practice-result", "/p/pages-practice/onboarding/practice/{practised}/result/", "pat"),
    View("practice-asked", "/p/pages-practice/onboarding/practice/", "pat"),
    View("practice-comparisons", "/p/pages-practice/settings/practice/"),
    View("practice-add", "/p/pages-practice/settings/practice/add/"),
    View("practice-edit", "/p/pages-practice/settings/practice/{practice}/"),
    View("people-waiting", "/p/pages-practice/people/"),
    View("own-groups", "/p/pages-four/groups/", "vera"),
    View("own-groups-error", "/p/pages-four/groups/", "vera", act=post(own="x" * 99)),
    View("own-groups-none", "/p/pages-empty/groups/"),
    View("leave-project", "/p/pages-four/leave/", "vera"),
    View("erase-account", "/account/erase/", "vera"),
    View("erase-account-error", "/account/erase/", "vera", act=post()),
    View("account-erased", "/account/erased/", NOBODY),
]
RANKING = [
    View("project", "/p/pages-four/"),
    View("project-volunteer", "/p/pages-four/", "vera"),
    View("project-between", "/p/pages-between/", "vera", act=sit_long),
    View("project-empty", "/p/pages-empty/"),
    View("desk-four", "/p/pages-four/rank/", "vera", act=unfold),
    View("desk-pair", "/p/pages-pair/rank/", "vera"),
    View("desk-long", "/p/pages-long/rank/", "vera", act=show_all),
    View("desk-error", "/p/pages-four/rank/", "vera", act=post(key="")),
    View("desk-pair-error", "/p/pages-pair/rank/", "vera", act=post(key="")),
    View("desk-refused", "/p/pages-four/rank/", "vera", act=refuse),
    View("desk-skipped", "/p/pages-long/rank/", "vera", act=skip),
    View("desk-notice", "/p/pages-four/rank/", "rita", act=lose_assignment),
    View("desk-advice", "/p/pages-gold/rank/"),
    View("desk-nothing-left", "/p/pages-done/rank/", "vera"),
    View("desk-no-round", "/p/pages-empty/rank/"),
    View("judged", "/p/pages-four/rank/judged/", "vera"),
    View("correct", "/p/pages-four/rank/judged/{judgment}/", "vera"),
    View("rankings", "/p/pages-four/rankings/"),
    View("browse-judgments", "/p/pages-four/rankings/judgments/", "rita", act=unfold),
    View("browse-judgments-none", "/p/pages-four/rankings/judgments/?flag=spam", "rita", act=unfold),
    View("browse-judgments-empty", "/p/pages-empty/rankings/judgments/"),
    View("browse-judgment", "/p/pages-four/rankings/judgments/{judgment}/", "rita"),
    View("round-progress", "/p/pages-four/rankings/rounds/1/"),
    View("gold-questions", "/p/pages-gold/rankings/gold/", act=unfold),
    View("gold-questions-empty", "/p/pages-empty/rankings/gold/"),
    View("mark-gold", "/p/pages-gold/rankings/judgments/{knowable}/gold/"),
    View(
        "mark-gold-error",
        "/p/pages-gold/rankings/judgments/{knowable}/gold/",
        act=post(rank_A="1", rank_B="1"),
    ),
    View("agreement", "/p/pages-between/rankings/agreement/"),
    View("agreement-chosen", "/p/pages-between/rankings/agreement/?round=1", act=unfold),
    View("agreement-empty", "/p/pages-empty/rankings/agreement/"),
    View("leaderboard", "/p/pages-done/rankings/leaderboard/", act=unfold),
    View("leaderboard-empty", "/p/pages-empty/rankings/leaderboard/"),
    View("review", "/p/pages-four/review/", "rita"),
    View("review-empty", "/p/pages-empty/review/"),
    View("review-flags", "/p/pages-four/review/flags/", "rita", act=unfold),
    View("review-flags-empty", "/p/pages-empty/review/flags/?show=all", act=unfold),
    View("review-rewrites", "/p/pages-four/review/rewrites/", "rita", act=unfold),
    View(
        "review-rewrites-error",
        "/p/pages-four/review/rewrites/",
        "rita",
        act=post(decision="accepted", text=" "),
    ),
    View("review-contested", "/p/pages-contested/review/contested/", act=unfold),
    View("review-contested-error", "/p/pages-contested/review/contested/", act=post(rationale="Because.")),
    View("review-contested-empty", "/p/pages-empty/review/contested/"),
    View("review-contested-decided", "/p/pages-contested/review/contested/{contested}/"),
    View("review-decisions", "/p/pages-contested/review/contested/?show=all", act=unfold),
    View("review-decisions-empty", "/p/pages-empty/review/contested/?show=all", act=unfold),
    View("review-people", "/p/pages-four/review/people/", "rita", act=unfold),
    View("review-people-all", "/p/pages-four/review/people/?show=all", act=unfold),
    View("review-people-error", "/p/pages-four/review/people/", "rita", act=post(reason="other")),
    View("names", "/p/pages-four/review/names/"),
    View("names-error", "/p/pages-four/review/names/", act=post(decision="hide", word="not there")),
    View("names-hidden", "/p/pages-pair/review/names/", act=hide_name),
    View("datasets", "/p/pages-four/datasets/"),
    View("changed-meanwhile", "/p/pages-four/datasets/", act=post(shown="dataset=99")),
    View("dataset", "/p/pages-four/datasets/{dataset}/"),
]
TRAINING = [
    View("training", "/p/{trained}/training/", "cora"),
    View("training-empty", "/p/pages-empty/training/"),
    View("base-model", "/p/{trained}/training/base-model/", "cora"),
    View("serving", "/p/{trained}/training/serving/", "cora"),
    View("schedule", "/p/{trained}/training/schedule/", "cora", act=unfold),
    View("schedule-sample", "/p/{trained}/training/schedule/sample/", "cora", act=unfold),
    View("schedule-dataset", "/p/{trained}/training/schedule/dataset/", "cora"),
    View("schedule-report", "/p/{trained}/training/schedule/report/", "cora"),
    View(
        "schedule-error", "/p/{trained}/training/schedule/", "cora", act=post(cron="x", **{"ppo-steps": "0"})
    ),
    View("timeline", "/p/{trained}/training/rounds/", "cora"),
    View("timeline-empty", "/p/pages-empty/training/rounds/"),
    View("round", "/p/{trained}/training/rounds/1/", "cora"),
    View("report", "/p/{trained}/training/rounds/1/report/", "cora"),
    View("update-finished", "/p/{trained}/training/updates/{finished}/", "cora", act=unfold),
    View("update-failed", "/p/{trained}/training/updates/{failed}/", "cora"),
    View("update-running", "/p/{trained}/training/updates/{running}/", "cora"),
    View("compare", "/p/{trained}/training/updates/{finished}/compare/?with={failed}", "cora", act=unfold),
    View("compare-one", "/p/{trained}/training/updates/{running}/compare/", "cora"),
    View("versions", "/p/{trained}/training/versions/", "cora"),
    View("start-from", "/p/pages-beginning/training/versions/start/", "cora"),
    View("start-from-late", "/p/{trained}/training/versions/start/", "cora"),
    View("versions-from-another", "/p/pages-continued/training/versions/", "cora"),
    View("version-from-another", "/p/pages-continued/training/versions/1/", "cora"),
    View("versions-empty", "/p/pages-empty/training/versions/"),
    View("version-0", "/p/{trained}/training/versions/0/", "cora"),
    View("version-1", "/p/{trained}/training/versions/1/", "cora"),
    View("judgments", "/p/pages-four/judgments/", "vera"),
    View("judgment-lineage", "/p/pages-four/judgments/{judgment}/", "vera"),
    View("version-lineage", "/p/{trained}/training/versions/1/lineage/", "cora"),
    View("transparency", "/transparency/{trained}/", NOBODY),
    View("version-safety", "/p/{trained}/training/versions/1/safety/", "cora"),
    View("api-docs", "/api/v1/docs/"),
]
CHAT = [
    View("talk", "/talk/{chat}/", NOBODY),
    View("talk-error", "/talk/{chat}/", NOBODY, act=post(question=" ")),
    View("talk-signed-in", "/talk/{chat}/", "new"),
    View("chat", "/p/{chat}/chat/", "tara", act=unfold),
    View("chat-error", "/p/{chat}/chat/", "tara", act=post(question=" ")),
    View("chat-not-served", "/p/pages-empty/chat/"),
    View("conversation", "/p/{chat}/chat/{conversation}/", "tara", act=unfold),
    View("conversation-two", "/p/{chat}/chat/{two}/", "tara", act=unfold),
    View("chat-review", "/p/{chat}/chat/review/", "remy", act=unfold),
    View("chat-review-empty", "/p/pages-empty/chat/review/"),
]
# Over which nothing else of their page can be reached.
DIALOGS = [View("desk-as-shown", "/p/pages-four/rank/", "vera", act=ask_whether_as_shown)]
VIEWS = DOORS + OWN + MATERIAL + COMING_AND_GOING + RANKING + TRAINING + CHAT
