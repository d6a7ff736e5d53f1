"""What waits for a model holds no thread that pages need."""

import threading

import pytest
from django.urls import reverse

from config.server.connections import WAITS_FOR_MODEL
from tests.serving import wait_for

from .conftest import Served

WAITING = {
    "openai-chat": [],
    "chat": ["climate"],
    "answer-turn": ["climate", 1],
    "second-answer": ["climate", 1],
    "talk": ["climate"],
    "talk-answer": ["climate"],
}


def test_pages_are_answered_while_chats_wait(served: Served):
    """The server has one thread for pages."""
    held = [threading.Event() for _ in range(4)]
    served.hold.extend(held)
    threads = [threading.Thread(target=served.ask, args=("POST", "/v1/chat/completions", "{}")) for _ in held]
    for thread in threads:
        thread.start()
    wait_for(lambda: not served.hold)
    assert served.ask("GET", "/") == (200, b"yes")
    for event in held:
        event.set()
    for thread in threads:
        thread.join()
    assert served.asked.count("POST /v1/chat/completions 2") == len(held)


@pytest.mark.parametrize("name", WAITING)
def test_every_address_that_waits_for_a_model_is_known(name: str):
    assert WAITS_FOR_MODEL.match(reverse(name, args=WAITING[name]))


@pytest.mark.parametrize("name", ["desk", "training", "serving"])
def test_pages_are_not_taken_for_chats(name: str):
    assert not WAITS_FOR_MODEL.match(reverse(name, args=["chat"]))
