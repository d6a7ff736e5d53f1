"""Which version is live: releasing, rejecting, rolling back."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from ranking.models import Outcome
from ranking.models.round_states import RoundState
from ranking.services import decide_outcome
from training.facts import live_facts, version_facts
from training.models import ModelVersion, Release, Update
from training.services.sampling.control import prepare_next_round
from training.services.telling import tell_rejected, tell_released

from .files import check_adapter

State = ModelVersion.State


def release_version(*, version: ModelVersion, actor: User | None, shown: Shown | None = None) -> Release:
    """Make a candidate live, and have the next round prepared with its answers.

    A retired version can be made live again. Raises RefusedError for one that is live or was rejected.
    """
    with transaction.atomic():
        _lock(version)
        check_shown(shown, version_facts(version))
        release = _make_live(version, actor=actor, allowed=(State.CANDIDATE, State.RETIRED))
        record("version.released", actor=actor, project=version.project, target=version)
        tell_released(release, actor)
        _end_round(version, RoundState.RELEASED, actor)
        prepare_next_round(version=version, actor=actor)
    return release


def reject_version(*, version: ModelVersion, actor: User | None, shown: Shown | None = None) -> None:
    """Put a candidate aside for good; the live version stays, and answers anew for the next round."""
    with transaction.atomic():
        _lock(version)
        check_shown(shown, version_facts(version))
        if version.state != State.CANDIDATE:
            raise RefusedError(
                _("%(version)s is no candidate, so it cannot be rejected.") % {"version": version}
            )
        version.become(State.REJECTED)
        decide_outcome(candidate=version.author, decision=Outcome.Decision.NOT_RELEASED)
        record("version.rejected", actor=actor, project=version.project, target=version)
        tell_rejected(version, actor)
        _end_round(version, RoundState.KEPT, actor)
        if live := ModelVersion.objects.live().filter(project=version.project_id).first():
            prepare_next_round(version=live, actor=actor)


def roll_back(
    *, project: Project, actor: User | None, to: int | None = None, shown: Shown | None = None
) -> Release:
    """Make the version before the live one live again, and have a round prepared with new answers of it.

    The open round goes on until then.

    `to` is the number of the version that the actor takes for the one before: a request sent twice must not
    go back twice.
    """
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        check_shown(shown, live_facts(project))
        live = ModelVersion.objects.live().filter(project=project).first()
        previous = live.before if live else None
        if live is None or previous is None:
            raise RefusedError(_("There is no version before the live one to go back to."))
        if to is not None and previous.number != to:
            raise RefusedError(
                _("Another version went live in the meantime; nothing was changed. %(version)s is live.")
                % {"version": live}
            )
        release = _make_live(previous, actor=actor, allowed=(State.RETIRED,), is_rollback=True)
        decide_outcome(candidate=live.author, decision=Outcome.Decision.TAKEN_BACK)
        record("version.rolled_back", actor=actor, project=project, target=previous)
        tell_released(release, actor)
        prepare_next_round(version=previous, actor=actor)
    return release


def _lock(version: ModelVersion) -> None:
    """Let those who decide at once wait for each other, and see the version as it is then."""
    Project.objects.select_for_update(no_key=True).get(pk=version.project_id)
    version.refresh_from_db(fields=["state", "files_deleted_at"])


def _make_live(
    version: ModelVersion, *, actor: User | None, allowed: tuple[State, ...], is_rollback: bool = False
) -> Release:
    """Put a version in the live one's place; the caller holds the project's lock."""
    if version.state not in allowed:
        raise RefusedError(
            _("%(version)s cannot be made live. Its state is: %(state)s.")
            % {"version": version, "state": version.get_state_display()}
        )
    if version.files_deleted_at:
        raise RefusedError(
            _("The files of %(version)s were deleted, so it cannot be made live.") % {"version": version}
        )
    check_adapter(version)
    previous = ModelVersion.objects.live().filter(project=version.project_id).first()
    if previous is not None:
        previous.become(State.RETIRED)
    version.become(State.LIVE)
    decide_outcome(candidate=version.author, decision=Outcome.Decision.RELEASED)
    return Release.objects.create(
        project=version.project,
        version=version,
        previous=previous,
        is_rollback=is_rollback,
        released_by=actor,
    )


def _end_round(version: ModelVersion, state: RoundState, actor: User | None) -> None:
    """End the round from which an update made the version."""
    update = Update.objects.select_related("round").filter(candidate=version).first()
    if update and update.round:
        update.round.move(state, actor=actor)
