"""Which judgments are in which datasets."""

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from .datasets import Dataset
from .judgments import Judgment, JudgmentQuerySet

CHUNK = 500


class InclusionQuerySet(models.QuerySet["Inclusion"]):
    def include(self, dataset: Dataset, judgments: Iterable[int]) -> None:
        """Store that exactly these judgments are in the project's newest dataset; its lock is held."""
        before = self.filter(judgment__comparison__round__project=dataset.project_id, last=None)
        known = dict(before.values_list("judgment", "pk"))
        read = set(judgments)
        gone = [pk for judgment, pk in known.items() if judgment not in read]
        for start in range(0, len(gone), CHUNK):
            self.filter(pk__in=gone[start : start + CHUNK]).update(last=dataset.number - 1)
        new = sorted(read - known.keys())
        rows = [Inclusion(judgment_id=pk, first=dataset.number) for pk in new]
        Inclusion.objects.bulk_create(rows, batch_size=CHUNK)

    def at(self, number: int) -> Self:
        """Those of judgments in the dataset of this number of their project."""
        return self.filter(Q(last=None) | Q(last__gte=number), first__lte=number)

    def missing_from(self, dataset: Dataset) -> JudgmentQuerySet:
        """The judgments that the project's next dataset will hold, and this one does not."""
        held = self.at(dataset.number).filter(judgment=OuterRef("pk"))
        return Judgment.objects.for_dataset(dataset.project).filter(~Exists(held))


class Inclusion(models.Model):
    """A judgment is in its project's datasets from number `first` to `last`, or in all since.

    One that left the datasets and came back, with its prompt, has several. They go with the judgment when it
    is withdrawn; the datasets keep how many that were.
    """

    judgment = models.ForeignKey(Judgment, on_delete=models.CASCADE, related_name="inclusions")
    first = models.PositiveIntegerField()
    last = models.PositiveIntegerField(null=True, blank=True)

    objects = InclusionQuerySet.as_manager()

    class Meta:
        ordering = ("first",)
        constraints = (
            models.UniqueConstraint(fields=("judgment", "first"), name="inclusion_begins_once"),
            models.CheckConstraint(
                condition=Q(last=None) | Q(last__gte=models.F("first")), name="inclusion_ends_after_it_began"
            ),
            models.UniqueConstraint(
                fields=("judgment",), condition=Q(last=None), name="one_open_inclusion_per_judgment"
            ),
        )

    def __str__(self) -> str:
        return f"Judgment {self.judgment_id} in datasets {self.first} to {self.last or 'the newest'}"

    def holds(self, number: int) -> bool:
        """Whether the dataset of this number is one of them."""
        return self.first <= number and (self.last is None or number <= self.last)
