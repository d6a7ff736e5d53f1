"""What a visitor without an account and a chatbot write: in the browser's session, and nowhere else."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase, UpdateError

from annotator.models import Project
from annotator.text.storable import storable

from .talk import MOST_TURNS, check_question

KEPT_SECONDS = 60 * 60
PREFIX = "talk_"


class Visit:
    """A browser session's conversation with one project's chatbot.

    `exchanges` have a `question` each and, once it is answered, a `reply`: as they were when this was made,
    with what was written since by this object.
    """

    def __init__(self, session: SessionBase, project: Project) -> None:
        self.session, self.project = session, project
        self.key, self.stop_key = f"{PREFIX}{project.pk}", f"{PREFIX}{project.pk}_stop"
        self.exchanges: list[dict[str, str]] = list(session.get(self.key, []))

    def ask(self, question: str) -> None:
        """Store a question, at once; raises RefusedError for one that cannot be asked."""
        self._write([*self.exchanges, {"question": check_question(question)}][-MOST_TURNS:])
        if SESSION_KEY not in self.session:  # that of somebody who signed in has its own time
            self.session.set_expiry(KEPT_SECONDS)
        # Before the answer comes, which is written by another session object.
        self.session.save()

    def messages(self) -> list[dict[str, str]]:
        """What a model is given; a question that was never answered is left out."""
        messages = []
        for one in self.exchanges[:-1]:
            if reply := one.get("reply"):
                messages += [
                    {"role": "user", "content": one["question"]},
                    {"role": "assistant", "content": reply},
                ]
        return [*messages, {"role": "user", "content": self.exchanges[-1]["question"]}]

    def keep_reply(self, text: str) -> None:
        """Store the answer to the last question, unless it was forgotten meanwhile: then all is."""
        now = self._stored()
        if [one["question"] for one in now.exchanges] != [one["question"] for one in self.exchanges]:
            self.exchanges = []
            return
        now.exchanges[-1]["reply"] = storable(text).strip()
        now._write(now.exchanges)
        try:
            now.session.save()
        except UpdateError:  # the session has ended in this moment
            self.exchanges = []
        else:
            self._write(now.exchanges)  # for a response that saves this session once more

    def request_stop(self) -> None:
        """Ask whatever request writes the last answer to stop."""
        self.session[self.stop_key] = len(self.exchanges)

    def clear_stop(self) -> None:
        self.session.pop(self.stop_key, None)

    def is_stop_requested(self) -> bool:
        """Whether another request of this browser asked to stop the last answer."""
        return bool(self._stored().session.get(self.stop_key) == len(self.exchanges))

    def forget(self) -> None:
        self.session.pop(self.key, None)

    def _stored(self) -> "Visit":
        """The visit as other requests of this browser have left it."""
        return Visit(type(self.session)(self.session.session_key), self.project)

    def _write(self, exchanges: list[dict[str, str]]) -> None:
        self.session[self.key] = self.exchanges = exchanges


def end_visits(session: SessionBase) -> None:
    """Forget what was said before somebody signed in; the session lasts as long as others."""
    names = [*session.keys()]
    for name in names:
        if name.startswith(PREFIX):
            del session[name]
    session.set_expiry(None)
