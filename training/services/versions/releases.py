"""Which version is live: registering the base, releasing, rejecting, rolling back."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Author, Completion, Project, User
from annotator.services.audit import record
from annotator.services.completions import get_or_create_author
from annotator.shown import Shown, check_shown
from ranking.errors import RankingError
from ranking.models import Outcome
from ranking.services import decide_outcome
from training.facts import live_facts, version_facts
from training.models import ModelVersion, Release, TrainingRun
from training.services.sampling.worker import open_round_with, store_sampled

State = ModelVersion.State


@transaction.atomic
def register_base_version(*, project: Project, actor: User | None = None) -> ModelVersion:
    """Make the base model the project's live version 0; a project that has a version keeps what it has."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if first := ModelVersion.objects.filter(project=project, number=0).first():
        return first
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 0")
    version = ModelVersion.objects.create(
        project=project, number=0, author=author, base_model=project.base_model, state=State.LIVE
    )
    Release.objects.create(project=project, version=version, released_by=actor)
    record("version.registered", actor=actor, project=project, target=version)
    return version


def release_version(*, version: ModelVersion, actor: User | None, shown: Shown | None = None) -> Release:
    """Make a candidate live and open the next round with its completions, all or nothing.

    A retired version can be made live again. Raises RefusedError for one that is live or was rejected, and
    when its completions cannot be read or give volunteers nothing to compare.
    """
    with transaction.atomic():
        _lock(version)
        check_shown(shown, version_facts(version))
        was_candidate = version.state == State.CANDIDATE
        release = _make_live(version, actor=actor, allowed=(State.CANDIDATE, State.RETIRED))
        run = _generate_run(version)
        # A version that was live before has its answers stored, and its run directory may be gone.
        if was_candidate and run is not None:
            store_sampled(version, run)
        open_round_with(version=version, run=run, actor=actor)
        record("version.released", actor=actor, project=version.project, target=version)
    return release


def reject_version(*, version: ModelVersion, actor: User | None, shown: Shown | None = None) -> None:
    """Put a candidate aside for good; the live version stays."""
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


def roll_back(
    *, project: Project, actor: User | None, to: int | None = None, shown: Shown | None = None
) -> Release:
    """Make the version before the live one live again and open the next round with its completions.

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
        if Completion.objects.filter(author=previous.author).exists():
            _reopen(previous, actor)
    return release


def _lock(version: ModelVersion) -> None:
    """Let those who decide at once wait for each other, and see the version as it is then."""
    Project.objects.select_for_update(no_key=True).get(pk=version.project_id)
    version.refresh_from_db(fields=["state"])


def _make_live(
    version: ModelVersion, *, actor: User | None, allowed: tuple[State, ...], is_rollback: bool = False
) -> Release:
    """Put a version in the live one's place; the caller holds the project's lock."""
    if version.state not in allowed:
        raise RefusedError(
            _("%(version)s cannot be made live. Its state is: %(state)s.")
            % {"version": version, "state": version.get_state_display()}
        )
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


def _reopen(version: ModelVersion, actor: User | None) -> None:
    """Open a round if there is something to compare: going back must not fail for want of a round."""
    try:
        with transaction.atomic():
            open_round_with(version=version, run=_generate_run(version), actor=actor)
    except RankingError:
        return


def _generate_run(version: ModelVersion) -> TrainingRun | None:
    """The run that sampled a version's completions when it was made."""
    return TrainingRun.objects.filter(
        update__candidate=version, stage=TrainingRun.Stage.GENERATE, state=TrainingRun.State.SUCCEEDED
    ).last()
