"""A server that speaks as an OpenAI-style one does and says what it is told, for tests of pages."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from annotator.models import Project
from training.models import ModelServer, Served


class StandIn(ThreadingHTTPServer):
    """It says `answers` in turn, the last one for ever, a word at a time.

    `asked` has what it was sent. While `goes_on` is not set, it waits after the first word; if it
    `breaks_off`, that is the last one; if it `finds_too_long` what it was sent, it refuses that.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = ["Because of the **sun**."]
        self.asked: list[dict[str, Any]] = []
        self.breaks_off = self.finds_too_long = False
        self.goes_on = threading.Event()
        self.goes_on.set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_answer(self) -> str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if self.server.finds_too_long:
            self._refuse()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with suppress(ConnectionError):  # who asked has gone away
            for number, word in enumerate(self.server.next_answer().split(" ")):
                self._send({"content": f" {word}" if number else word})
                while not self.server.goes_on.wait(0.1):
                    self.wfile.write(b":\n\n")
                    self.wfile.flush()
                if self.server.breaks_off:
                    return
            self._send({}, finish_reason="stop")
            self.wfile.write(b"data: [DONE]\n\n")

    def _refuse(self) -> None:
        """As llama.cpp does where a conversation does not fit."""
        error = {"code": 400, "message": "Too long.", "type": "exceed_context_size_error"}
        self.send_response(400)
        self.end_headers()
        self.wfile.write(json.dumps({"error": error}).encode())

    def _send(self, delta: dict[str, str], finish_reason: str | None = None) -> None:
        chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def standing_in() -> Iterator[StandIn]:
    server = StandIn()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.goes_on.set()
        server.shutdown()
        server.server_close()


def let_answer(project: Project, address: str) -> None:
    """Let the server at this address answer for the project's live version."""
    server = ModelServer.objects.create(address=address, key="key", slots=4)
    Served.objects.create(project=project, version=project.versions.live().get(), server=server)
