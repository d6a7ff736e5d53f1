"""Taking immutable snapshots of a project's preferences."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.db.models import Case, Max, Model, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import Completion, Consent, Licence, Project, Prompt, Split, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from annotator.version import chorus_version
from ranking.dataset_files import DEMONSTRATIONS, REWRITES, SPLITS, UNPAIRED, Row, write_snapshot
from ranking.errors import NoPreferencesError, SnapshotFailedError
from ranking.facts import dataset_facts
from ranking.models import (
    Comparison,
    Dataset,
    Demonstration,
    Inclusion,
    Judgment,
    UnpairedPreference,
)
from ranking.statistics.consensus import Fit

from .dataset_exclusions import excluded_from_datasets
from .dataset_pairs import Pair, Votes, pairs_of
from .fits.worker import find_fit, store_fit

UNLICENSED = (
    "Some people judged before they were asked for a licence, or under another one: ask the project's "
    "coordinator before passing this on."
)
UNFINISHED = ".unfinished-"
LEFT_AFTER = 24 * 60 * 60
"""Seconds after which an unfinished folder was left by a snapshot that is no more."""

MOST_KEYS = 10_000
"""In one query."""

M = TypeVar("M", bound=Model)


class JudgmentsChangedError(Exception):
    """Judgments were withdrawn or excluded after the snapshot had read them."""


class Read(NamedTuple):
    """The judgments that a snapshot was made of, what changes of them there had been, and the fit."""

    judgments: set[int]
    changes: tuple[int, ...]
    fit: Fit


def snapshot_preferences(
    *,
    project: Project,
    actor: User | None = None,
    shown: Shown | None = None,
    before_commit: Callable[[], None] | None = None,
) -> Dataset:
    """Write all preferences so far as an immutable dataset.

    The files are written beside their final place and moved there complete, just before the dataset's
    row is committed. One that fails leaves neither; one that is killed may leave files that no row names,
    which a later snapshot removes. `before_commit` is called in the transaction of the row, which is short;
    what it raises leaves no dataset. Raises NoPreferencesError or SnapshotFailedError.
    """
    while True:
        with suppress(JudgmentsChangedError):
            return _snapshot(project, actor, shown, before_commit)


def _snapshot(
    project: Project, actor: User | None, shown: Shown | None, before_commit: Callable[[], None] | None
) -> Dataset:
    check_shown(shown, dataset_facts(project))  # before the work; again, under the lock, after it
    changes = _changes(project)
    fit = find_fit(project)
    votes = _votes(project)
    rows = _rows(pairs_of(project, votes, fit))
    if not rows:
        raise NoPreferencesError
    thumbs = list(UnpairedPreference.objects.for_dataset(project).select_related("completion__prompt"))
    about = _about(project, votes, rows, thumbs, fit)
    parent = Path(settings.DATA_DIR) / "datasets" / project.slug
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(parent)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=parent) as unfinished:
            manifest, sha256 = write_snapshot(Path(unfinished), rows, _unpaired_rows(thumbs), about)
            read = Read({judgment for judgment, *_rest in votes}, changes, fit)
            with transaction.atomic():
                # Two snapshots at once wait for each other here, so each gets a number of its own.
                Project.objects.select_for_update(no_key=True).get(pk=project.pk)
                if before_commit:
                    before_commit()
                return _publish(project, Path(unfinished), manifest, sha256, read, actor, shown)
    except OSError as error:
        raise SnapshotFailedError(
            _("The snapshot could not be written (%s); nothing was kept.") % (error.strerror or error)
        ) from error


def _changes(project: Project) -> tuple[int, ...]:
    """How often judgments of the project were withdrawn, excluded, and included again."""
    exclusions = project.exclusions
    return project.withdrawals.count(), exclusions.count(), exclusions.exclude(undone_at=None).count()


def _remove_leftovers(parent: Path) -> None:
    """Remove what killed snapshots left unfinished; a young folder may be that of one under way."""
    for folder in parent.glob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # finished or removed by another snapshot in this moment
            if time.time() - folder.stat().st_mtime > LEFT_AFTER:
                shutil.rmtree(folder)


def _votes(project: Project) -> Votes:
    """One row a rank: judgment, comparison, the accepted completion that its volunteer wrote, its original,
    verdict, is simulated, is late, the comparison's source, weight, volunteer, completion, rank.

    A judgment without ranks has one row with None for the last two. One query, so that all that is drawn
    from it speaks of the same moment.
    """
    judgments = Judgment.objects.for_dataset(project)
    written = Coalesce("demonstration__edited_id", "demonstration__completion_id")
    accepted = When(demonstration__state=Demonstration.State.ACCEPTED, then=written)
    return list(
        judgments.order_by("pk")
        .annotate(answer_written=Case(accepted))
        .values_list(
            "pk",
            "comparison_id",
            "answer_written",
            "demonstration__original_id",
            "verdict",
            "volunteer__is_simulated",
            "late",
            "comparison__source",
            "weight",
            "volunteer_id",
            "ranks__completion_id",
            "ranks__rank",
        )
    )


def _rows(pairs: list[Pair]) -> list[Row]:
    comparisons = _by_key(Comparison.objects.select_related("round"), {pair.comparison for pair in pairs})
    named = {each for pair in pairs for each in (pair.chosen, pair.rejected)}
    texts = _by_key(Completion.objects.all(), named)
    if len(texts) < len(named):
        raise JudgmentsChangedError  # With a judgment goes the answer that its volunteer wrote.
    prompts = _by_key(Prompt.objects.all(), {one.prompt_id for one in comparisons.values()})
    rows = []
    for pair in pairs:
        comparison = comparisons[pair.comparison]
        prompt = prompts[comparison.prompt_id]
        rows.append(
            {
                # Where a volunteer wrote the chosen answer, a model wrote the one that it replaces.
                "prompt": prompt.messages_after(texts[pair.rejected].system_prompt),
                "chosen": [{"role": "assistant", "content": texts[pair.chosen].text}],
                "rejected": [{"role": "assistant", "content": texts[pair.rejected].text}],
                "prompt_id": prompt.pk,
                "comparison_id": pair.comparison,
                "probability": pair.probability,
                "weight": 2 * pair.probability - 1,
                "votes": dict(zip(("chosen", "rejected", "ties"), pair.votes, strict=True)),
                "reviewer_votes": pair.reviewer_votes,
                "divided": pair.divided,
                "selection_probability": comparison.selection_probability,
                "source": pair.source,
                "split": prompt.split,
                "round": comparison.round.number,
                "language": prompt.language,
            }
        )
    return rows


def _by_key(rows: QuerySet[M], keys: Collection[int]) -> dict[int, M]:
    """The rows with these keys; a query of PostgreSQL takes 65,535 of them at most."""
    listed, found = list(keys), dict[int, M]()
    for start in range(0, len(listed), MOST_KEYS):
        found |= rows.in_bulk(listed[start : start + MOST_KEYS])
    return found


def _unpaired_rows(thumbs: list[UnpairedPreference]) -> list[Row]:
    return [
        {
            "prompt": thumb.completion.prompt.messages_after(thumb.completion.system_prompt),
            "completion": [{"role": "assistant", "content": thumb.completion.text}],
            "label": thumb.label,
            "flags": thumb.flags,
            "prompt_id": thumb.completion.prompt_id,
            "source": "chat",
            "split": thumb.completion.prompt.split,
            "language": thumb.completion.prompt.language,
        }
        for thumb in thumbs
    ]


def _about(
    project: Project, votes: Votes, rows: list[Row], thumbs: list[UnpairedPreference], fit: Fit
) -> dict[str, Any]:
    judgments = {judgment: facts for judgment, _comparison, _new, _old, *facts in votes}
    verdicts = Counter(verdict for verdict, *_rest in judgments.values())
    simulated = sum(simulated for _verdict, simulated, *_rest in judgments.values())
    late = sum(late for _verdict, _simulated, late, *_rest in judgments.values())
    chat = sum(source == Comparison.Source.CHAT for _v, _s, _l, source, *_rest in judgments.values())
    of_reviewers = sum(weight != 1 for *_facts, weight, _person, _one, _rank in judgments.values())
    in_train = sum(row["split"] == Split.TRAIN for row in rows)
    written = Counter(row["split"] for row in rows if row["source"] in REWRITES)
    unpaired = Counter(thumb.completion.prompt.split for thumb in thumbs)
    return {
        "format": "chorus-preferences-3",
        "project": {"slug": project.slug, "name": project.name},
        "created_at": timezone.now().isoformat(timespec="seconds"),
        "software": {"chorus": chorus_version(), "pyarrow": pa.__version__},
        **_licence(project),
        "languages": sorted({row["language"] for row in rows}),
        "rounds": sorted({row["round"] for row in rows}),
        "counts": {
            "judgments": len(judgments),
            "simulated_judgments": simulated,
            "late_judgments": late,
            "chat_judgments": chat,
            "reviewer_judgments": of_reviewers,
            **{verdict: verdicts[verdict] for verdict in Judgment.Verdict.values},
            "comparisons": len({row["comparison_id"] for row in rows}),
            "pairs": len(rows),
            "divided": sum(row["divided"] for row in rows),
            "train": in_train,
            "held_out": len(rows) - in_train,
            DEMONSTRATIONS: written.total(),
            **{f"{DEMONSTRATIONS}_{split}": written[split] for split in SPLITS},
            UNPAIRED: unpaired.total(),
            **{f"{UNPAIRED}_{split}": unpaired[split] for split in SPLITS},
        },
        "excluded": excluded_from_datasets(project),
        "simulated_share": simulated / len(judgments),
        "consensus": {
            "temperature": fit.temperature,
            "second_group": None if fit.contested is None else fit.share,
        },
        "last_judgment_id": max(judgments),
        "last_unpaired_id": max((thumb.pk for thumb in thumbs), default=0),
    }


def _licence(project: Project) -> dict[str, str]:
    """The project's licence, if everybody whose judgments and thumbs are in it agreed to that one."""
    licence = Licence(project.licence)
    agreed = Consent.objects.filter(project=project, licence=licence).values("user")
    of_project = (Judgment.objects.of_project(project), UnpairedPreference.objects.of_project(project))
    given = [rows.without_excluded().filter(volunteer__is_simulated=False) for rows in of_project]
    people = [rows.exclude(volunteer__in=agreed) for rows in given]
    if any(others.exists() for others in people):
        return {"license": UNLICENSED, "license_id": "other"}
    return {
        "license": f"Judgments: {licence.label}, {licence.url}. Prompts and answers are the project's.",
        "license_id": str(licence.value).lower(),
    }


