"""A mail server and a judge endpoint that hang: nobody at the site waits for them or learns by it."""

import http.client
import re
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tests.rlhf.stages.test_win_rate import recipe as recipe_of
from tests.serving import wait_for
from training.rlhf.errors import JudgeError
from training.rlhf.stages.evaluate.judge_endpoint import Endpoint

from .site import Site
from .slow_servers import Talk, refusing, serving, silent, taking, trickling
from .tables import show
from .visitors import visitors

RESET = "/account/password/reset/"
KNOWN = [f"ada{n}@example.org" for n in range(3)]
ASKED = 8
MAIL_SERVERS: dict[str, Talk] = {"silent": silent, "trickling": trickling(b"220-"), "refusing": refusing}


def ask(site: Site, email: str) -> tuple[float, tuple[int, str | None]]:
    """Seconds that a request for a new password took, and what it was answered."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request("GET", RESET)
    page = connection.getresponse()
    cookie, text = (page.getheader("Set-Cookie") or "").partition(";")[0], page.read().decode()
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)', text)
    assert token
    form = urlencode({"csrfmiddlewaretoken": token[1], "email": email})
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    began = time.monotonic()
    connection.request("POST", RESET, form, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return time.monotonic() - began, (answer.status, answer.getheader("Location"))


@pytest.mark.parametrize("kind", MAIL_SERVERS)
def test_a_mail_server_that_fails_delays_and_tells_nobody(new_site: Callable[..., Site], kind: str):
    with serving(MAIL_SERVERS[kind]) as server:
        site = new_site(CHORUS_EMAIL_URL=f"smtp://127.0.0.1:{server.port}")
        site.python(f"from tests.factories import make_user; [make_user(email) for email in {KNOWN}]")
        site.start("web")
        site.start("mail")
        asked: dict[str, list[float]] = {"known": [], "unknown": []}
        answers = set()
        with visitors(site.port) as waits:
            for n in range(ASKED):
                for who, email in (("known", KNOWN[n % 3]), ("unknown", f"nobody{n}@example.org")):
                    seconds, answer = ask(site, email)
                    asked[who].append(seconds)
                    answers.add(answer)
            wait_for(lambda: "is tried again later" in site.log("mail"), seconds=60)
        medians = {who: statistics.median(seconds) for who, seconds in asked.items()}
        mailbox: list[str] = []
        server.talk = taking(mailbox)
        wait_for(lambda: hurry(site) and len(mailbox) >= ASKED, seconds=120)
        time.sleep(3)
    row = {f"{who} ms": round(1000 * median, 1) for who, median in medians.items()}
    came = {"asked for": ASKED, "came later": len(mailbox)}
    show(f"a mail server that is {kind}", [{**row, "answers": len(answers), **waits.row(), **came}])
    assert len(answers) == 1
    # Far below a mail server's time-out, far above what a busy machine does by chance.
    assert abs(medians["known"] - medians["unknown"]) < 0.5
    assert waits.failed == 0 and waits.quantile(95) < 0.5
    assert len(mailbox) == ASKED
    links = {link for mail in mailbox for link in re.findall(r"/reset/key/(\S+)/", mail)}
    assert links and not [link for link in links if link in site.log("web") + site.log("mail")]


def hurry(site: Site) -> str:
    """Let what is to wait for a further attempt be tried now."""
    return site.python(
        "from django.utils import timezone; from django_tasks_db.models import DBTaskResult as Job\n"
        "Job.objects.filter(status='READY').update(run_after=timezone.now()); print('done')"
    )


@pytest.mark.parametrize("kind", ["silent", "trickling"])
def test_a_judge_that_hangs_is_left_in_time(site: Site, kind: str):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    talks: dict[str, Talk] = {"silent": silent, "trickling": trickling(head)}
    with serving(talks[kind]) as server, visitors(site.port) as waits:
        recipe = recipe_of(f"http://127.0.0.1:{server.port}/v1", judge_timeout=2.0)
        began = time.monotonic()
        with Endpoint(recipe, waits=(0.1, 0.1)) as judge, pytest.raises(JudgeError):
            judge.compare([{"role": "user", "content": "Why?"}], "Because.", "So.")
        took = time.monotonic() - began
    row = {"tries": server.connections, "left after s": round(took, 1)}
    show(f"a judge endpoint that is {kind}", [{**row, **waits.row()}])
    assert server.connections == 3 and took < 10
    assert waits.failed == 0 and waits.quantile(95) < 0.5
