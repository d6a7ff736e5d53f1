"""What a project tells the public about itself: numbers, checksums and verdicts, no names and no texts.

What is still open is left out: a candidate before it was decided about, a blind test that goes on, and the
agreement of a round in which people can still vote.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count, Sum

from annotator.limits import FEWEST_PEOPLE
from annotator.models import Project
from annotator.text.storable import storable
from ranking.models import Dataset
from ranking.models.reliability import fit_of
from ranking.models.round_states import RoundState
from training.costs import cost_of
from training.models import BlindTest, ModelVersion, Origin, TrainingRun
from training.services.base_models.cards import BaseDescription, describe_base
from training.services.timeline import Expense, line_of, rounds_of
from training.services.versions.origins import without_provenance
from training.services.versions.withdrawn_datasets import withdrawn_datasets

CARD, LONGEST_CARD = "README.md", 64 * 1024
NEWEST = 13
"""Of rounds, datasets and versions: a quarter of a year of weeks."""


@dataclass(frozen=True)
class PublicRound:
    """A round in numbers; `agreement` is None where few took part or people can still vote."""

    number: int
    state: str
    opened_at: datetime | None
    judgments: int
    of_simulated: int
    people: int
    agreement: float | None


@dataclass(frozen=True)
class PublicOrigin:
    """Where a version came from that another project made, with the licences of the datasets behind it.

    `source` is None where that project is deleted, or tells the public nothing: then it is not named.
    """

    source: ModelVersion | None
    licences: list[str]

    @classmethod
    def of(cls, origin: Origin) -> "PublicOrigin":
        source = origin.source if origin.source and origin.source.project.is_transparent else None
        return cls(source, sorted({each["license"] for each in origin.facts["datasets"]} - {""}))


@dataclass(frozen=True)
class PublicVersion:
    version: ModelVersion
    origin: PublicOrigin | None
    test: BlindTest | None
    withdrawn: list[Dataset]
    card: str


class PublicAccount:
    """The figures of one project; each is counted when it is first asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def base(self) -> BaseDescription:
        return describe_base(self.project.base_model)

    @cached_property
    def rounds(self) -> list[PublicRound]:
        begun = rounds_of(self.project).exclude(state=RoundState.PREPARING)
        fit = fit_of(self.project)
        return [_public(line_of(one, fit)) for one in begun[:NEWEST]]

    @cached_property
    def datasets(self) -> list[Dataset]:
        return list(self.project.datasets.prefetch_related("withdrawn_parts")[:NEWEST])

    @cached_property
    def versions(self) -> list[PublicVersion]:
        """Those that were decided about, the newest first."""
        behind = withdrawn_datasets(self.project)
        tests = {test.candidate_id: test for test in self.ended_tests}
        return [
            PublicVersion(
                version=version,
                origin=PublicOrigin.of(version.origin) if hasattr(version, "origin") else None,
                test=tests.get(version.pk),
                withdrawn=behind.get(version.pk, []),
                card=_card(version),
            )
            for version in self._decided()[:NEWEST]
        ]

    @cached_property
    def live(self) -> ModelVersion | None:
        return ModelVersion.objects.live().filter(project=self.project).first()

    @cached_property
    def ended_tests(self) -> list[BlindTest]:
        tests = BlindTest.objects.filter(candidate__project=self.project, ended_at__isnull=False)
        return list(tests.exclude(candidate__state=ModelVersion.State.CANDIDATE).select_related("candidate"))

    @cached_property
    def withdrawals(self) -> dict[str, int]:
        found: dict[str, Any] = self.project.withdrawals.aggregate(
            people=Count("pk"), judgments=Sum("judgments")
        )
        return {name: value or 0 for name, value in found.items()}

    @cached_property
    def totals(self) -> dict[str, int]:
        """How many there are of what is listed, for the lists show the newest."""
        return {
            "rounds": self.project.rounds.begun().count(),
            "datasets": self.project.datasets.count(),
            "versions": self._decided().count(),
            "releases": self.project.releases.filter(is_rollback=False).count(),
            "rollbacks": self.project.releases.filter(is_rollback=True).count(),
        }

    @cached_property
    def expense(self) -> Expense:
        return Expense.of(TrainingRun.objects.filter(project=self.project))

    @property
    def cost(self) -> str:
        return cost_of(self.project, seconds=self.expense.seconds, kwh=self.expense.kwh)

    def _decided(self) -> Any:
        versions = self.project.versions.exclude(state=ModelVersion.State.CANDIDATE)
        related = ("parent", "dataset", "project", "origin__source__project")
        return versions.select_related(*related).prefetch_related("evaluations")


def _public(line: Any) -> PublicRound:
    collected = line.collected
    may_tell = not line.round.is_open and collected.people >= FEWEST_PEOPLE
    return PublicRound(
        number=line.round.number,
        state=line.round.get_state_display(),
        opened_at=line.round.opened_at,
        judgments=collected.judgments,
        of_simulated=collected.of_simulated,
        people=collected.people,
        agreement=collected.agreement.share if may_tell else None,
    )


def _card(version: ModelVersion) -> str:
    """The version's model card without its front matter; empty where it has none.

    Without what it says of other projects, too: some tell the public nothing.
    """
    folder = version.adapter_dir
    if folder is None:
        return ""
    try:
        text = (folder / CARD).read_text(encoding="utf-8", errors="replace")[:LONGEST_CARD]
    except OSError:
        return ""
    return without_provenance(storable(text).split("\n---\n", 1)[-1])