def _publish(
    project: Project,
    unfinished: Path,
    manifest: dict[str, Any],
    sha256: str,
    read: Read,
    actor: User | None,
    shown: Shown | None,
) -> Dataset:
    """Move the files to their place and store the row; the caller holds the project's lock."""
    check_shown(shown, dataset_facts(project))
    # Who takes judgments back, or excludes somebody, holds this lock, too.
    if _changes(project) != read.changes:
        raise JudgmentsChangedError
    last = Dataset.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    counts = manifest["counts"]
    dataset = Dataset.objects.create(
        project=project,
        number=last + 1,
        created_by=actor,
        pairs=counts["pairs"],
        train_pairs=counts["train"],
        held_out_pairs=counts["held_out"],
        judgments=counts["judgments"],
        simulated_judgments=counts["simulated_judgments"],
        last_judgment_id=manifest["last_judgment_id"],
        last_unpaired_id=manifest["last_unpaired_id"],
        manifest=manifest,
        sha256=sha256,
    )
    Inclusion.objects.include(dataset, read.judgments)
    store_fit(project, read.fit)
    record("dataset.created", actor=actor, project=project, target=dataset, sha256=sha256, **counts)
    # Whoever was killed between this move and the commit left a folder that no row knows.
    shutil.rmtree(dataset.folder, ignore_errors=True)
    unfinished.rename(dataset.folder)
    return dataset
