"""How many messages of the chat wait for a reviewer."""

from django.urls import reverse
from django.utils.translation import ngettext

from annotator.models import Project, Role
from ranking.overview import Waiting
from training.models import Turn


def messages_to_review(project: Project, _role: Role) -> Waiting | None:
    """The messages that may teach and that nobody has decided about, for the project's first page."""
    count = Turn.objects.to_review(project).count()
    if not count:
        return None
    words = ngettext(
        "%(count)d message from the chat waits for a reviewer",
        "%(count)d messages from the chat wait for a reviewer",
        count,
    )
    return Waiting(words % {"count": count}, reverse("chat-review", args=[project.slug]))
