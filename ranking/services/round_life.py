"""Moving rounds from state to state: `RoundState` has the states, MOVES what leads from one to another."""

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from annotator.events import Kind
from annotator.models import Author, Project, User
from annotator.services.audit import record
from annotator.services.telling.notices import take_back
from annotator.shown import Shown, check_shown
from ranking.errors import RankingError
from ranking.facts import round_facts
from ranking.models import Round
from ranking.models.round_states import RoundState

from .gold.mixing import remove_spare


@transaction.atomic
def prepare_round(*, project: Project, author: Author, actor: User | None = None) -> Round:
    """The project's next round, in which answers of the author will be compared; made unless it is there."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    there = project.rounds.preparing().filter(author=author).first()
    if there is not None:
        return there
    prepared = next_round(project, author)
    if prepared.author_id != author.pk:
        prepared.prepare_for(author)
    record("round.preparing", actor=actor, project=project, target=prepared)
    return prepared


def next_round(project: Project, author: Author) -> Round:
    """The round that is being prepared, or a new one; the caller holds the project's lock."""
    last = Round.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    prepared = project.rounds.preparing().first()
    return prepared or Round.objects.create(
        project=project, number=last + 1, author=author, state=RoundState.PREPARING
    )


@transaction.atomic
def close_round(*, project: Project, actor: User | None = None, shown: Shown | None = None) -> Round | None:
    """Close the open round and return it; None when no round is open."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_shown(shown, round_facts(project))
    current = Round.objects.open().select_for_update(no_key=True).filter(project=project).first()
    if current is not None:
        current.close()
        remove_spare(current)
        if current.state in (RoundState.OPEN, RoundState.PAUSED):
            current.move(RoundState.CLOSING, actor=actor)
        for kind in (Kind.ROUND_OPENED, Kind.ROUND_ENDING):
            take_back(kind, project=project, about=f"round:{current.pk}")
        record("round.closed", actor=actor, project=project, target=current)
    return current


def skip_unlearned(project: Project, actor: User | None) -> None:
    """Skip the closed rounds from which no update has learned; the caller holds the project's lock."""
    for unlearned in project.rounds.filter(state=RoundState.CLOSING, closed_at__isnull=False):
        unlearned.move(RoundState.SKIPPED, actor=actor)


@transaction.atomic
def pause_round(*, project: Project, actor: User, reason: str = "", shown: Shown | None = None) -> Round:
    """Give nobody another comparison of the open round, until it goes on; what people hold they may judge."""
    return _switch(
        project, RoundState.PAUSED, actor, reason, shown, _("No round is open that could be paused.")
    )


@transaction.atomic
def resume_round(*, project: Project, actor: User, shown: Shown | None = None) -> Round:
    """Let a paused round go on."""
    return _switch(project, RoundState.OPEN, actor, "", shown, _("No round is paused."))


def _switch(
    project: Project, to: RoundState, actor: User, reason: str, shown: Shown | None, refusal: str
) -> Round:
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_shown(shown, round_facts(project))
    before = {RoundState.PAUSED: Q(state=RoundState.OPEN), RoundState.OPEN: Q(state=RoundState.PAUSED)}[to]
    current = project.rounds.open().filter(before).first()
    if current is None or not current.move(to, actor=actor, reason=reason):
        raise RankingError(refusal)
    return current
