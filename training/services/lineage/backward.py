"""From a version back to the judgments behind it."""

from collections import Counter
from dataclasses import dataclass, field

from annotator.models import Split
from ranking.models import Dataset
from ranking.services.dataset_rows import read_splits
from training.models import BlindTest, ModelVersion, TrainingRun, Update
from training.models.runs import ADAPTER_WEIGHTS
from training.services.gate.votes import votes_of

from .learned import dataset_of, had_file
from .votes import LeftOut, RoundPart, Undecided, left_out_of, parts_of, undecided_in

Stage = TrainingRun.Stage
MOST_ANCESTORS = 1000
"""Far more than any project has: a family that bites its own tail would end here."""


@dataclass(frozen=True)
class Withdrawn:
    """What was taken back of a dataset since: judgments and thumbs, by so many people."""

    judgments: int = 0
    thumbs: int = 0
    people: int = 0

    @classmethod
    def of(cls, dataset: Dataset) -> "Withdrawn":
        parts = dataset.withdrawn_parts.all()
        thumbs = sum(part.thumbs for part in parts)
        return cls(sum(part.judgments for part in parts) - thumbs, thumbs, len(parts))


@dataclass(frozen=True)
class Votes:
    """The judgments and pairs of a dataset: by rounds, by source and split, and what is in neither.

    `pairs` is read from the files, and empty when they are gone, as `undecided` is None then.
    """

    dataset: Dataset
    total: RoundPart
    rounds: list[RoundPart]
    withdrawn: Withdrawn
    left_out: LeftOut
    pairs: dict[str, Counter[str]] = field(default_factory=dict)
    undecided: Undecided | None = None

    @property
    def adds_up(self) -> bool:
        """Whether the rows that are there and those taken back are as many as the manifest says."""
        return self.total.judgments + self.withdrawn.judgments == self.dataset.judgments

    @property
    def sources(self) -> list[tuple[str, int, int]]:
        """(source, pairs for training, pairs held out), in order."""
        train, held_out = (self.pairs.get(split, Counter()) for split in (Split.TRAIN, Split.HELD_OUT))
        return [(source, train[source], held_out[source]) for source in sorted({*train, *held_out})]


@dataclass(frozen=True)
class Links:
    """Whether each step had, byte for byte, what the step before left; None where that is not known."""

    dataset_to_reward: bool | None
    reward_to_policy: bool | None
    policy_to_version: bool | None


@dataclass(frozen=True)
class TestVotes:
    """A blind test with its votes, counted anew; some may have been taken back since."""

    test: BlindTest
    comparisons: int
    votes: int
    people: int
    simulated: int


@dataclass(frozen=True)
class Ancestor:
    version: ModelVersion
    withdrawn: Withdrawn


@dataclass(frozen=True)
class Backward:
    """All that a version came of: it and its parents, up to the base, and what it learned from itself."""

    version: ModelVersion
    update: Update | None
    runs: dict[str, TrainingRun]
    links: Links | None
    votes: Votes | None
    test: TestVotes | None
    ancestors: list[Ancestor]


def trace(version: ModelVersion) -> Backward:
    update = Update.objects.filter(candidate=version).select_related("round", "project").first()
    succeeded = update.runs.filter(state=TrainingRun.State.SUCCEEDED).order_by("pk") if update else ()
    runs = {run.stage: run for run in succeeded}
    dataset = version.dataset
    return Backward(
        version=version,
        update=update,
        runs=runs,
        links=_links(version, dataset, runs) if dataset and Stage.REWARD in runs else None,
        votes=votes_in(dataset) if dataset else None,
        test=_test_of(version),
        ancestors=_ancestors(version),
    )


def votes_in(dataset: Dataset) -> Votes:
    files = read_splits(dataset)
    total, rounds = parts_of(dataset)
    return Votes(
        dataset=dataset,
        total=total,
        rounds=rounds,
        withdrawn=Withdrawn.of(dataset),
        left_out=left_out_of(dataset),
        pairs={split: each.sources for split, each in files.items()},
        undecided=undecided_in(dataset, files.values()) if files else None,
    )


def _links(version: ModelVersion, dataset: Dataset, runs: dict[str, TrainingRun]) -> Links:
    reward, policy = runs[Stage.REWARD], runs.get(Stage.PPO)
    given = dataset_of(reward)
    used = policy.recipe.get("reward_adapter") if policy else None
    written = written_adapter(policy) if policy else None
    return Links(
        None if given is None else given == dataset.number and had_file(reward, dataset, Split.TRAIN),
        None if used is None else used.endswith(f"/runs/{reward.pk}/output"),
        None if written is None else written == version.adapter_sha256,
    )


def written_adapter(run: TrainingRun) -> str | None:
    """The checksum of the adapter that a run wrote, as the engine reported it; None where it wrote none."""
    checksum: str | None = run.result.get("files", {}).get(ADAPTER_WEIGHTS)
    return checksum


def _test_of(version: ModelVersion) -> TestVotes | None:
    tests = BlindTest.objects.filter(candidate=version)
    test = tests.select_related("candidate", "baseline", "round").first()
    if test is None:
        return None
    votes = votes_of(test)
    people = len(set(votes.person.tolist()))
    return TestVotes(test, test.comparisons.count(), len(votes.outcome), people, votes.simulated)


def _ancestors(version: ModelVersion) -> list[Ancestor]:
    """Its parents, the nearest first, up to the base model; one look at all versions."""
    others = version.project.versions.select_related("dataset").prefetch_related(
        "dataset__withdrawn_parts", "releases"
    )
    by_key, current = {each.pk: each for each in others}, version
    found: list[Ancestor] = []
    while current.parent_id and len(found) < MOST_ANCESTORS:
        current = by_key[current.parent_id]
        found.append(Ancestor(current, Withdrawn.of(current.dataset) if current.dataset else Withdrawn()))
    return found
