"""What people said about answers in the chat, stored as if they had said it at the desk."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from annotator.models import Completion, Prompt, User
from annotator.models.personal_settings import primary_language
from ranking.errors import NoRoundError
from ranking.models import (
    Assignment,
    Comparison,
    ComparisonItem,
    Demonstration,
    Judgment,
    Round,
    UnpairedPreference,
)
from ranking.questions import Asked, check_answer, store_answer

from .fits.control import request_fit


@transaction.atomic
def add_chat_judgment(
    *, prompt: Prompt, shown: Sequence[Completion], volunteer: User, seconds: float = 0.0, **sent: Any
) -> Comparison:
    """Store a judgment from the chat with a comparison of its own; `shown` is in the order that they saw.

    The comparison belongs to the project's newest round, and its one assignment is done, so that nobody is
    given it. `sent` is the answer, by the names of the questions. Raises NoRoundError or
    InvalidJudgmentError, with nothing stored.
    """
    rounds = Round.objects.begun().select_for_update(no_key=True).filter(project=prompt.project_id)
    newest = rounds.first()
    if newest is None:
        raise NoRoundError
    order = [completion.pk for completion in shown]
    answer = check_answer(sent, Asked(order, prompt.project))
    comparison = Comparison.objects.create(round=newest, prompt=prompt, source=Comparison.Source.CHAT)
    ComparisonItem.objects.bulk_create(
        ComparisonItem(comparison=comparison, completion_id=pk) for pk in order
    )
    assignment = Assignment.objects.create(
        round=newest,
        comparison=comparison,
        number=0,
        language=primary_language(prompt.language),
        state=Assignment.State.DONE,
        volunteer=volunteer,
        order=order,
    )
    judgment = Judgment(
        comparison=comparison,
        assignment=assignment,
        volunteer=volunteer,
        seconds=seconds,
        key=uuid.uuid4(),
    )
    store_answer(judgment, answer)
    for written in Demonstration.objects.filter(judgment=judgment):  # a reviewer took it from the chat
        written.decide(Demonstration.State.ACCEPTED, actor=None)
    judgment.make_current()
    request_fit(prompt.project)
    return comparison


def add_unpaired_preference(
    *, completion: Completion, volunteer: User, label: bool, flags: Sequence[str] = ()
) -> UnpairedPreference:
    """Store a thumb; a later one of the same person about the same completion takes its place."""
    values = {"label": label, "flags": sorted(flags)}
    stored, _new = UnpairedPreference.objects.update_or_create(
        completion=completion, volunteer=volunteer, defaults=values
    )
    return stored
