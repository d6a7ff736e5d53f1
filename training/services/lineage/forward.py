"""From a judgment to the datasets that hold it and the versions that learned from these."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from annotator.models import Project, Role, Split, User
from ranking.models import Dataset, Judgment
from ranking.models.judgments import JudgmentQuerySet
from ranking.services.dataset_rows import read_pairs
from training.models import BlindTest, ModelVersion

from .learned import Learned, had_file, learned_of


@dataclass(frozen=True)
class Step:
    """A dataset that holds a judgment, and the reward models that were trained on it or measured with it.

    `pairs` are those of the judgment's comparison in the dataset's file, as far as it votes on them; None
    when the file is gone, or when that may not be told yet.
    """

    dataset: Dataset
    pairs: int | None
    learned: list[Learned]


@dataclass(frozen=True)
class Forward:
    """What a judgment shaped; steps and versions have the newest first.

    `own` versions were made with reward models that its pairs trained, or, where its prompt is held out, that
    they measured; `later` ones were trained from such a version.
    """

    judgment: Judgment
    steps: list[Step]
    own: list[ModelVersion]
    later: list[ModelVersion]
    test: BlindTest | None

    @property
    def is_held_out(self) -> bool:
        return self.judgment.comparison.prompt.split == Split.HELD_OUT

    @property
    def live(self) -> ModelVersion | None:
        return next((each for each in (*self.own, *self.later) if each.state == each.State.LIVE), None)


def readable_judgments(project: Project, user: User, role: Role) -> JudgmentQuerySet:
    """Those whose way the member may follow: their own, and for coordinators everybody's."""
    found = Judgment.objects.filter(comparison__round__project=project)
    found = found if role == Role.COORDINATOR else found.filter(volunteer=user)
    return found.select_related("comparison__prompt", "comparison__round", "demonstration").prefetch_related(
        "inclusions"
    )


def tells_pairs(judgment: Judgment, role: Role) -> bool:
    """Whether a reader may know how many pairs came of it: that tells of others' votes.

    Volunteers learn nothing of these while they can still vote.
    """
    return role == Role.COORDINATOR or not judgment.comparison.round.is_open


def follow(judgment: Judgment, project: Project, *, with_pairs: bool = True) -> Forward:
    """Everything that the judgment shaped so far."""
    learned = learned_of(project)
    datasets = datasets_with(judgment, project)
    steps = [step_of(judgment, dataset, learned, with_pairs=with_pairs) for dataset in datasets]
    numbers = {each.version.number for step in steps for each in step.learned if each.version}
    own, later = _versions(project, numbers, is_held_out=judgment.comparison.prompt.split == Split.HELD_OUT)
    return Forward(judgment, steps, own, later, _test_of(judgment))


def datasets_with(judgment: Judgment, project: Project) -> QuerySet[Dataset]:
    """The datasets that hold the judgment, the newest first."""
    spans = Q(pk__in=[])
    for inclusion in judgment.inclusions.all():
        within = Q(number__gte=inclusion.first)
        spans |= within if inclusion.last is None else within & Q(number__lte=inclusion.last)
    return project.datasets.filter(spans).prefetch_related("withdrawn_parts")


def step_of(
    judgment: Judgment, dataset: Dataset, learned: dict[int, list[Learned]], *, with_pairs: bool = True
) -> Step:
    split = judgment.comparison.prompt.split
    pairs: int | None = 0
    if votes(judgment):
        held = read_pairs(dataset, split) if with_pairs else None
        pairs = held.of_comparison(judgment.comparison_id) if held else None
    used = [each for each in learned.get(dataset.number, []) if had_file(each.run, dataset, split)]
    return Step(dataset, pairs, [] if pairs == 0 else used)


def votes(judgment: Judgment) -> bool:
    """Whether it says anything that pairs are made of; a tie does, for it takes weight from a pair."""
    written = getattr(judgment, "demonstration", None)
    return judgment.verdict == Judgment.Verdict.RANKED or bool(written and written.is_accepted)


def versions_by_judgment(
    judgments: Sequence[Judgment], project: Project
) -> list[tuple[Judgment, list[ModelVersion]]]:
    """With each judgment, whose inclusions are prefetched, the versions among whose data it is.

    This reads no files: whether a pair came of its comparison, `follow` tells.
    """
    learned = learned_of(project)
    return [
        (
            judgment,
            [
                each.version
                for number in sorted(learned)
                if any(one.holds(number) for one in judgment.inclusions.all())
                for each in learned[number]
                if each.version
            ],
        )
        for judgment in judgments
    ]


def _versions(
    project: Project, numbers: set[int], *, is_held_out: bool
) -> tuple[list[ModelVersion], list[ModelVersion]]:
    """The versions of these numbers, and those trained from one of them; what only measured is passed on to
    none.
    """
    own, later, reached = [], [], set()
    versions = project.versions.select_related("parent").prefetch_related("releases").order_by("number")
    for version in versions if numbers else ():
        if version.number in numbers:
            own.append(version)
            reached.add(version.pk)
        elif version.parent_id in reached and not is_held_out:
            later.append(version)
            reached.add(version.pk)
    return own[::-1], later[::-1]


def _test_of(judgment: Judgment) -> BlindTest | None:
    """The blind test that it was a vote in; while one goes on nobody is told which comparisons are its."""
    if not judgment.is_current or judgment.verdict != Judgment.Verdict.RANKED:
        return None
    tests = BlindTest.objects.filter(comparisons=judgment.comparison_id, ended_at__isnull=False)
    return tests.select_related("candidate").first()
